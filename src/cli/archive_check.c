/* hsmime archive check. */
#include "archive.h"

#include <stdio.h>
#include <string.h>

#include <hsmime/custody.h>

#include "progress.h"
#include "report.h"
#include "text/utf8.h"
#include "text/values.h"

#define LINES_MOST 100 /* findings for people; of the others only how many there are */

struct telling {
	struct job *job;
	struct json json;
	bool begun; /* the object */
	uint64_t told;
};

/* Findings come first: there may be more of them than memory holds. */
static void begin_json(struct telling *t)
{
	if (t->begun)
		return;
	t->begun = true;
	json_open(&t->json, NULL, '{');
	json_open(&t->json, "findings", '[');
}

static void number_or_null(struct json *j, const char *key, uint64_t value)
{
	if (value != 0)
		json_number(j, key, value);
	else
		json_null(j, key);
}

static void write_finding(struct telling *t, const hsmime_custody_finding *f)
{
	struct json *j = &t->json;

	begin_json(t);
	json_open(j, NULL, '{');
	json_text(j, "kind", f->kind);
	number_or_null(j, "line", f->line);
	number_or_null(j, "number", f->number);
	json_text(j, "name", f->name);
	json_text(j, "words", f->words);
	json_close(j, '}');
}

static void print_finding(const hsmime_custody_finding *f)
{
	printf("%s: ", f->kind);
	if (f->line != 0)
		printf("line %llu: ", (unsigned long long)f->line);
	if (f->name != NULL) {
		utf8_print(stdout, f->name);
		fputs(": ", stdout);
	}
	utf8_print(stdout, f->words);
	putchar('\n');
}

static int tell(void *arg, const hsmime_custody_finding *f)
{
	struct telling *t = arg;
	const struct options *o = t->job->options;

	t->told++;
	if (option_is(o, OPT_JSON)) {
		write_finding(t, f);
	} else if (!option_is(o, OPT_QUIET) && t->told <= LINES_MOST) {
		progress_clear();
		print_finding(f);
	}
	return 0;
}

static void write_json(struct telling *t, const hsmime_check *c, int status)
{
	struct json *j = &t->json;

	begin_json(t);
	json_close(j, ']');
	job_json(j, t->job, status);
	json_bool(j, "proved", status == 0);
	json_text(j, "manifest_sha256", c->manifest_sha256[0] != '\0' ? c->manifest_sha256 : NULL);
	json_text(j, "task", c->task);
	json_text(j, "in", c->in);
	json_text(j, "out", c->out);
	json_text(j, "started", c->started);
	json_text(j, "finished", c->finished);
	json_number(j, "lines", c->lines);
	json_number(j, "outputs", c->outputs);
	json_number(j, "sources", c->sources);
	json_number(j, "octets", c->octets);
	json_number(j, "finding_count", c->findings);
	if (c->seal != NULL) {
		json_open(j, "seal", '{');
		json_bool(j, "valid", c->seal->status == 0);
		report_json(j, c->seal);
		json_close(j, '}');
	} else {
		json_null(j, "seal");
	}
	json_close(j, '}');
	t->job->reported = true;
}

static void write_number(const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	utf8_field(stdout, 10, name, text);
}

static void write_text(const struct telling *t, const hsmime_check *c, int status)
{
	const char *how = c->seal != NULL
			      ? "complete and unaltered since it was sealed"
			      : "complete, and as the manifest has it: no seal was asked for";

	if (t->told > LINES_MOST)
		printf("… and %llu more findings; --json has all\n",
		    (unsigned long long)(t->told - LINES_MOST));
	utf8_print(stdout, t->job->options->operands[1]);
	printf(": %s\n", status == 0 ? how : "NOT PROVED");
	utf8_field(stdout, 10, "task", c->task);
	utf8_field(stdout, 10, "in", c->in);
	utf8_field(stdout, 10, "out", c->out);
	utf8_field(stdout, 10, "started", c->started);
	utf8_field(stdout, 10, "finished", c->finished);
	utf8_field(stdout, 10, "SHA-256", c->manifest_sha256);
	write_number("messages", c->lines);
	write_number("outputs", c->outputs);
	if (option_is(t->job->options, OPT_SOURCES))
		write_number("sources", c->sources);
	write_number("findings", c->findings);
	if (c->seal == NULL)
		return;
	fputs("\nThe seal: ", stdout);
	report_verified(stdout, c->seal);
}

static int take_options(hsmime_check_options *c, struct job *job)
{
	const struct options *o = job->options;
	int status = archive_time(&c->at, job, OPT_AT);

	if (status == 0)
		status = job_load(&job->anchors, job, OPT_CA);
	if (status == 0)
		status = job_load(&job->certs, job, OPT_CERT);
	if (status == 0)
		status = job_load(&job->recipients, job, OPT_SEALED_BY);
	c->manifest = o->operands[1];
	c->signature = option_text(o, OPT_SIGNATURE);
	c->no_seal = option_is(o, OPT_NO_SEAL);
	c->in = option_text(o, OPT_IN);
	c->out = option_text(o, OPT_OUT);
	c->folder = option_text(o, OPT_JOB);
	c->sources = option_is(o, OPT_SOURCES);
	c->shared = option_is(o, OPT_SHARED);
	c->anchors = job->anchors;
	c->certs = job->certs;
	c->sealed_by = job->recipients;
	c->no_chain = option_is(o, OPT_NO_CHAIN);
	c->any_purpose = option_is(o, OPT_ANY_PURPOSE);
	if (status != 0 || !c->no_seal || (c->signature == NULL && c->sealed_by == NULL))
		return status;
	return job_refuse(job, HSMIME_EUSAGE, "leave one of them out",
	    "--no-seal and --%s contradict each other",
	    c->signature != NULL ? "signature" : "sealed-by");
}

int archive_check(struct job *job)
{
	hsmime_check_options o = HSMIME_CHECK_OPTIONS_INIT;
	struct telling t = { .job = job, .json = { .out = stdout } };
	hsmime_check *check = NULL;
	int status = take_options(&o, job);

	if (status != 0)
		return status;
	o.callback = tell;
	o.callback_arg = &t;
	status = hsmime_archive_check(&check, job->ctx, &o);
	progress_clear();
	if (check != NULL && option_is(job->options, OPT_JSON))
		write_json(&t, check, status);
	else if (check != NULL && (status == 0 || status == HSMIME_EINVALID) &&
		 !option_is(job->options, OPT_QUIET))
		write_text(&t, check, status);
	hsmime_check_free(check);
	return status;
}
