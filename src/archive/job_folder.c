/* A job's folder, and what it was begun with. */
#include "archive/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "archive/drafts.h"
#include "text/json.h"
#include "text/values.h"
#include "util/hex.h"

#define SUFFIX ".hsmime"

int job_folder_path(char **out, const struct job *j, const char *name)
{
	if (asprintf(out, "%s/%s", j->folder, name) >= 0)
		return 0;
	*out = NULL;
	return HSMIME_ENOMEM;
}

/* What another job would have otherwise, and nothing else. */
static int write_settings(char **out, const struct job *job)
{
	hsmime_job_options options = job->options;
	const hsmime_job_options *o = &options;
	size_t len = 0;
	struct json j = { .compact = true, .out = open_memstream(out, &len) };
	int status;

	options.report = job->settings[3];
	if (j.out == NULL)
		return HSMIME_ENOMEM;
	json_open(&j, NULL, '{');
	json_text(&j, "task", job->task->name);
	json_text(&j, "in", job->settings[0]);
	if (job->beside != NULL)
		json_text(&j, "beside", job->beside);
	json_text(&j, "out", job->settings[1]);
	json_text(&j, "key", o->key_uri);
	status = job->task->settings(&j, o);
	json_number(&j, "limit", o->limit);
	json_time(&j, "since", o->since);
	json_time(&j, "until", o->until);
	json_text(&j, "recipient", o->recipient);
	json_close(&j, '}');
	if (fclose(j.out) == 0 && status == 0)
		return 0;
	free(*out);
	*out = NULL;
	return HSMIME_ENOMEM;
}

/* It becomes part of file names, the same in every run. */
static int set_name(struct job *j, const char *settings)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (EVP_Q_digest(j->ctx->shared->libctx, "SHA256", NULL, settings, strlen(settings), digest,
		NULL) != 1)
		return HSMIME_ENOMEM;
	hex_lower(j->name, digest, JOB_NAME / 2);
	return 0;
}

static int set_folder(struct job *j, struct error *err)
{
	const char *out = j->task->writes ? j->options.out : j->options.report;
	const char *place = j->task->writes ? strchr(out, ':') : NULL;
	size_t len;

	if (j->options.folder != NULL)
		j->folder = strdup(j->options.folder);
	else {
		place = place != NULL ? place + 1 : out;
		len = strlen(place);
		while (len > 1 && place[len - 1] == '/')
			len--;
		if (asprintf(&j->folder, "%.*s" SUFFIX, (int)len, place) < 0)
			j->folder = NULL;
	}
	return j->folder != NULL ? 0 : error_nomem(err);
}

int job_folder_name(struct job *j, struct error *err)
{
	int status = set_folder(j, err);

	if (status == 0)
		status = job_places(j, err);
	if (status != 0)
		return status;
	status = write_settings(&j->asked, j);
	if (status == 0)
		status = set_name(j, j->asked);
	return status == 0 ? 0 : error_nomem(err);
}

/* What is there already may be anything, and of a list nobody knows before which files it names. */
static int report_apart(const struct job *j, struct error *err)
{
	const char *report = j->options.report;
	bool in_source = false, in_folder = false;
	struct stat st;
	int status = mail_place_within(&in_folder, report, j->folder);

	if (status == 0 && !j->source->kind->scattered)
		status = mail_place_within(&in_source, report, j->source->place);
	if (status != 0)
		return error_nomem(err);
	if (in_source || in_folder)
		error_set(err, HSMIME_EUSAGE, "the report %s is in %s", report,
		    in_source ? "the mailbox that is read" : "the job's folder");
	else if (job_folder_is_new(j) && lstat(report, &st) == 0)
		error_set(err, HSMIME_EUSAGE, "the report %s is there already", report);
	else
		return 0;
	return error_hint(err, "name a file of its own with --report");
}

int job_folder_apart(struct job *j, struct error *err)
{
	const char *out = j->task->writes ? strchr(j->options.out, ':') : NULL;
	bool in_source = false, in_sink = false;
	int status = 0;

	if (!j->source->kind->scattered)
		status = mail_place_within(&in_source, j->folder, j->source->place);
	if (status == 0 && out != NULL)
		status = mail_place_within(&in_sink, j->folder, out + 1);
	if (status != 0)
		return error_nomem(err);
	if (!in_source && !in_sink)
		return j->task->writes ? 0 : report_apart(j, err);
	error_set(err, HSMIME_EUSAGE, "the job's folder %s is in the mailbox that is %s", j->folder,
	    in_source ? "read" : "written");
	return error_hint(err, "give another one with --job");
}

/* What the job wrote is not to be in two places. */
int job_sink_check(const struct job *j, struct error *err)
{
	const char *place = j->task->writes ? strchr(j->options.out, ':') : NULL;
	const hsmime_job_counts *c = j->state != NULL ? &j->state->counts : NULL;

	if (c == NULL || c->done + c->copied == 0 || place == NULL ||
	    (mail_sink_is_ordered(j->options.out) && !j->state->finished) ||
	    access(place + 1, F_OK) == 0)
		return 0;
	error_set(
	    err, HSMIME_EUSAGE, "%s is not there, and the job wrote messages into it", place + 1);
	return error_hint(err, "put it back to where it was");
}

int job_sink_open(struct job *j, struct error *err)
{
	int status = job_sink_check(j, err);

	if (status != 0 || !j->task->writes)
		return status;
	if (j->options.journal != NULL)
		status = mail_sink_may_share(j->options.out, err);
	if (status != 0)
		return status;
	if (j->options.dry_run)
		return mail_sink_check(j->options.out, j->name, j->committed, err);
	if (job_is_shared(j))
		return mail_sink_open_shared(&j->sink, j->options.out, j->name, j->tag, err);
	return mail_sink_open(&j->sink, j->options.out, j->name, j->committed, err);
}

int job_folder_open(struct job *j, struct error *err)
{
	int status = j->options.dry_run ? job_trial_open(j, err)
					: folder_make(j->folder, strlen(j->folder), 0, err);

	if (status == 0 && !j->options.dry_run)
		status = job_journal_open(j, j->asked, err);
	if (status == 0)
		status = job_certs_keep(j, err);
	return status == 0 ? job_certs_check(j, err) : status;
}

static int read_setting(char **out, struct job *j, const char *name, struct error *err)
{
	return j->journal->kind->setting(out, j->journal, name, err);
}

static int read_number(uint64_t *out, struct job *j, const char *name, struct error *err)
{
	char *text = NULL;
	int status = read_setting(&text, j, name, err);

	if (status == 0)
		*out = text != NULL ? strtoull(text, NULL, 10) : 0;
	free(text);
	return status;
}

static int read_task(struct job *j, struct error *err)
{
	char *name = NULL;
	int status = read_setting(&name, j, "task", err);

	j->task = name != NULL ? job_task_named(name) : NULL;
	free(name);
	if (status == 0 && j->task == NULL)
		status = error_set(err, HSMIME_EUNSUPPORTED,
		    "the job in %s is of a kind that this hsmime does not know", j->folder);
	return status;
}

static int read_time(int64_t *out, struct job *j, const char *name, struct error *err)
{
	char *text = NULL;
	int status = read_setting(&text, j, name, err);

	if (status == 0 && text != NULL && !time_parse(out, text))
		*out = HSMIME_NO_TIME;
	free(text);
	return status;
}

static int read_flags(struct job *j, struct error *err)
{
	hsmime_job_options *o = &j->options;
	const struct {
		const char *name;
		int *value;
	} flags[] = { { "require_authenticated", &o->require_authenticated },
		{ "skip_plain", &o->skip_plain }, { "deep", &o->deep },
		{ "no_chain", &o->no_chain }, { "keep_recipients", &o->keep_recipients },
		{ "recipient_key_id", &o->recipient_key_id }, { "no_check", &o->no_check } };
	uint64_t transport = 0;
	int status = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && status == 0; i++) {
		uint64_t value = 0;

		status = read_number(&value, j, flags[i].name, err);
		*flags[i].value = value != 0;
	}
	if (status == 0)
		status = read_number(&transport, j, "key_transport", err);
	o->key_transport = (enum hsmime_key_transport)transport;
	return status == 0 ? read_time(&o->at, j, "at", err) : status;
}

static int read_settings(struct job *j, struct error *err)
{
	hsmime_job_options *o = &j->options;
	int status = read_task(j, err);

	if (status == 0)
		status = read_setting(&j->settings[0], j, "in", err);
	if (status == 0)
		status = read_setting(&j->settings[1], j, "out", err);
	if (status == 0)
		status = read_setting(&j->settings[2], j, "key", err);
	if (status == 0)
		status = read_setting(&j->settings[3], j, "report", err);
	if (status == 0)
		status = read_setting(&j->settings[4], j, "reencrypt", err);
	if (status == 0)
		status = read_setting(&j->settings[5], j, "provenance", err);
	if (status == 0)
		status = read_setting(&j->beside, j, "beside", err);
	if (status == 0)
		status = read_flags(j, err);
	o->report = j->settings[3];
	o->cipher = j->settings[4];
	o->provenance = j->settings[5];
	o->reencrypt = o->cipher != NULL;
	o->in = j->settings[0];
	o->out = j->settings[1];
	if (o->key_uri == NULL)
		o->key_uri = j->settings[2];
	/* Several --key of the tool are such a group, and the next command has its own. */
	if (status == 0 && j->retry && o->key_uri != NULL &&
	    strncmp(o->key_uri, "group:--", 8) == 0 && o->key_uri == j->settings[2]) {
		error_set(err, HSMIME_EUSAGE, "the job was begun with several keys");
		return error_hint(err, "name them again with --key, as at first");
	}
	if (status == 0 && (o->in == NULL || (o->out == NULL && j->task->writes)))
		status = error_set(err, HSMIME_EFORMAT,
		    "the journal in %s does not say what its job is", j->folder);
	return status;
}

/* No journal is there: it may be the mailbox that was named, beside which the job's folder lies. */
static void suggest_folder(const struct job *j, struct error *err)
{
	char *beside = NULL;
	size_t len = strlen(j->folder);

	if (access(j->folder, X_OK) != 0 && errno == EACCES)
		return; /* nobody can tell */
	while (len > 1 && j->folder[len - 1] == '/')
		len--;
	if (asprintf(&beside, "%.*s%s", (int)len, j->folder, SUFFIX) < 0)
		beside = NULL;
	if (beside != NULL && access(beside, F_OK) == 0)
		(void)error_hint(err, "the folder of that mailbox's job is %s", beside);
	else if (beside != NULL)
		(void)error_hint(
		    err, "name the job's folder, as MAILBOX%s beside what it writes", SUFFIX);
	free(beside);
}

int job_folder_find(struct job *j, const char *folder, struct error *err)
{
	char *settings = NULL;
	int status = 0;

	j->folder = strdup(folder);
	if (j->folder == NULL)
		return error_nomem(err);
	status = job_journal_open(j, NULL, err);
	if (status == HSMIME_EIO && job_folder_is_new(j))
		suggest_folder(j, err);
	if (status == 0)
		status = j->journal->kind->settings(&settings, j->journal, err);
	if (status == 0)
		status = set_name(j, settings);
	if (status == 0)
		status = read_settings(j, err);
	if (status == 0)
		status = job_certs_keep(j, err);
	free(settings);
	return status;
}
