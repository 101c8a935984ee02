/* How many of the sessions that a token grants are at work. The clock stands still here, but for what a test adds. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "engine/key_use.h"
#include "token_rig.h"

#define THREADS 32
#define TIMES 5
#define PATIENCE 20 /* seconds until calls that do not come together are given up */

static struct token_key *k;
static const struct proxy *proxy;
static struct error err;

static atomic_long now = 1000;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __real_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, t);
	*t = (struct timespec){ .tv_sec = atomic_load(&now) };
	return 0;
}

static int begin(void **state)
{
	token_rig_begin_with(state, TOKEN_RIG_EC);
	proxy = token_rig.proxy;
	k = token_rig.k;
	return 0;
}

/* Calls inside C_Sign: each waits until so many are there, and so many sessions were asked for. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t come;
	int inside, most, wanted;
	unsigned long asked;
	bool met;
	bool brief; /* who waits goes after a moment, and others may meet later */
	bool alone; /* no session was closed under the first */
} meeting = { .lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER };

static bool all_there(time_t deadline)
{
	return time(NULL) >= deadline ||
	       (meeting.inside >= meeting.wanted && proxy->count("C_OpenSession") >= meeting.asked);
}

static void meet(void *arg)
{
	const time_t deadline = time(NULL) + PATIENCE;
	int moments = meeting.brief ? 50 : INT_MAX;
	unsigned long closed = proxy->count("C_CloseSession");
	bool all, first;

	(void)arg;
	pthread_mutex_lock(&meeting.lock);
	first = meeting.most == 0;
	if (++meeting.inside > meeting.most)
		meeting.most = meeting.inside;
	while (!(all = all_there(deadline)) && !meeting.met && moments-- > 0) {
		struct timespec moment = { 0 };

		clock_gettime(CLOCK_REALTIME, &moment);
		moment.tv_nsec += 1000000;
		moment.tv_sec += moment.tv_nsec / 1000000000;
		moment.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&meeting.come, &meeting.lock, &moment);
	}
	meeting.met |= all;
	if (first)
		meeting.alone = proxy->count("C_CloseSession") == closed;
	pthread_cond_broadcast(&meeting.come);
	meeting.inside--;
	pthread_mutex_unlock(&meeting.lock);
}

static void *work(void *failed)
{
	struct error own = { 0 };

	for (int i = 0; i < TIMES; i++)
		if (operate_sign(k, &own) != 0)
			atomic_fetch_add((atomic_int *)failed, 1);
	return NULL;
}

/* All threads sign: so many at once, and never more. */
static void at_once(int wanted)
{
	pthread_t threads[THREADS];
	atomic_int failed = 0;

	meeting.most = 0;
	meeting.wanted = wanted;
	meeting.met = false;
	proxy->hook("C_Sign", meet, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &failed), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	proxy->hook("C_Sign", NULL, NULL);
	assert_int_equal(failed, 0);
	assert_int_equal(meeting.most, wanted);
}

static void all_that_are_granted_are_at_work(void **state)
{
	(void)state;
	proxy->limit_sessions(4);
	at_once(4);
}

/* The same, with one that is refused behind them. */
static void at_once_and_no_more(int wanted)
{
	meeting.asked = (unsigned long)wanted + 1;
	at_once(wanted);
	meeting.asked = 0;
}

/* The session that keeps the copy is of more use to an operation, once none is under way with the copy. */
static void so_they_are_after_a_key_was_copied(void **state)
{
	for (unsigned long limit = 2; limit <= 4; limit += 2) {
		token_rig_end(state);
		begin(state);
		proxy->limit_sessions(limit);
		for (unsigned i = 0; i <= KEY_COPY_USES; i++)
			assert_int_equal(operate_sign(k, &err), 0);
		assert_int_equal(proxy->count("C_CopyObject"), 1);
		meeting.brief = true;
		at_once((int)limit);
		meeting.brief = false;
		/* Nobody else has one to close then: it is the copy's, and the copy is in use. */
		assert_true(meeting.alone);
		assert_int_equal(proxy->count("C_CopyObject"), 1);
		/* One whose copy went under its operation is closed, and opened again when it is needed. */
		assert_in_range(proxy->sessions(), limit - 1, limit);
	}
}

/* Sessions that were opened, or refused, and calls beside the two of each operation. */
static void costs(unsigned long sessions, int wanted)
{
	unsigned long calls = proxy->round_trips(), opened = proxy->count("C_OpenSession");

	meeting.asked = opened + sessions;
	at_once(wanted);
	meeting.asked = 0;
	assert_int_equal(proxy->count("C_OpenSession") - opened, sessions);
	assert_int_equal(proxy->round_trips() - calls, 2 * THREADS * TIMES + sessions);
}

static void what_was_refused_is_asked_for_again_every_second(void **state)
{
	(void)state;
	proxy->limit_sessions(4);
	at_once_and_no_more(4);
	costs(0, 4);
	atomic_fetch_add(&now, 1);
	costs(1, 4);
	costs(0, 4);
}

static void what_others_give_back_is_used(void **state)
{
	(void)state;
	proxy->limit_sessions(4);
	at_once_and_no_more(4);
	proxy->limit_sessions(8);
	costs(0, 4);
	atomic_fetch_add(&now, 1);
	costs(4 + 1, 8);
	proxy->limit_sessions(0);
	atomic_fetch_add(&now, 1);
	costs(THREADS - 8, THREADS);
}

/* What the token says itself is not tried. */
static void a_limit_that_the_token_tells_holds(void **state)
{
	(void)state;
	proxy->report_sessions(4);
	at_once(4);
	atomic_fetch_add(&now, 1);
	costs(0, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    all_that_are_granted_are_at_work, begin, token_rig_end),
		cmocka_unit_test_setup_teardown(
		    so_they_are_after_a_key_was_copied, begin, token_rig_end),
		cmocka_unit_test_setup_teardown(
		    what_was_refused_is_asked_for_again_every_second, begin, token_rig_end),
		cmocka_unit_test_setup_teardown(
		    what_others_give_back_is_used, begin, token_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_limit_that_the_token_tells_holds, begin, token_rig_end),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
