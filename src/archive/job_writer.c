/*
 * Outcomes into the mailbox, failed/ and the journal, many at a time: what was written is synced and named
 * first, and then committed. Before that the keys are tried out: what a token that answers wrongly gave
 * is not kept but done again.
 */
#include "archive/job.h"

#include <stdlib.h>
#include <string.h>

#include "archive/record.h"
#include "util/clock.h"

#define BATCH 256
#define WAIT_MS 100       /* for more of a batch */
#define WAIT_MOST_MS 5000 /* the same, where trying out the keys takes long */
#define TRIALS_SHARE 50   /* of the time at most one part in so many goes to trials */
#define BAD_PAUSE_MS 1000
#define DOUBTS 2

struct writer {
	struct job *j;
	hsmime_ctx *ctx;
	struct message *batch[BATCH];
	size_t count;
	unsigned wait_ms;
	bool broken;                     /* a batch could not be kept */
	struct mail_draft drafts[BATCH]; /* of one mailbox */
	size_t from[BATCH];              /* whose they are */
	struct journal_entry entries[BATCH];
};

static int try_keys(void *arg)
{
	struct writer *w = arg;

	return keyring_try(w->j->keyring, &w->ctx->err);
}

/* A card takes as long for a trial as for a message: then a batch is to be of many, however long that takes. */
static int try_and_time(struct writer *w)
{
	int64_t began = clock_ms(CLOCK_MONOTONIC), took;
	int status = ctx_run(w->ctx, try_keys, w);

	took = (clock_ms(CLOCK_MONOTONIC) - began) * TRIALS_SHARE;
	w->wait_ms = took < WAIT_MS ? WAIT_MS : took < WAIT_MOST_MS ? (unsigned)took : WAIT_MOST_MS;
	return status;
}

static void do_again(struct writer *w)
{
	for (size_t i = 0; i < w->count; i++)
		flow_again(&w->j->flow, w->batch[i], false);
	w->count = 0;
}

/*
 * An answer of the token may have been wrong for a moment, or it refused for one, which tells nobody apart from
 * a message that is damaged. A failure of that kind stands once it came again, with a trial that went well in between.
 */
static bool is_doubtful(const struct message *m)
{
	bool failed =
	    m->entry.state == JOURNAL_FAILED && strcmp(m->entry.cause, "not-decrypted") == 0;

	return (failed || m->doubtful) && m->doubts < DOUBTS;
}

static void doubt(struct writer *w)
{
	struct flow *f = &w->j->flow;
	size_t count = w->count;
	bool gap = false;

	w->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct message *m = w->batch[i];

		if (is_doubtful(m)) {
			m->doubts++;
			flow_again(f, m, false);
			gap = f->ordered;
		} else if (gap) {
			flow_return(f, m);
		} else {
			w->batch[w->count++] = m;
		}
	}
}

static bool any_of(const struct writer *w, enum journal_state state)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->batch[i]->entry.state == state)
			return true;
	return false;
}

static bool any_decrypted(const struct writer *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->batch[i]->doubtful)
			return true;
	return any_of(w, JOURNAL_DONE) || any_of(w, JOURNAL_FAILED);
}

static bool goes_to(const struct writer *w, size_t i, const struct mail_sink *sink)
{
	bool failed = w->batch[i]->entry.state == JOURNAL_FAILED;

	return w->batch[i]->draft.output != NULL && failed == (sink == w->j->failed);
}

/* Those of the batch that are of one mailbox. */
static int settle(struct writer *w, struct mail_sink *sink, uint64_t *committed)
{
	size_t count = 0;
	int status;

	for (size_t i = 0; i < w->count; i++)
		if (goes_to(w, i, sink)) {
			w->from[count] = i;
			w->drafts[count++] = w->batch[i]->draft;
		}
	if (count == 0)
		return 0;
	status = mail_sink_settle(sink, w->drafts, count, committed, &w->ctx->err);
	for (size_t i = 0; i < count; i++)
		w->batch[w->from[i]]->draft = w->drafts[i];
	return status;
}

/* Of an mbox its name is known only now. */
static int take_name(struct message *m)
{
	if (m->draft.name == NULL)
		return 0;
	m->entry.output = strdup(m->draft.name);
	return m->entry.output != NULL ? record_output(&m->entry) : HSMIME_ENOMEM;
}

/* What of the batch is safe in its mailbox. The rest waits for the next run. */
static int commit(struct writer *w, uint64_t committed)
{
	struct job *j = w->j;
	size_t count = 0;
	int status = 0;

	for (size_t i = 0; i < w->count && status == 0; i++)
		if (w->batch[i]->draft.status == 0) {
			status = take_name(w->batch[i]);
			w->entries[count++] = w->batch[i]->entry;
		}
	if (status != 0)
		return error_nomem(&w->ctx->err);
	pthread_mutex_lock(&j->journal_lock);
	if (count > 0)
		status = j->journal->kind->commit(
		    j->journal, w->entries, count, committed, &w->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	if (status == 0)
		j->committed = committed;
	return status;
}

/* Of several hosts: it is still this one that is to name these files. 0, JOURNAL_LOST or a status. */
static int hold(struct writer *w)
{
	struct job *j = w->j;
	int status;

	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->hold(j->journal, &w->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	return status;
}

static void count_outcomes(struct writer *w)
{
	hsmime_job_counts *c = &w->j->state->counts;
	uint64_t *const by_state[] = { [JOURNAL_WAITING] = &c->waiting,
		[JOURNAL_DONE] = &c->done,
		[JOURNAL_COPIED] = &c->copied,
		[JOURNAL_SKIPPED] = &c->skipped,
		[JOURNAL_FAILED] = &c->failed };

	pthread_mutex_lock(&w->j->state_lock);
	for (size_t i = 0; i < w->count; i++)
		if (w->batch[i]->draft.status == 0) {
			(*by_state[w->batch[i]->entry.state])++;
			c->octets += w->batch[i]->entry.item.size;
			c->closed +=
			    w->batch[i]->entry.closed && w->batch[i]->entry.state != JOURNAL_FAILED;
			c->waiting -= c->waiting > 0;
			c->run++;
		}
	pthread_mutex_unlock(&w->j->state_lock);
}

/*
 * What no outcome names any more: of those that failed once and are safe now the copy in failed/, and of those that fail
 * what a run that was killed before its commit may have named.
 */
static int forget_others(struct writer *w)
{
	struct job *j = w->j;
	bool any = j->failed != NULL && !j->fresh; /* of a run before */
	int status = 0;

	for (size_t i = 0; any && i < w->count && status == 0; i++) {
		const struct message *m = w->batch[i];

		if (m->draft.status == 0)
			status =
			    mail_sink_forget(m->entry.state == JOURNAL_FAILED ? j->sink : j->failed,
				&m->entry.item, j->task->extension, &w->ctx->err);
	}
	if (any && status == 0)
		status = mail_sink_forgotten(j->sink, &w->ctx->err);
	return any && status == 0 ? mail_sink_forgotten(j->failed, &w->ctx->err) : status;
}

static int keep_all(struct writer *w)
{
	uint64_t committed = w->j->committed, none = 0;
	int status = settle(w, w->j->sink, &committed);
	struct error first = w->ctx->err;
	int later = settle(w, w->j->failed, &none);

	if (status == 0) {
		status = later;
		first = w->ctx->err;
	}
	/* Of several hosts what lies there may be another's by now: who is late removes nothing. */
	later = job_is_shared(w->j) ? 0 : forget_others(w);
	if (later == 0)
		later = commit(w, committed);
	if (later == 0 && job_is_shared(w->j))
		later = forget_others(w);
	if (later == 0)
		count_outcomes(w);
	if (status != 0)
		w->ctx->err = first;
	return status != 0 ? status : later;
}

/*
 * Who was not heard of for too long has lost its files by then, perhaps just before they were named: that is not the
 * disk's failure.
 */
static int keep(struct writer *w)
{
	struct error why;
	int status = hold(w);

	if (status != 0)
		return status;
	status = keep_all(w);
	if (status == 0 || status == JOURNAL_LOST || !job_is_shared(w->j))
		return status;
	why = w->ctx->err;
	if (hold(w) == JOURNAL_LOST)
		return JOURNAL_LOST;
	w->ctx->err = why;
	return status;
}

/* A token that answers wrongly, or is out, costs time and no message. */
static void suspect(struct writer *w)
{
	struct job *j = w->j;

	ctx_log(w->ctx, 0, "%zu messages are decrypted again: %s", w->count, w->ctx->err.message);
	do_again(w);
	if (job_may_wait(j, w->ctx))
		flow_pause(&j->flow, BAD_PAUSE_MS);
	else
		flow_stop(&j->flow, HSMIME_ETOKEN, &w->ctx->err);
}

void job_write(struct job *j, hsmime_ctx *ctx)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		flow_stop(&j->flow, error_nomem(&ctx->err), &ctx->err);
		return;
	}
	w->j = j;
	w->ctx = ctx;
	w->wait_ms = WAIT_MS;
	while ((w->count = flow_collect(&j->flow, w->batch, BATCH, w->wait_ms)) > 0) {
		int status;

		if (!j->options.dry_run && any_decrypted(w) && try_and_time(w) != 0) {
			suspect(w);
			continue;
		}
		if (any_of(w, JOURNAL_DONE))
			atomic_store(&j->away, 0);
		doubt(w);
		/* What comes behind a batch that could not be kept might overtake it, and is left to the next run. */
		status = w->broken ? 0 : keep(w);
		w->broken = w->broken || status != 0;
		status = job_unless_lost(j, status);
		for (size_t i = 0; i < w->count; i++)
			flow_release(&j->flow, w->batch[i]);
		if (status != 0)
			flow_stop(&j->flow, status, &ctx->err);
	}
	free(w);
}
