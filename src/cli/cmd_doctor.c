#include "command.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <hsmime/doctor.h>

#include "config.h"
#include "job.h"
#include "text/json.h"
#include "key_list.h"
#include "message.h"
#include "text/utf8.h"

static const struct {
	const char *word; /* in JSON, and where the terminal may not know the sign */
	const char *sign;
} levels[] = {
	[HSMIME_FINDING_OK] = { "ok", "\xe2\x9c\x94" },
	[HSMIME_FINDING_INFO] = { "info", " " },
	[HSMIME_FINDING_WARNING] = { "warning", "!" },
	[HSMIME_FINDING_ERROR] = { "error", "\xe2\x9c\x98" },
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* The settings are the tool's own, so what is to say of them is found here. */
typedef void settings_visit(void *arg, const hsmime_finding *f);

static void visit_file(settings_visit *visit, void *arg, enum option_rank rank)
{
	static char read[] = "the configuration file is read",
		    absent[] = "there is no such configuration file";
	hsmime_finding f = { .id = "settings-file", .area = "settings", .count = 1 };
	char path[PATH_MAX];
	bool there;

	if (!config_path(path, rank))
		return;
	/* What can't be read has ended the command before. */
	there = config_find(&there, path) == 0 && there;
	f.level = there ? HSMIME_FINDING_OK : HSMIME_FINDING_INFO;
	f.subject = path;
	f.what = there ? read : absent;
	visit(arg, &f);
}

/* The first of the warnings are of the configuration; those of the tokens came later. */
static void visit_settings(settings_visit *visit, void *arg, size_t warnings)
{
	static char what_to_do[] = "correct the file; hsmime.conf(5) describes it";

	for (enum option_rank rank = RANK_SYSTEM; rank <= RANK_USER; rank++)
		visit_file(visit, arg, rank);
	for (size_t i = 0; i < warnings; i++) {
		hsmime_finding f = { .id = "settings-unknown",
			.area = "settings",
			.level = HSMIME_FINDING_WARNING,
			.what = (char *)message_warnings()[i],
			.what_to_do = what_to_do,
			.count = 1 };

		visit(arg, &f);
	}
}

static void write_json_finding(void *arg, const hsmime_finding *f)
{
	struct json *j = arg;

	json_open(j, NULL, '{');
	json_text(j, "id", f->id);
	json_text(j, "area", f->area);
	json_text(j, "level", levels[f->level].word);
	json_text(j, "subject", f->subject);
	json_text(j, "what", f->what);
	json_text(j, "what_to_do", f->what_to_do);
	json_text(j, "status", hsmime_status_name(f->status));
	json_number(j, "count", f->count);
	json_close(j, '}');
}

/* For people: one area after the other, each thing that is spoken of once. */
struct page {
	bool signs; /* the terminal knows them */
	bool quiet; /* only what is to be done */
	const char *area;
	char subject[512];
	size_t counts[LEVELS];
};

static void write_subject(struct page *p, const hsmime_finding *f)
{
	const char *subject = f->subject != NULL ? f->subject : "";
	bool new_area = p->area == NULL || strcmp(p->area, f->area) != 0;

	if (new_area)
		printf("%s%s\n", p->area != NULL ? "\n" : "", f->area);
	if (subject[0] != '\0' &&
	    (new_area || strncmp(p->subject, subject, sizeof(p->subject) - 1) != 0)) {
		fputs("  ", stdout);
		utf8_print(stdout, subject);
		putchar('\n');
	}
	p->area = f->area;
	snprintf(p->subject, sizeof(p->subject), "%s", subject);
}

static void write_finding(void *arg, const hsmime_finding *f)
{
	struct page *p = arg;

	p->counts[f->level] += f->count;
	if (p->quiet && f->level < HSMIME_FINDING_WARNING)
		return;
	write_subject(p, f);
	if (p->signs)
		printf("  %s ", levels[f->level].sign);
	else
		printf("  %-7s ", f->level == HSMIME_FINDING_INFO ? "" : levels[f->level].word);
	utf8_print(stdout, f->what);
	if (f->count > 1)
		printf(" (and %zu more like it)", f->count - 1);
	putchar('\n');
	if (f->what_to_do == NULL)
		return;
	printf("  %*s ", p->signs ? 3 : 9, "->");
	utf8_print(stdout, f->what_to_do);
	putchar('\n');
}

static void write_summary(const struct page *p)
{
	const size_t *n = p->counts;
	size_t errors = n[HSMIME_FINDING_ERROR], warnings = n[HSMIME_FINDING_WARNING];

	printf("%s%zu error%s, %zu warning%s, %zu well\n", p->area != NULL ? "\n" : "", errors,
	    errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s", n[HSMIME_FINDING_OK]);
}

/* The lowest exit status among the errors: 4, the token, goes before 5, the key. */
static int worst(const hsmime_finding *list, size_t count)
{
	int status = 0;

	for (size_t i = 0; i < count; i++)
		if (list[i].level == HSMIME_FINDING_ERROR &&
		    (status == 0 ||
			hsmime_exit_status(list[i].status) < hsmime_exit_status(status)))
			status = list[i].status;
	return status;
}

/* What the first of the findings with that status says is what failed. */
static void explain(struct job *job, const hsmime_finding *list, size_t count, int status)
{
	for (size_t i = 0; i < count && status != 0; i++)
		if (list[i].level == HSMIME_FINDING_ERROR && list[i].status == status) {
			(void)job_refuse(job, status,
			    list[i].what_to_do != NULL ? list[i].what_to_do : "", "%s",
			    list[i].what);
			return;
		}
}

static void write_json(
    struct job *job, const hsmime_finding *list, size_t count, int status, size_t warnings)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '{');
	job_json(&j, job, status);
	json_open(&j, "findings", '[');
	visit_settings(write_json_finding, &j, warnings);
	for (size_t i = 0; i < count; i++)
		write_json_finding(&j, &list[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	job->reported = true;
}

static bool utf8_locale(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8 = locale != (locale_t)0 && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

	if (locale != (locale_t)0)
		freelocale(locale);
	return utf8;
}

static void write_text(
    const struct job *job, const hsmime_finding *list, size_t count, size_t warnings)
{
	struct page p = { .signs = utf8_locale(), .quiet = option_is(job->options, OPT_QUIET) };

	visit_settings(write_finding, &p, warnings);
	for (size_t i = 0; i < count; i++)
		write_finding(&p, &list[i]);
	write_summary(&p);
}

static size_t count_warnings(void)
{
	size_t n = 0;

	while (message_warnings()[n] != NULL)
		n++;
	return n;
}

int cmd_doctor(const struct options *o)
{
	struct job job;
	hsmime_doctor_options d = HSMIME_DOCTOR_OPTIONS_INIT;
	hsmime_finding *list = NULL;
	size_t count = 0, warnings = count_warnings();
	const char **names = NULL;
	int status = job_start(&job, o, "doctor");

	if (status == 0)
		status = key_names(&names, &job);
	if (status == 0)
		status = job_load(&job.anchors, &job, OPT_CA);
	if (status == 0)
		status = job_load(&job.certs, &job, OPT_CERT);
	d.more_keys = names;
	d.login = option_is(o, OPT_LOGIN);
	d.anchors = job.anchors;
	d.certs = job.certs;
	if (status == 0)
		status = hsmime_doctor(&list, &count, job.ctx, &d);
	if (status == 0) {
		status = worst(list, count);
		explain(&job, list, count, status);
		if (option_is(o, OPT_JSON))
			write_json(&job, list, count, status, warnings);
		else
			write_text(&job, list, count, warnings);
	}
	hsmime_findings_free(list, count);
	free((void *)names);
	return job_finish(&job, status);
}
