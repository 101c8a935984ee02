/* How a job stands, and its manifest. */
#include "archive/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/drafts.h"
#include "util/output.h"
#include "util/sink.h"

static void causes_free(hsmime_job_state *s)
{
	for (size_t i = 0; i < s->cause_count; i++)
		free(s->causes[i].cause);
	free(s->causes);
	s->causes = NULL;
	s->cause_count = 0;
}

void hsmime_job_state_free(hsmime_job_state *s)
{
	if (s == NULL)
		return;
	causes_free(s);
	free(s->task);
	free(s->in);
	free(s->out);
	free(s->folder);
	free(s);
}

static int set_text(char **field, const char *text)
{
	if (*field == NULL)
		*field = strdup(text);
	return *field != NULL ? 0 : HSMIME_ENOMEM;
}

static int set_names(struct job *j)
{
	hsmime_job_state *s = j->state;
	int status = set_text(&s->task, j->task->name);

	if (status == 0)
		status = set_text(&s->in, j->options.in);
	if (status == 0 && j->options.out != NULL)
		status = set_text(&s->out, j->options.out);
	return status == 0 ? set_text(&s->folder, j->folder) : status;
}

static int read_causes(struct job *j, struct error *err)
{
	hsmime_job_state *s = j->state;
	struct journal_cause *causes = NULL;
	size_t count = 0;
	int status = j->journal->kind->causes(&causes, &count, j->journal, err);

	causes_free(s);
	if (status == 0 && count > 0 && (s->causes = calloc(count, sizeof(*s->causes))) == NULL)
		status = error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		if (status == 0)
			s->causes[s->cause_count++] =
			    (hsmime_job_cause){ causes[i].cause, causes[i].count };
		else
			free(causes[i].cause);
	}
	free(causes);
	return status;
}

int job_cause_check(const char *cause, struct error *err)
{
	static const char *const causes[] = { "no-key", "not-decrypted", "not-valid",
		"inside-signature", "malformed", "unsupported", "policy", "unreadable" };

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (cause == NULL || strcmp(cause, causes[i]) == 0)
			return 0;
	error_set(err, HSMIME_EUSAGE, "no message fails of \"%s\"", cause);
	return error_hint(err, "the causes are no-key, not-decrypted, not-valid, inside-signature, "
			       "malformed, unsupported, policy and unreadable");
}

static void take_totals(hsmime_job_state *s, const struct journal_totals *t)
{
	hsmime_job_counts *c = &s->counts;

	c->waiting = t->counts[JOURNAL_WAITING];
	c->done = t->counts[JOURNAL_DONE];
	c->copied = t->counts[JOURNAL_COPIED];
	c->skipped = t->counts[JOURNAL_SKIPPED];
	c->failed = t->counts[JOURNAL_FAILED];
	c->listed = t->listed;
	c->octets = 0;
	for (int i = JOURNAL_DONE; i <= JOURNAL_FAILED; i++)
		c->octets += t->octets[i];
	s->started = t->started;
	s->changed = t->changed != 0 ? t->changed : HSMIME_NO_TIME;
}

static bool has_manifest(const struct job *j)
{
	char *path = NULL;
	bool has = job_folder_path(&path, j, "manifest.jsonl") == 0 && access(path, F_OK) == 0;

	free(path);
	return has;
}

int job_state_read(struct job *j, struct error *err)
{
	struct journal_totals totals;
	int status;

	if (j->state == NULL && (j->state = calloc(1, sizeof(*j->state))) == NULL)
		return error_nomem(err);
	j->state->dry_run = j->options.dry_run;
	status = j->journal->kind->totals(&totals, j->journal, err);
	if (status != 0)
		return status;
	take_totals(j->state, &totals);
	j->state->finished = totals.listed && j->state->counts.waiting == 0 && has_manifest(j);
	if (set_names(j) != 0)
		return error_nomem(err);
	return read_causes(j, err);
}

static int write_line(void *arg, const struct journal_entry *e)
{
	const hsmime_sink *out = arg;
	int status;

	if (e->record == NULL)
		return 0;
	status = sink_string(out, e->record);
	return status == 0 ? sink_string(out, "\n") : status;
}

int job_manifest_remove(struct job *j, struct error *err)
{
	char *path = NULL;
	int status = job_folder_path(&path, j, "manifest.jsonl");

	if (status != 0)
		return error_nomem(err);
	if (unlink(path) == 0)
		status = folder_sync(path, strlen(j->folder), err);
	else if (errno != ENOENT)
		status = error_errno(err, "removing", path);
	free(path);
	return status;
}

static int write_manifest(struct job *j, const char *path, struct error *err)
{
	hsmime_output *out = NULL;
	hsmime_sink sink;
	int status = hsmime_output_file(&out, path);

	if (status != 0)
		status = error_nomem(err);
	else
		status = output_begin(out, true, j->ctx->shared->libctx, 0, err);
	if (status == 0) {
		output_sink(&sink, out);
		status = j->journal->kind->each(j->journal, false, write_line, &sink, err);
	}
	if (status == 0)
		status = output_commit(out, err);
	hsmime_output_free(out);
	return status;
}

int job_report(struct job *j, struct error *err)
{
	return j->options.report != NULL ? write_manifest(j, j->options.report, err) : 0;
}

/* The manifest says that all is done, so it comes last. */
int job_manifest(struct job *j, struct error *err)
{
	char *path = NULL;
	int status = job_report(j, err);

	if (status != 0)
		return status;
	status = job_folder_path(&path, j, "manifest.jsonl");
	status = status == 0 ? write_manifest(j, path, err) : error_nomem(err);
	free(path);
	return status;
}
