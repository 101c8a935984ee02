/* How a job stands. */
#include "archive/job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void causes_free(hsmime_job_state *s)
{
	for (size_t i = 0; i < s->cause_count; i++)
		free(s->causes[i].cause);
	free(s->causes);
	s->causes = NULL;
	s->cause_count = 0;
}

static void hosts_free(hsmime_job_state *s)
{
	for (size_t i = 0; i < s->host_count; i++)
		free(s->hosts[i].name);
	free(s->hosts);
	s->hosts = NULL;
	s->host_count = 0;
}

void hsmime_job_state_free(hsmime_job_state *s)
{
	if (s == NULL)
		return;
	hosts_free(s);
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

static void take_host(hsmime_job_host *to, const struct journal_host *from)
{
	static const enum hsmime_job_presence words[] = { HSMIME_HOST_PRESENT, HSMIME_HOST_LEFT,
		HSMIME_HOST_GONE };

	*to = (hsmime_job_host){ .name = from->name,
		.process = from->process,
		.presence = words[from->presence],
		.held = from->held,
		.done = from->done,
		.since = from->since,
		.seen = from->seen };
}

static int read_hosts(struct job *j, struct error *err)
{
	hsmime_job_state *s = j->state;
	struct journal_host *hosts = NULL;
	size_t count = 0;
	int status = j->journal->kind->hosts(&hosts, &count, j->journal, err);

	hosts_free(s);
	if (status == 0 && count > 0 && (s->hosts = calloc(count, sizeof(*s->hosts))) == NULL)
		status = error_nomem(err);
	for (size_t i = 0; i < count; i++) {
		if (status == 0)
			take_host(&s->hosts[s->host_count++], &hosts[i]);
		else
			free(hosts[i].name);
	}
	free(hosts);
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
	c->closed = t->closed;
	c->listed = t->listed;
	c->octets = 0;
	for (int i = JOURNAL_DONE; i <= JOURNAL_FAILED; i++)
		c->octets += t->octets[i];
	s->started = t->started;
	s->worked = t->worked;
	s->changed = t->changed != 0 ? t->changed : HSMIME_NO_TIME;
}

static bool has_file(const struct job *j, const char *name)
{
	char *path = NULL;
	bool has = job_folder_path(&path, j, name) == 0 && access(path, F_OK) == 0;

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
	j->state->finished = totals.listed && totals.finished && j->state->counts.waiting == 0 &&
			     has_file(j, JOB_MANIFEST);
	j->state->sealed = j->state->finished && has_file(j, JOB_SEAL);
	if (set_names(j) != 0)
		return error_nomem(err);
	status = read_causes(j, err);
	return status == 0 ? read_hosts(j, err) : status;
}
