/* The mailbox into the journal, and what waits there into the flow. */
#include "archive/job.h"

#include "archive/choice.h"

#define BATCH 256

struct lister {
	struct job *j;
	hsmime_ctx *ctx;
	struct mail_item items[BATCH];
	size_t count;
	uint64_t total; /* messages in the journal */
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
	pthread_mutex_lock(&j->state_lock);
	j->state->counts.waiting = totals.counts[JOURNAL_WAITING];
	pthread_mutex_unlock(&j->state_lock);
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
	return status == 0 ? count_total(l) : status;
}

/* Everything that waits, as far as the journal gives it. */
static int pass_on(struct lister *l)
{
	struct journal_entry entries[BATCH];
	struct job *j = l->j;
	size_t count = 1;
	int status = 0;

	while (status == 0 && count > 0 && !flow_stopped(&j->flow)) {
		pthread_mutex_lock(&j->journal_lock);
		status = j->journal->kind->take(entries, &count, BATCH, j->journal, &l->ctx->err);
		pthread_mutex_unlock(&j->journal_lock);
		for (size_t i = 0; status == 0 && i < count; i++)
			if (!flow_put(&j->flow, &entries[i]))
				journal_entry_free(&entries[i]);
	}
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
	/* What could not be listed may be there the next time. */
	if (j->state->unlisted > 0)
		return 0;
	pthread_mutex_lock(&j->journal_lock);
	status = j->journal->kind->listed(j->journal, &l->ctx->err);
	pthread_mutex_unlock(&j->journal_lock);
	if (status == 0)
		atomic_store(&j->listed, true);
	return status;
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

void job_list(struct job *j, hsmime_ctx *ctx)
{
	struct lister l = { .j = j, .ctx = ctx };
	int status = pass_on(&l);

	if (status == 0 && !atomic_load(&j->listed))
		status = list(&l);
	if (status != 0)
		fail(&l, status);
	flow_end(&j->flow);
}
