/*
 * The journal of a dry run: a temporary one, so that a run goes as it would and changes nothing. Of a job that was
 * begun it has what that one's has.
 */
#include "archive/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 256

/* Messages on their way from one journal into the other. */
struct copying {
	struct journal *to;
	struct error *err;
	struct mail_item items[BATCH];
	enum journal_state states[BATCH];
	char *causes[BATCH];
	size_t count;
	struct journal_entry taken[BATCH], outcomes[BATCH];
};

static int make_folder(struct job *j, struct error *err)
{
	const char *folder = getenv("TMPDIR");

	if (folder == NULL || folder[0] != '/')
		folder = "/var/tmp";
	if (asprintf(&j->trial, "%s/hsmime-dry-run-XXXXXX", folder) < 0) {
		j->trial = NULL;
		return error_nomem(err);
	}
	if (mkdtemp(j->trial) != NULL)
		return 0;
	free(j->trial);
	j->trial = NULL;
	return error_errno(err, "making a folder in", folder);
}

void job_trial_close(struct job *j)
{
	static const char *const behind[] = { "", "-wal", "-shm", "-journal", "-lock" };

	for (size_t i = 0; j->trial != NULL && i < sizeof(behind) / sizeof(behind[0]); i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/journal.sqlite%s", j->trial, behind[i]) < 0)
			continue;
		(void)unlink(path);
		free(path);
	}
	if (j->trial != NULL)
		(void)rmdir(j->trial);
	free(j->trial);
	j->trial = NULL;
}

static void drop(struct copying *c)
{
	while (c->count > 0) {
		mail_item_free(&c->items[--c->count]);
		free(c->causes[c->count]);
		c->causes[c->count] = NULL;
	}
}

/* Those that have an outcome get it. */
static int settle(struct copying *c)
{
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (c->states[i] == JOURNAL_WAITING)
			continue;
		c->outcomes[count] = c->taken[i];
		c->outcomes[count].state = c->states[i];
		c->outcomes[count++].cause = c->causes[i];
	}
	return count > 0 ? c->to->kind->commit(c->to, c->outcomes, count, 0, c->err) : 0;
}

static int flush(struct copying *c)
{
	size_t count = 0;
	int status;

	if (c->count == 0)
		return 0;
	status = c->to->kind->add(c->to, c->items, c->count, c->err);
	if (status == 0)
		status = c->to->kind->take(c->taken, &count, c->count, c->to, c->err);
	if (status == 0 && count != c->count)
		status = error_set(c->err, HSMIME_EFORMAT, "the journal has a message twice");
	if (status == 0)
		status = settle(c);
	for (size_t i = 0; i < count; i++)
		journal_entry_free(&c->taken[i]);
	drop(c);
	return status;
}

static int copy_entry(void *arg, const struct journal_entry *e)
{
	struct copying *c = arg;
	struct mail_item *item = &c->items[c->count];

	*item = e->item;
	item->name = strdup(e->item.name);
	item->key = strdup(e->item.key);
	c->states[c->count] = e->state;
	c->causes[c->count] = e->cause != NULL ? strdup(e->cause) : NULL;
	c->count++;
	if (item->name == NULL || item->key == NULL ||
	    (e->cause != NULL && c->causes[c->count - 1] == NULL))
		return error_nomem(c->err);
	return c->count == BATCH ? flush(c) : 0;
}

static int copy_all(struct job *j, struct journal *to, struct journal *from, struct error *err)
{
	struct journal_totals totals;
	struct copying *c = calloc(1, sizeof(*c));
	int status = c != NULL ? from->kind->totals(&totals, from, err) : error_nomem(err);

	if (c == NULL || status != 0) {
		free(c);
		return status;
	}
	c->to = to;
	c->err = err;
	status = from->kind->each(from, false, copy_entry, c, err);
	if (status == 0)
		status = flush(c);
	drop(c);
	free(c);
	j->committed = totals.committed;
	atomic_store(&j->listed, totals.listed);
	return status == 0 && totals.listed ? to->kind->listed(to, err) : status;
}

/* The job's journal into the one at path, with the settings that it was begun with. */
static int copy_journal(struct job *j, const char *path, struct error *err)
{
	struct journal *from = NULL, *to = NULL;
	char *name = NULL, *settings = NULL;
	int status = job_journal_name(&name, j, err);

	if (status == 0)
		status = journal_open(&from, name, NULL, err);
	if (status == 0)
		status = from->kind->settings(&settings, from, err);
	if (status == 0)
		status = journal_open(&to, path, settings, err);
	if (status == 0)
		status = copy_all(j, to, from, err);
	journal_close(to);
	journal_close(from);
	free(settings);
	free(name);
	return status;
}

/* What is said of the copy is true of the job. */
static int name_job(struct job *j, int status, struct error *err)
{
	struct error why = *err;
	const char *setting = strrchr(why.message, ' ');

	if (status != HSMIME_EUSAGE)
		return status;
	error_set(err, status, "the job in %s was begun with another setting:%s", j->folder,
	    setting != NULL ? setting : "");
	return error_hint(err, "%s", why.hint);
}

int job_trial_open(struct job *j, struct error *err)
{
	char *path = NULL;
	int status = make_folder(j, err);

	if (status == 0 && asprintf(&path, "%s/journal.sqlite", j->trial) < 0) {
		path = NULL;
		status = error_nomem(err);
	}
	if (status == 0 && !job_folder_is_new(j))
		status = copy_journal(j, path, err);
	/* Those that wait are given out again. */
	if (status == 0)
		status = name_job(j, journal_open(&j->journal, path, j->asked, err), err);
	free(path);
	return status;
}
