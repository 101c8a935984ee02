/* hsmime archive count. */
#include "archive.h"

#include <string.h>

#include <hsmime/archive.h>

#include "job.h"
#include "text/json.h"
#include "message.h"
#include "progress.h"
#include "text/utf8.h"
#include "text/values.h"

/* What stands above the rows, and what the object's member is called. */
static const struct {
	const char *title;
	const char *member;
} parts[] = {
	[HSMIME_TALLY_KIND] = { "Kind", "kinds" },
	[HSMIME_TALLY_YEAR] = { "Year", "years" },
	[HSMIME_TALLY_CIPHER] = { "Content encrypted with", "ciphers" },
	[HSMIME_TALLY_ALGORITHM] = { "Keys encrypted with", "algorithms" },
	[HSMIME_TALLY_RECIPIENT] = { "Recipient", "recipients" },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const char *size_words(char *text, size_t room, uint64_t octets)
{
	static const char units[] = "KMGTPE";
	double value = (double)octets / 1024;
	size_t i = 0;

	if (octets < 1024) {
		snprintf(text, room, "%u B", (unsigned)octets);
		return text;
	}
	for (; value >= 1000 && units[i + 1] != '\0'; i++)
		value /= 1024;
	snprintf(text, room, value < 10 ? "%.1f %ciB" : "%.0f %ciB", value, units[i]);
	return text;
}

static void write_row(const char *value, uint64_t messages, uint64_t octets)
{
	char size[16];

	printf(
	    "%12llu  %8s  ", (unsigned long long)messages, size_words(size, sizeof(size), octets));
	utf8_print(stdout, value);
	putchar('\n');
}

static void write_text(const hsmime_tally *t)
{
	printf("%12s  %8s\n", "messages", "size");
	write_row("in all", t->messages, t->octets);
	for (size_t i = 0; i < t->row_count; i++) {
		const hsmime_tally_row *r = &t->rows[i];

		if (i == 0 || t->rows[i - 1].by != r->by)
			printf("\n%s\n", parts[r->by].title);
		write_row(r->value, r->messages, r->octets);
	}
}

static void write_json_row(struct json *j, const hsmime_tally_row *r)
{
	json_open(j, NULL, '{');
	json_text(j, "value", r->value);
	if (r->by == HSMIME_TALLY_RECIPIENT) {
		json_text(j, "issuer", r->issuer);
		json_text(j, "serial_number", r->serial_number);
		json_text(j, "key_id", r->key_id);
	}
	json_number(j, "messages", r->messages);
	json_number(j, "octets", r->octets);
	json_close(j, '}');
}

static void write_json(struct job *job, const hsmime_tally *t, int status)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	json_number(&j, "messages", t->messages);
	json_number(&j, "octets", t->octets);
	json_number(&j, "unlisted", t->unlisted);
	json_number(&j, "passed_over", t->passed_over);
	for (size_t part = 0, i = 0; part < PARTS; part++) {
		json_open(&j, parts[part].member, '[');
		for (; i < t->row_count && (size_t)t->rows[i].by == part; i++)
			write_json_row(&j, &t->rows[i]);
		json_close(&j, ']');
	}
	json_close(&j, '}');
	job->reported = true;
}

static int take_options(hsmime_count_options *c, struct job *job)
{
	int status = archive_time(&c->since, job, OPT_SINCE);

	if (status == 0)
		status = archive_time(&c->until, job, OPT_UNTIL);
	if (status == 0)
		status = archive_number(&c->limit, job, OPT_LIMIT);
	if (status == 0)
		status = archive_match(&c->recipient, job);
	return status == 0 ? archive_mailbox(&c->in, job, OPT_IN) : status;
}

/* It was counted as far as it could be read. */
static int judge(struct job *job, const hsmime_tally *t)
{
	if (t->passed_over > 0)
		message_warning(
		    "%llu entries are no files, as symbolic links, and were passed over",
		    (unsigned long long)t->passed_over);
	if (t->unlisted == 0)
		return 0;
	return job_refuse(job, HSMIME_EIO, "the warnings before name them",
	    "not all was counted: %llu folders or lines could not be read",
	    (unsigned long long)t->unlisted);
}

int archive_count(struct job *job)
{
	hsmime_count_options c = HSMIME_COUNT_OPTIONS_INIT;
	hsmime_tally *tally = NULL;
	int status = take_options(&c, job);

	if (status == 0)
		status = hsmime_archive_count(&tally, job->ctx, &c);
	progress_clear();
	if (status != 0)
		return status;
	status = judge(job, tally);
	if (option_is(job->options, OPT_JSON))
		write_json(job, tally, status);
	else
		write_text(tally);
	hsmime_tally_free(tally);
	return status;
}
