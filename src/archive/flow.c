#include "archive/flow.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"

static void append(struct message_queue *q, struct message *m)
{
	m->next = NULL;
	if (q->last != NULL)
		q->last->next = m;
	else
		q->first = m;
	q->last = m;
	q->count++;
}

/* Before the first whose turn is later. */
static void insert(struct message_queue *q, struct message *m)
{
	struct message **at = &q->first;

	while (*at != NULL && (*at)->turn < m->turn)
		at = &(*at)->next;
	m->next = *at;
	*at = m;
	if (m->next == NULL)
		q->last = m;
	q->count++;
}

static struct message *take_first(struct message_queue *q)
{
	struct message *m = q->first;

	if (m == NULL)
		return NULL;
	q->first = m->next;
	if (q->first == NULL)
		q->last = NULL;
	q->count--;
	m->next = NULL;
	return m;
}

int flow_init(struct flow *f, size_t size, bool ordered)
{
	pthread_condattr_t monotonic;

	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->room, &monotonic);
	pthread_cond_init(&f->work, NULL);
	pthread_cond_init(&f->end, &monotonic);
	pthread_cond_init(&f->outcome, &monotonic);
	pthread_condattr_destroy(&monotonic);
	f->all = calloc(size, sizeof(*f->all));
	if (f->all == NULL)
		return HSMIME_ENOMEM;
	f->size = f->most = size;
	f->ordered = ordered;
	for (size_t i = 0; i < size; i++)
		append(&f->idle, &f->all[i]);
	return 0;
}

static void clear(struct message *m)
{
	mail_sink_drop(&m->draft);
	journal_entry_free(&m->entry);
	memset(m, 0, sizeof(*m));
}

void flow_free(struct flow *f)
{
	for (size_t i = 0; f->all != NULL && i < f->size; i++)
		clear(&f->all[i]);
	free(f->all);
	pthread_cond_destroy(&f->room);
	pthread_cond_destroy(&f->work);
	pthread_cond_destroy(&f->outcome);
	pthread_cond_destroy(&f->end);
	pthread_mutex_destroy(&f->lock);
}

/* With the lock held: all of them look whether it is over. */
static void wake_all(struct flow *f)
{
	pthread_cond_broadcast(&f->room);
	pthread_cond_broadcast(&f->work);
	pthread_cond_broadcast(&f->outcome);
}

bool flow_put(struct flow *f, struct journal_entry *entry)
{
	struct message *m = NULL;

	pthread_mutex_lock(&f->lock);
	while (!f->stopped && f->idle.count == 0)
		pthread_cond_wait(&f->room, &f->lock);
	if (!f->stopped)
		m = take_first(&f->idle);
	if (m != NULL) {
		m->entry = *entry;
		m->turn = f->turns++;
		append(&f->waiting, m);
		memset(entry, 0, sizeof(*entry));
		if (f->busy < f->most)
			pthread_cond_signal(&f->work);
	}
	pthread_mutex_unlock(&f->lock);
	return m != NULL;
}

size_t flow_await(struct flow *f, size_t low, size_t high, unsigned milliseconds)
{
	struct timespec until = clock_after(CLOCK_MONOTONIC, milliseconds);
	size_t count = 0;
	int r = 0;

	pthread_mutex_lock(&f->lock);
	f->low = low;
	while (r == 0 && !f->stopped && f->waiting.count >= low)
		r = pthread_cond_timedwait(&f->room, &f->lock, &until);
	if (!f->stopped && f->waiting.count < low)
		count = high - f->waiting.count < f->idle.count ? high - f->waiting.count
								: f->idle.count;
	pthread_mutex_unlock(&f->lock);
	return count;
}

void flow_end(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->ended = true;
	wake_all(f);
	pthread_mutex_unlock(&f->lock);
}

/* With the lock held. What has its outcome may still have to be done again. */
static bool is_over(const struct flow *f)
{
	return f->stopped || (f->ended && f->idle.count == f->size);
}

struct message *flow_take(struct flow *f)
{
	struct message *m = NULL;

	pthread_mutex_lock(&f->lock);
	while (!is_over(f) && (f->waiting.count == 0 || f->busy >= f->most))
		pthread_cond_wait(&f->work, &f->lock);
	if (!f->stopped)
		m = take_first(&f->waiting);
	f->busy += m != NULL;
	if (m != NULL && f->waiting.count + 1 == f->low)
		pthread_cond_signal(&f->room);
	pthread_mutex_unlock(&f->lock);
	return m;
}

/* With the lock held: nothing more gets ready by itself. */
static bool is_quiet(const struct flow *f)
{
	return f->busy == 0 && (f->stopped || f->waiting.count == 0);
}

void flow_limit(struct flow *f, size_t most)
{
	pthread_mutex_lock(&f->lock);
	f->most = most > 0 ? most : 1;
	pthread_cond_broadcast(&f->work);
	pthread_mutex_unlock(&f->lock);
}

bool flow_is_short(struct flow *f)
{
	bool is_short;

	pthread_mutex_lock(&f->lock);
	is_short = f->waiting.count > 0 && f->busy >= f->most;
	pthread_mutex_unlock(&f->lock);
	return is_short;
}

void flow_done(struct flow *f, struct message *m)
{
	pthread_mutex_lock(&f->lock);
	f->busy--;
	if (f->ordered)
		insert(&f->ready, m);
	else
		append(&f->ready, m);
	/* Who collects is not to be woken for each. */
	if (f->ready.count == 1 || f->ready.count >= f->wanted || is_quiet(f))
		pthread_cond_signal(&f->outcome);
	pthread_mutex_unlock(&f->lock);
}

/* What is known of it from the journal stays. */
static void forget_outcome(struct message *m)
{
	struct journal_entry *e = &m->entry;

	mail_sink_drop(&m->draft);
	memset(&m->draft, 0, sizeof(m->draft));
	free(e->cause);
	free(e->output);
	free(e->record);
	e->cause = e->output = e->record = NULL;
	e->has_sha = false;
	e->state = JOURNAL_WAITING;
}

void flow_again(struct flow *f, struct message *m, bool by_worker)
{
	forget_outcome(m);
	pthread_mutex_lock(&f->lock);
	f->busy -= by_worker;
	insert(&f->waiting, m);
	if (m->turn < f->due)
		f->due = m->turn;
	pthread_cond_signal(&f->work);
	if (is_quiet(f))
		pthread_cond_signal(&f->outcome);
	pthread_mutex_unlock(&f->lock);
}

void flow_return(struct flow *f, struct message *m)
{
	pthread_mutex_lock(&f->lock);
	insert(&f->ready, m);
	if (m->turn < f->due)
		f->due = m->turn;
	pthread_mutex_unlock(&f->lock);
}

/* With the lock held: something that may be collected. */
static bool has_due(const struct flow *f)
{
	return f->ready.count > 0 && (!f->ordered || f->ready.first->turn == f->due);
}

/* With the lock held: wait for the first, and then for more, but not for long. */
static void await_outcomes(struct flow *f, size_t max, unsigned wait_ms)
{
	struct timespec until;
	int r = 0;

	f->wanted = 1;
	while (!has_due(f) && !(is_quiet(f) && is_over(f)))
		pthread_cond_wait(&f->outcome, &f->lock);
	f->wanted = max;
	until = clock_after(CLOCK_MONOTONIC, wait_ms);
	while (r == 0 && f->ready.count < max && !is_quiet(f))
		r = pthread_cond_timedwait(&f->outcome, &f->lock, &until);
}

size_t flow_collect(struct flow *f, struct message **messages, size_t max, unsigned wait_ms)
{
	size_t count = 0;

	pthread_mutex_lock(&f->lock);
	await_outcomes(f, max, wait_ms);
	while (count < max && has_due(f)) {
		messages[count++] = take_first(&f->ready);
		f->due++;
	}
	pthread_mutex_unlock(&f->lock);
	return count;
}

void flow_release(struct flow *f, struct message *m)
{
	clear(m);
	pthread_mutex_lock(&f->lock);
	append(&f->idle, m);
	if (is_over(f))
		wake_all(f);
	else if (f->idle.count == 1 || f->idle.count >= f->size / 4)
		pthread_cond_signal(&f->room);
	pthread_mutex_unlock(&f->lock);
}

void flow_stop(struct flow *f, int status, const struct error *err)
{
	pthread_mutex_lock(&f->lock);
	if (status != 0 && f->status == 0) {
		f->status = status;
		f->err = *err;
	}
	f->stopped = true;
	wake_all(f);
	pthread_cond_broadcast(&f->end);
	pthread_mutex_unlock(&f->lock);
}

bool flow_stopped(struct flow *f)
{
	bool stopped;

	pthread_mutex_lock(&f->lock);
	stopped = f->stopped;
	pthread_mutex_unlock(&f->lock);
	return stopped;
}

void flow_pause(struct flow *f, unsigned milliseconds)
{
	struct timespec until = clock_after(CLOCK_MONOTONIC, milliseconds);
	int r = 0;

	pthread_mutex_lock(&f->lock);
	while (r == 0 && !f->stopped)
		r = pthread_cond_timedwait(&f->end, &f->lock, &until);
	pthread_mutex_unlock(&f->lock);
}
