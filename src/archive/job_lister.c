/*
 * The mailbox into the journal, and what waits there into the flow. Of several hosts one lists, and takes no more than
 * the others; each takes what it needs soon, so that at the end none has much while others have nothing.
 */
#include "archive/job.h"

#include "archive/choice.h"
#include "util/clock.h"

#define BATCH 256
#define POLL_MS 250 /* in which another host's doings are looked at */

struct lister {
	struct job *j;
	hsmime_ctx *ctx;
	struct mail_item items[BATCH];
	size_t count;
	uint64_t total; /* messages in the journal */
	uint64_t waiting;
	bool tried; /* the mailbox was listed, as far as it could be */
};

static void free_items(struct lister *l)
{
	while (l->count > 0)
		mail_item_free(&l->items[--l->count]);
}

static void fail(struct lister *l, int status)
{
	flow_stop(&l->j->flow, status, &l->ctx->err);
}

/* What others did is not seen here otherwise. */
static void take_counts(struct job *j, const struct journal_totals *t)
{
	hsmime_job_counts *c = &j->state->counts;

	pthread_mutex_lock(&j->state_lock);
	c->waiting = t->counts[JOURNAL_WAITING];
	if (job_is_shared(j)) {
		c->done = t->counts[JOURNAL_DONE];
		c->copied = t->counts[JOURNAL_COPIED];
		c->skipped = t->counts[JOURNAL_SKIPPED];
		c->failed = t->counts[JOURNAL_FAILED];
		c->closed = t->closed;
	}
	pthread_mutex_unlock(&j->state_lock);
	if (t->listed)
		atomic_store(&j->listed, true);
}

static int count_total(struct lister *l)
{
	struct journal_totals totals;
	struct job *j = l->j;
	int status;

	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->totals(&totals, j->journal, &l->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	if (status != 0)
		return status;
	take_counts(j, &totals);
	l->waiting = totals.counts[JOURNAL_WAITING];
	l->total = 0;
	for (int i = 0; i <= JOURNAL_FAILED; i++)
		l->total += totals.counts[i];
	return 0;
}

static int add_items(struct lister *l)
{
	struct job *j = l->j;
	int status;

	if (l->count == 0)
		return 0;
	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->add(j->journal, l->items, l->count, &l->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	free_items(l);
	status = job_unless_lost(j, status);
	return status == 0 && !flow_stopped(&j->flow) ? count_total(l) : status;
}

/* At most so many that wait. */
static int pass_some(size_t *count, struct lister *l, size_t max)
{
	struct journal_entry entries[BATCH];
	struct job *j = l->j;
	int status;

	*count = 0;
	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->take(
	    entries, count, max < BATCH ? max : BATCH, j->journal, &l->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	for (size_t i = 0; status == 0 && i < *count; i++)
		if (!flow_put(&j->flow, &entries[i]))
			journal_entry_free(&entries[i]);
	return job_unless_lost(j, status);
}

/* What its workers need soon, of a job of several hosts. *none: they need some, and none is free. */
static int pass_needed(bool *none, struct lister *l, unsigned wait_ms)
{
	size_t workers = l->j->options.workers, count = 0;
	size_t room = flow_await(&l->j->flow, 2 * workers, 4 * workers, wait_ms);
	int status = room > 0 ? pass_some(&count, l, room) : 0;

	*none = room > 0 && count == 0;
	return status;
}

/* Everything that waits, as far as the journal gives it. */
static int pass_on(struct lister *l)
{
	size_t count = 1;
	bool none;
	int status = 0;

	if (job_is_shared(l->j))
		return pass_needed(&none, l, 0);
	while (status == 0 && count > 0 && !flow_stopped(&l->j->flow))
		status = pass_some(&count, l, BATCH);
	return status;
}

/* A message that can't be read has no date that is known: it is not left out silently, but fails. */
static int is_wanted(bool *wanted, struct lister *l, const struct mail_item *item)
{
	const hsmime_job_options *o = &l->j->options;
	const struct choice choice = { o->since, o->until, o->recipient };
	struct cms_env env = ctx_env(l->ctx);
	struct inspection found = { 0 };
	struct mail_octets octets = { 0 };
	int status;

	*wanted = true;
	if (choice_all(&choice))
		return 0;
	status = mail_source_read(&octets, l->j->source, item, env.err);
	if (status == 0)
		status = inspect(&found, &octets.source, &env);
	if (status == 0)
		status = choice_takes(wanted, &choice, item, &found);
	inspection_free(&found);
	mail_octets_close(&octets, l->j->source);
	error_clear(env.err);
	return status == HSMIME_ENOMEM ? error_nomem(env.err) : 0;
}

/* The listing goes on behind what can't be read; whoever must lose nothing is told. */
static void note_unlisted(struct lister *l)
{
	ctx_log(l->ctx, 0, "%s", l->ctx->err.message);
	error_clear(&l->ctx->err);
	pthread_mutex_lock(&l->j->state_lock);
	l->j->state->unlisted++;
	pthread_mutex_unlock(&l->j->state_lock);
}

static size_t room(const struct lister *l)
{
	uint64_t limit = l->j->options.limit;

	return limit != 0 && limit - l->total < BATCH ? (size_t)(limit - l->total) : BATCH;
}

/* The next few into l->items; *more is false at the mailbox's end. */
static int list_some(bool *more, struct lister *l)
{
	struct job *j = l->j;
	int status = 0;

	while (status == 0 && *more && l->count < room(l)) {
		struct mail_item item = { 0 };
		bool wanted = false;

		status = mail_source_next(&item, more, j->source, &l->ctx->err);
		if (status != 0 && *more) {
			note_unlisted(l);
			status = 0;
			continue;
		}
		if (status == 0 && *more)
			status = is_wanted(&wanted, l, &item);
		if (status == 0 && wanted)
			l->items[l->count++] = item;
		else
			mail_item_free(&item);
	}
	return status;
}

static bool is_full(const struct lister *l)
{
	return l->j->options.limit != 0 && l->total >= l->j->options.limit;
}

static int finish_list(struct lister *l)
{
	struct job *j = l->j;
	int status;

	pthread_mutex_lock(&j->state_lock);
	j->state->passed_over = j->source->passed_over;
	pthread_mutex_unlock(&j->state_lock);
	l->tried = true;
	/* What could not be listed may be there the next time. */
	if (j->state->unlisted > 0)
		return 0;
	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->listed(j->journal, &l->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	if (status == 0)
		atomic_store(&j->listed, true);
	return job_unless_lost(j, status);
}

static int list(struct lister *l)
{
	bool more = true;
	int status = count_total(l);

	while (status == 0 && more && !is_full(l) && !flow_stopped(&l->j->flow)) {
		status = list_some(&more, l);
		if (status == 0)
			status = add_items(l);
		if (status == 0)
			status = pass_on(l);
	}
	free_items(l);
	return status == 0 && !flow_stopped(&l->j->flow) ? finish_list(l) : status;
}

/* If no other host does it. A mailbox is listed from its start, as often as that is. */
static int list_if_mine(struct lister *l)
{
	struct job *j = l->j;
	bool mine = false;
	int status;

	if (atomic_load(&j->listed) || l->tried)
		return 0;
	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->claim(&mine, j->journal, JOURNAL_LISTS, &l->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	status = job_unless_lost(j, status);
	return status == 0 && mine ? list(l) : status;
}

/* What others have may come back, until it has its outcome. *over: all have. */
static int look_around(bool *over, struct lister *l)
{
	int status = job_reap(l->j, l->ctx);

	if (status == 0)
		status = count_total(l);
	if (status == 0)
		status = list_if_mine(l);
	*over = (atomic_load(&l->j->listed) || l->tried) && l->waiting == 0;
	return status;
}

static int follow(struct lister *l)
{
	struct job *j = l->j;
	int64_t looked = 0;
	bool over = false, none = false;
	int status = 0;

	while (status == 0 && !over && !flow_stopped(&j->flow)) {
		status = pass_needed(&none, l, POLL_MS);
		if (status == 0 && clock_ms(CLOCK_MONOTONIC) - looked >= POLL_MS) {
			status = look_around(&over, l);
			looked = clock_ms(CLOCK_MONOTONIC);
		}
		if (status == 0 && none && !over)
			flow_pause(&j->flow, POLL_MS);
	}
	return status;
}

void job_list(struct job *j, hsmime_ctx *ctx)
{
	struct lister l = { .j = j, .ctx = ctx };
	int status = pass_on(&l);

	if (status == 0)
		status = list_if_mine(&l);
	if (status == 0 && job_is_shared(j))
		status = follow(&l);
	if (status != 0)
		fail(&l, status);
	flow_end(&j->flow);
}
