/* Messages on their way: order, bounds, what is done again, and who is let go where all is stopped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>

#include <cmocka.h>

#include "archive/flow.h"

#define MANY 2000
#define SIZE 8
#define THREADS 6
#define LONG_MS 60000 /* nobody waits that long here */

static bool put(struct flow *f, uint64_t number)
{
	struct journal_entry e = { .number = number };

	return flow_put(f, &e);
}

static void begin(struct flow *f, size_t size, bool ordered)
{
	assert_int_equal(flow_init(f, size, ordered), 0);
}

/* Whether somebody waits for what only the flow's other side can give: until its lock was free often. */
static void let_others(struct flow *f)
{
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&f->lock);
		pthread_mutex_unlock(&f->lock);
		sched_yield();
	}
}

static uint64_t take_number(struct flow *f)
{
	struct message *m = flow_take(f);

	assert_non_null(m);
	flow_done(f, m);
	return m->entry.number;
}

static void what_is_put_in_comes_out_once_with_its_entry(void **state)
{
	struct journal_entry e = { .number = 7, .cause = NULL };
	struct message *out[SIZE];
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	e.item.name = strdup("a");
	assert_true(flow_put(&f, &e));
	/* It is the flow's now. */
	assert_null(e.item.name);
	flow_end(&f);
	assert_int_equal(take_number(&f), 7);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 1);
	assert_string_equal(out[0]->entry.item.name, "a");
	flow_release(&f, out[0]);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 0);
	assert_null(flow_take(&f));
	flow_free(&f);
}

static void a_batch_has_at_most_as_many_as_are_wanted(void **state)
{
	struct message *out[SIZE];
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	for (uint64_t i = 0; i < 5; i++)
		assert_true(put(&f, i));
	for (int i = 0; i < 5; i++)
		(void)take_number(&f);
	assert_int_equal(flow_collect(&f, out, 3, LONG_MS), 3);
	assert_int_equal(flow_collect(&f, out, 3, LONG_MS), 2);
	flow_free(&f);
}

static void a_collector_does_not_wait_for_what_is_slow(void **state)
{
	struct message *out[SIZE];
	struct message *slow;
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	assert_true(put(&f, 1) && put(&f, 2));
	slow = flow_take(&f);
	assert_int_equal(take_number(&f), 2);
	/* One has its outcome, another is on its way: so long and no longer. */
	assert_int_equal(flow_collect(&f, out, SIZE, 20), 1);
	assert_int_equal(out[0]->entry.number, 2);
	flow_done(&f, slow);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 1);
	flow_free(&f);
}

static void in_order_none_overtakes_another(void **state)
{
	struct message *out[SIZE], *first, *second;
	struct flow f;

	(void)state;
	begin(&f, SIZE, true);
	assert_true(put(&f, 1) && put(&f, 2) && put(&f, 3));
	first = flow_take(&f);
	second = flow_take(&f);
	assert_int_equal(take_number(&f), 3);
	flow_done(&f, first);
	/* The third has to wait for the second. */
	assert_int_equal(flow_collect(&f, out, SIZE, 1), 1);
	assert_ptr_equal(out[0], first);
	flow_release(&f, first);
	flow_done(&f, second);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 2);
	assert_int_equal(out[0]->entry.number, 2);
	assert_int_equal(out[1]->entry.number, 3);
	flow_free(&f);
}

static void *take_one(void *arg)
{
	return flow_take(arg);
}

static void no_more_are_with_workers_than_may_be(void **state)
{
	struct message *first, *out[SIZE];
	pthread_t id;
	void *got = NULL;
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	flow_limit(&f, 1);
	assert_true(put(&f, 1) && put(&f, 2) && put(&f, 3));
	assert_false(flow_is_short(&f));
	first = flow_take(&f);
	assert_true(flow_is_short(&f));
	assert_int_equal(pthread_create(&id, NULL, take_one, &f), 0);
	let_others(&f);
	assert_int_equal(pthread_tryjoin_np(id, &got), EBUSY);
	/* Who is done goes on, and the other waits until there is room for two. */
	flow_done(&f, first);
	first = flow_take(&f);
	assert_int_equal(first->entry.number, 2);
	let_others(&f);
	assert_int_equal(pthread_tryjoin_np(id, &got), EBUSY);
	flow_limit(&f, 2);
	assert_int_equal(pthread_join(id, &got), 0);
	assert_int_equal(((struct message *)got)->entry.number, 3);
	flow_done(&f, first);
	flow_done(&f, got);
	/* None at all would be none ever. */
	flow_limit(&f, 0);
	assert_true(put(&f, 4));
	assert_int_equal(take_number(&f), 4);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 4);
	flow_free(&f);
}

static void what_a_worker_gives_back_is_taken_next_and_forgets_its_outcome(void **state)
{
	struct message *out[SIZE], *m;
	struct flow f;

	(void)state;
	begin(&f, SIZE, true);
	assert_true(put(&f, 1) && put(&f, 2));
	m = flow_take(&f);
	m->entry.state = JOURNAL_FAILED;
	m->entry.cause = strdup("no-key");
	m->entry.record = strdup("{}");
	m->entry.output = strdup("a");
	m->entry.has_sha = true;
	flow_again(&f, m, true);
	assert_ptr_equal(flow_take(&f), m);
	assert_int_equal(m->entry.state, JOURNAL_WAITING);
	assert_null(m->entry.cause);
	assert_null(m->entry.record);
	assert_null(m->entry.output);
	assert_false(m->entry.has_sha);
	flow_done(&f, m);
	assert_int_equal(take_number(&f), 2);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 2);
	assert_int_equal(out[0]->entry.number, 1);
	flow_free(&f);
}

static void what_the_collector_gives_back_keeps_its_place(void **state)
{
	struct message *out[SIZE];
	struct flow f;

	(void)state;
	begin(&f, SIZE, true);
	for (uint64_t i = 1; i <= 4; i++)
		assert_true(put(&f, i));
	for (int i = 0; i < 3; i++)
		(void)take_number(&f);
	assert_int_equal(flow_collect(&f, out, 3, LONG_MS), 3);
	/* In any order. */
	flow_again(&f, out[1], false);
	flow_again(&f, out[2], false);
	flow_again(&f, out[0], false);
	flow_end(&f);
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(take_number(&f), i);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 4);
	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(out[i]->entry.number, i + 1);
		flow_release(&f, out[i]);
	}
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 0);
	flow_free(&f);
}

static void what_the_collector_returns_is_collected_again_with_its_outcome(void **state)
{
	struct message *out[SIZE];
	struct flow f;

	(void)state;
	begin(&f, SIZE, true);
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(put(&f, i));
	for (int i = 0; i < 3; i++) {
		struct message *m = flow_take(&f);

		m->entry.state = JOURNAL_DONE;
		flow_done(&f, m);
	}
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 3);
	flow_again(&f, out[0], false);
	flow_return(&f, out[2]);
	flow_return(&f, out[1]);
	/* They wait for the one before them. */
	assert_int_equal(take_number(&f), 1);
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 3);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(out[i]->entry.number, i + 1);
	assert_int_equal(out[2]->entry.state, JOURNAL_DONE);
	flow_free(&f);
}

/* Somebody who waits in the flow. */
struct waiter {
	struct flow *f;
	pthread_t id;
	bool told; /* what it was told: there is more */
};

static void *wait_to_put(void *arg)
{
	struct waiter *w = arg;

	w->told = put(w->f, 99);
	return NULL;
}

static void *wait_to_take(void *arg)
{
	struct waiter *w = arg;

	w->told = flow_take(w->f) != NULL;
	return NULL;
}

static void *wait_to_collect(void *arg)
{
	struct waiter *w = arg;
	struct message *out[SIZE];

	w->told = flow_collect(w->f, out, SIZE, LONG_MS) > 0;
	return NULL;
}

static void *wait_a_while(void *arg)
{
	struct waiter *w = arg;

	flow_pause(w->f, LONG_MS);
	return NULL;
}

static void start(struct waiter *w, struct flow *f, void *(*run)(void *arg))
{
	*w = (struct waiter){ .f = f, .told = false };
	assert_int_equal(pthread_create(&w->id, NULL, run, w), 0);
	let_others(f);
}

static bool told(struct waiter *w)
{
	assert_int_equal(pthread_join(w->id, NULL), 0);
	return w->told;
}

static void whoever_puts_in_waits_for_room(void **state)
{
	struct message *out[SIZE];
	struct waiter w;
	struct flow f;

	(void)state;
	begin(&f, 2, false);
	assert_true(put(&f, 1) && put(&f, 2));
	start(&w, &f, wait_to_put);
	assert_int_equal(f.turns, 2);
	(void)take_number(&f);
	assert_int_equal(flow_collect(&f, out, 1, LONG_MS), 1);
	/* What is collected is on its way yet. */
	let_others(&f);
	assert_int_equal(f.turns, 2);
	flow_release(&f, out[0]);
	assert_true(told(&w));
	assert_int_equal(f.turns, 3);
	flow_free(&f);
}

/* Each waits where nothing comes: full, empty, nothing done. */
static void a_stop_lets_everybody_go(void **state)
{
	void *(*const waits[])(
	    void *) = { wait_to_put, wait_to_take, wait_to_collect, wait_a_while };
	struct error why = { .message = "the reason" };

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct waiter w;
		struct flow f;

		begin(&f, 1, i == 2);
		if (i == 0)
			assert_true(put(&f, 1));
		start(&w, &f, waits[i]);
		flow_stop(&f, HSMIME_EIO, &why);
		assert_false(told(&w));
		assert_true(flow_stopped(&f));
		assert_int_equal(f.status, HSMIME_EIO);
		assert_string_equal(f.err.message, "the reason");
		flow_free(&f);
	}
}

static void the_first_reason_to_stop_is_kept(void **state)
{
	struct error first = { .message = "first" }, second = { .message = "second" };
	struct flow f;

	(void)state;
	begin(&f, 1, false);
	flow_stop(&f, 0, NULL);
	assert_int_equal(f.status, 0);
	flow_stop(&f, HSMIME_ETOKEN, &first);
	flow_stop(&f, HSMIME_EIO, &second);
	assert_int_equal(f.status, HSMIME_ETOKEN);
	assert_string_equal(f.err.message, "first");
	flow_free(&f);
}

static void what_is_in_flight_at_a_stop_is_collected(void **state)
{
	struct message *out[SIZE], *m;
	struct waiter w;
	struct flow f;

	(void)state;
	begin(&f, SIZE, true);
	assert_true(put(&f, 1) && put(&f, 2));
	m = flow_take(&f);
	flow_stop(&f, 0, NULL);
	assert_null(flow_take(&f));
	assert_false(put(&f, 3));
	start(&w, &f, wait_to_collect); /* it is not left */
	flow_done(&f, m);
	assert_true(told(&w));
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 0);
	flow_free(&f);
}

static void a_stop_does_not_wait_for_what_is_behind_a_gap(void **state)
{
	struct message *out[SIZE], *first;
	struct flow f;

	(void)state;
	begin(&f, SIZE, true);
	assert_true(put(&f, 1) && put(&f, 2));
	first = flow_take(&f);
	(void)take_number(&f);
	flow_again(&f, first, true);
	flow_stop(&f, 0, NULL);
	/* The second came to its outcome, and would overtake. */
	assert_int_equal(flow_collect(&f, out, SIZE, LONG_MS), 0);
	flow_free(&f);
}

static void who_puts_in_learns_how_many_are_needed(void **state)
{
	struct message *out[SIZE];
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	assert_int_equal(flow_await(&f, 2, 4, LONG_MS), 4);
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(put(&f, i));
	/* Enough wait. */
	assert_int_equal(flow_await(&f, 2, 4, 0), 0);
	assert_int_equal(take_number(&f), 1);
	assert_int_equal(flow_await(&f, 2, 4, 0), 0);
	assert_int_equal(take_number(&f), 2);
	assert_int_equal(flow_await(&f, 2, 4, LONG_MS), 3);
	/* No more than there is room for. */
	assert_int_equal(flow_await(&f, 100, 200, 0), SIZE - 3);
	flow_stop(&f, 0, NULL);
	assert_int_equal(flow_await(&f, 2, 4, LONG_MS), 0);
	while (flow_collect(&f, out, 1, 0) == 1)
		flow_release(&f, out[0]);
	flow_free(&f);
}

static void *wait_for_need(void *arg)
{
	struct waiter *w = arg;

	w->told = flow_await(w->f, 2, 4, LONG_MS) == 3;
	return NULL;
}

static void who_waits_for_need_is_woken_by_who_takes(void **state)
{
	struct waiter w;
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	for (uint64_t i = 1; i <= 3; i++)
		assert_true(put(&f, i));
	start(&w, &f, wait_for_need);
	assert_int_equal(take_number(&f), 1);
	assert_int_equal(take_number(&f), 2);
	assert_int_equal(pthread_join(w.id, NULL), 0);
	assert_true(w.told);
	flow_free(&f);
}

static void a_refused_entry_stays_the_callers(void **state)
{
	struct journal_entry e = { .number = 1 };
	struct flow f;

	(void)state;
	begin(&f, SIZE, false);
	flow_stop(&f, 0, NULL);
	e.item.name = strdup("mine");
	assert_false(flow_put(&f, &e));
	assert_string_equal(e.item.name, "mine");
	journal_entry_free(&e);
	flow_free(&f);
}

/* Everybody at once: each message is worked on until it was given back as often as its number says. */
struct crowd {
	struct flow f;
	unsigned char tries[MANY]; /* a message is one thread's at a time */
};

static void *crowd_work(void *arg)
{
	struct crowd *c = arg;
	struct message *m;

	while ((m = flow_take(&c->f)) != NULL) {
		if (c->tries[m->entry.number]++ < m->entry.number % 3)
			flow_again(&c->f, m, true);
		else
			flow_done(&c->f, m);
	}
	return NULL;
}

static void *crowd_put(void *arg)
{
	struct crowd *c = arg;

	for (uint64_t i = 0; i < MANY; i++)
		if (!put(&c->f, i))
			break;
	flow_end(&c->f);
	return NULL;
}

static void crowd(bool ordered)
{
	struct crowd *c = calloc(1, sizeof(*c));
	bool *seen = calloc(MANY, sizeof(*seen));
	pthread_t threads[THREADS + 1];
	struct message *out[SIZE];
	uint64_t total = 0;
	size_t n;

	assert_non_null(c);
	assert_non_null(seen);
	begin(&c->f, SIZE + 3, ordered);
	for (int i = 0; i <= THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, i < THREADS ? crowd_work : crowd_put, c), 0);
	while ((n = flow_collect(&c->f, out, SIZE, 5)) > 0) {
		/* Once in a while a whole batch is given back. */
		bool again = total > 0 && !seen[out[0]->entry.number] &&
			     out[0]->entry.number % 50 == 0 && c->tries[out[0]->entry.number] < 100;

		assert_true(n <= SIZE);
		for (size_t i = 0; i < n; i++) {
			uint64_t number = out[i]->entry.number;

			if (again) {
				c->tries[number] = 100;
				flow_again(&c->f, out[i], false);
				continue;
			}
			assert_false(seen[number]);
			seen[number] = true;
			if (ordered)
				assert_int_equal(number, total);
			total++;
			flow_release(&c->f, out[i]);
		}
	}
	assert_int_equal(total, MANY);
	for (int i = 0; i <= THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	flow_free(&c->f);
	free(seen);
	free(c);
}

static void a_crowd_loses_nothing(void **state)
{
	(void)state;
	crowd(false);
}

static void a_crowd_keeps_the_order(void **state)
{
	(void)state;
	crowd(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_in_comes_out_once_with_its_entry),
		cmocka_unit_test(a_batch_has_at_most_as_many_as_are_wanted),
		cmocka_unit_test(a_collector_does_not_wait_for_what_is_slow),
		cmocka_unit_test(in_order_none_overtakes_another),
		cmocka_unit_test(no_more_are_with_workers_than_may_be),
		cmocka_unit_test(what_a_worker_gives_back_is_taken_next_and_forgets_its_outcome),
		cmocka_unit_test(what_the_collector_gives_back_keeps_its_place),
		cmocka_unit_test(what_the_collector_returns_is_collected_again_with_its_outcome),
		cmocka_unit_test(whoever_puts_in_waits_for_room),
		cmocka_unit_test(a_stop_lets_everybody_go),
		cmocka_unit_test(the_first_reason_to_stop_is_kept),
		cmocka_unit_test(what_is_in_flight_at_a_stop_is_collected),
		cmocka_unit_test(a_stop_does_not_wait_for_what_is_behind_a_gap),
		cmocka_unit_test(who_puts_in_learns_how_many_are_needed),
		cmocka_unit_test(who_waits_for_need_is_woken_by_who_takes),
		cmocka_unit_test(a_refused_entry_stays_the_callers),
		cmocka_unit_test(a_crowd_loses_nothing),
		cmocka_unit_test(a_crowd_keeps_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
