/*
 * What is left to do once nothing waits: what nobody needs any more goes, the manifest is written, and sealed. Of several
 * hosts one does it, and the others wait for it.
 */
#include "archive/job.h"

#include <stdio.h>
#include <stdlib.h>

/* Nothing waits, and nothing can come. */
static bool is_complete(const struct job *j)
{
	return atomic_load(&j->listed) && j->state->counts.waiting == 0;
}

/* Of several hosts one that was given up may have left more since, as nothing waits any more. */
static int finish_sink(struct job *j, struct mail_sink *sink, struct error *err)
{
	int status = job_is_shared(j) ? mail_sink_clear(sink, NULL, err) : 0;

	return status == 0 ? mail_sink_finish(sink, err) : status;
}

struct leftovers {
	struct job *j;
	struct mail_sink *sink; /* where they are */
	struct error *err;
};

/* By the name that the job itself would give it there; nobody else's has that name, and no other message's. */
static int forget(void *arg, const struct journal_entry *e)
{
	const struct leftovers *l = arg;
	bool failed = e->state == JOURNAL_FAILED;

	if (failed != (l->sink == l->j->sink))
		return 0;
	return mail_sink_forget(l->sink, &e->item, l->j->task->extension, l->err);
}

/* Whether failed/ has more messages than failed. What can't be listed may have. */
static int has_more(bool *more, struct job *j, struct error *err)
{
	uint64_t room = j->state->counts.failed;
	struct mail_source *s = NULL;
	bool any = true;
	char *name = NULL;
	int status;

	*more = false;
	if (asprintf(&name, "eml:%s", j->failed->place) < 0)
		return error_nomem(err);
	status = mail_source_open(&s, name, err);
	while (status == 0 && any && !*more) {
		struct mail_item item;

		status = mail_source_next(&item, &any, s, err);
		*more = status == HSMIME_EIO || (status == 0 && any && room-- == 0);
		if (status == HSMIME_EIO) {
			error_clear(err);
			status = 0;
		}
		mail_item_free(&item);
	}
	mail_source_close(s);
	free(name);
	return status;
}

/*
 * Of several hosts one that was killed just behind a commit may have left what an earlier attempt at that message wrote to
 * the other mailbox. Every message is asked for only where failed/ has too many: on a network's file system that takes
 * its time.
 */
static int forget_leftovers(struct job *j, struct error *err)
{
	struct leftovers l = { j, j->sink, err };
	bool more = false;
	int status = j->journal->kind->each(j->journal, true, forget, &l, err);

	if (status == 0)
		status = has_more(&more, j, err);
	l.sink = j->failed;
	return status == 0 && more ? j->journal->kind->each(j->journal, false, forget, &l, err)
				   : status;
}

static int finish_mine(struct job *j, struct error *err)
{
	int status = 0;

	if (j->task->writes)
		status = finish_sink(j, j->sink, err);
	if (status == 0 && j->task->writes)
		status = finish_sink(j, j->failed, err);
	if (status == 0 && j->task->writes && job_is_shared(j))
		status = forget_leftovers(j, err);
	if (status == 0)
		status = job_manifest(j, err);
	if (status == 0)
		status = j->journal->kind->finished(j->journal, err);
	if (status != 0)
		return status;
	j->state->finished = 1;
	j->state->stopped = 0; /* nothing was left to stop */
	return job_seal(j);
}

int job_finish(struct job *j, struct error *err)
{
	bool mine = false;
	int status = job_state_read(j, err);

	if (status != 0 || !is_complete(j) || j->options.dry_run)
		return status;
	status = job_claim_finish(&mine, j, err);
	if (status == 0 && mine)
		return finish_mine(j, err);
	/* Who does that may die before its seal. */
	return status == 0 && j->state->finished ? job_seal_once(j, err) : status;
}

int job_seal_once(struct job *j, struct error *err)
{
	bool mine = false;
	int status;

	if (!job_seal_wanted(j))
		return 0;
	status = job_claim_seal(&mine, j, err);
	if (status != 0 || j->state->stopped)
		return status;
	if (!j->state->finished) {
		error_set(err, HSMIME_EIO, "another host does again what failed");
		return error_hint(err, "once that is done, the same command seals the manifest");
	}
	if (!mine) {
		ctx_log(j->ctx, 0, "another host sealed the manifest: it is sealed already");
		return 0;
	}
	status = job_seal_check(j);
	if (status == 0)
		status = job_seal_keep(j, err);
	return status == 0 ? job_seal(j) : status;
}
