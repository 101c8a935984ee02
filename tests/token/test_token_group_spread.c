/* A group's work goes to the token with the least of its sessions at work. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "engine/key.h"
#include "engine/slot.h"
#include "group_rig.h"
#include "operate.h"

#define LIMIT 60000 /* milliseconds: what hangs here is let go, not given up */
#define TIMES 10

static atomic_uint signed_by_alpha;

static void count_one(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void count_alpha(void)
{
	atomic_store(&signed_by_alpha, 0);
	group_rig.proxy->only("Alpha");
	group_rig.proxy->hook("C_Sign", count_one, &signed_by_alpha);
}

static void sign(unsigned times)
{
	struct error err = { 0 };

	for (unsigned i = 0; i < times; i++)
		assert_int_equal(operate_sign(group_rig.group, &err), 0);
}

static void *sign_once(void *arg)
{
	struct error err = { 0 };

	group_rig_listen();
	*(int *)arg = operate_sign(group_rig.group, &err);
	return NULL;
}

/* Signatures that hang, until they are let go. */
static struct {
	pthread_t threads[2];
	int statuses[2];
	unsigned count;
} held;

static void hold_on(const char *label)
{
	group_rig.proxy->only(label);
	group_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(
	    pthread_create(&held.threads[held.count], NULL, sign_once, &held.statuses[held.count]),
	    0);
	group_rig.proxy->await_hanging(++held.count);
}

static int let_go(void)
{
	int failed = 0;

	group_rig.proxy->release();
	for (; held.count > 0; held.count--) {
		pthread_join(held.threads[held.count - 1], NULL);
		failed += held.statuses[held.count - 1] != 0;
	}
	return failed;
}

static int end(void **state)
{
	(void)let_go();
	return group_rig_end(state);
}

static void tokens_at_rest_take_turns(void **state)
{
	(void)state;
	group_rig_open("%02", LIMIT);
	count_alpha();
	sign(TIMES);
	assert_int_equal(signed_by_alpha, TIMES / 2);
}

static void a_token_at_work_gets_nothing_while_another_one_is_free(void **state)
{
	(void)state;
	group_rig_open("%02", LIMIT);
	count_alpha();
	hold_on("Alpha");
	assert_int_equal(signed_by_alpha, 1);
	sign(TIMES);
	assert_int_equal(signed_by_alpha, 1);
	assert_int_equal(let_go(), 0);
	/* The twin: done, it takes part again. */
	sign(TIMES);
	assert_int_equal(signed_by_alpha, 1 + TIMES / 2);
}

/* Each has one operation under way: for Alpha that is half of its sessions. */
static void a_token_with_few_sessions_gets_less(void **state)
{
	(void)state;
	group_rig_open("%02", LIMIT);
	group_rig.proxy->report_sessions(2);
	assert_int_equal(session_limit(group_rig.alpha->token), 2);
	group_rig.proxy->report_sessions(0);
	assert_true(session_limit(group_rig.beta->token) > 2);
	hold_on("Alpha");
	hold_on("Beta");
	count_alpha();
	sign(TIMES);
	assert_int_equal(signed_by_alpha, 0);
	assert_int_equal(let_go(), 0);
	sign(TIMES);
	assert_in_range(signed_by_alpha, 1, TIMES);
}

/* Where both have as many, one under way on each makes no difference. */
static void tokens_with_as_many_sessions_get_as_much(void **state)
{
	(void)state;
	group_rig_open("%02", LIMIT);
	hold_on("Alpha");
	hold_on("Beta");
	count_alpha();
	sign(TIMES);
	assert_int_equal(signed_by_alpha, TIMES / 2);
	assert_int_equal(let_go(), 0);
}

/* Eight threads: what the slow one has under way is not more than the others' share. */
#define THREADS 8
#define SLOW_US 50000

static void *sign_often(void *arg)
{
	struct error err = { 0 };

	group_rig_listen();
	for (int i = 0; i < TIMES; i++)
		if (operate_sign(group_rig.group, &err) != 0)
			atomic_fetch_add((atomic_uint *)arg, 1);
	return NULL;
}

static void a_slow_token_gets_less(void **state)
{
	pthread_t threads[THREADS];
	atomic_uint wrong = 0;

	(void)state;
	group_rig_open("%02", LIMIT);
	count_alpha();
	group_rig.proxy->delay("C_Sign", SLOW_US);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &wrong), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	/* In turn it would be half of them. */
	assert_in_range(signed_by_alpha, 1, THREADS * TIMES / 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, group_rig_begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tokens_at_rest_take_turns),
		TEST(a_token_at_work_gets_nothing_while_another_one_is_free),
		TEST(a_token_with_few_sessions_gets_less),
		TEST(tokens_with_as_many_sessions_get_as_much),
		TEST(a_slow_token_gets_less),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
