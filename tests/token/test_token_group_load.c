/* Threads at work on a group while its members go and come: nothing is lost. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "group_rig.h"
#include "operate.h"

#define LIMIT 20000 /* milliseconds that a call may take: no call hangs here */
#define THREADS 8
#define ROUNDS 6

static unsigned char data[512];
static size_t data_len;
static atomic_bool over;
static atomic_int failures;

static int sign(struct error *err)
{
	return operate_sign(group_rig.group, err);
}

static int decrypt(struct error *err)
{
	return operate_decrypt(group_rig.group, data, data_len, err);
}

/* A thread, what it does over and over, and how often it did. */
struct worker {
	pthread_t thread;
	int (*operate)(struct error *err);
	atomic_ulong done;
	struct error first; /* what failed first */
};
static struct worker workers[THREADS];

static void *work(void *arg)
{
	struct worker *w = arg;

	group_rig_listen();
	while (!atomic_load(&over)) {
		struct error err = { 0 };

		if (w->operate(&err) != 0 && atomic_fetch_add(&failures, 1) == 0)
			w->first = err;
		atomic_fetch_add(&w->done, 1);
	}
	return NULL;
}

/* Until every operation that was under way is over, and one more of each thread. */
static void await_all(void)
{
	unsigned long before[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		before[i] = atomic_load(&workers[i].done);
	for (size_t i = 0; i < THREADS; i++)
		while (atomic_load(&workers[i].done) < before[i] + 2)
			sched_yield();
}

static void start(int (*const operations[2])(struct error *err))
{
	atomic_store(&over, false);
	atomic_store(&failures, 0);
	memset(workers, 0, sizeof(workers));
	for (size_t i = 0; i < THREADS; i++) {
		workers[i].operate = operations[i % 2];
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
}

static void finish(void)
{
	atomic_store(&over, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < THREADS; i++)
		if (workers[i].first.code != 0)
			fail_msg(
			    "%d failed, the first one: %s", failures, workers[i].first.message);
	assert_int_equal(failures, 0);
}

static void lose_in_turn(void)
{
	static const char *const labels[] = { "Alpha", "Beta" };

	await_all();
	for (size_t i = 0; i < ROUNDS; i++) {
		group_rig.proxy->lose(labels[i % 2]);
		await_all();
		group_rig.proxy->bring_back();
		group_rig_is_due(i % 2 == 0 ? group_rig.alpha : group_rig.beta);
		await_all();
	}
}

static void run(const char *id, int (*const operations[2])(struct error *err))
{
	group_rig_open(id, LIMIT);
	data_len = strcmp(id, "%01") == 0 ? operate_encrypt(data, group_rig.group) : 0;
	start(operations);
	lose_in_turn();
	finish();
	group_rig_was_logged("token \"Alpha\"");
	group_rig_was_logged("token \"Beta\"");
	group_rig_was_logged("is back");
}

static void members_that_go_in_turn_cost_no_signature(void **state)
{
	static int (*const operations[2])(struct error *) = { sign, sign };

	(void)state;
	run("%02", operations);
}

static void members_that_go_in_turn_cost_no_decryption(void **state)
{
	static int (*const operations[2])(struct error *) = { decrypt, decrypt };

	(void)state;
	run("%01", operations);
}

static void members_that_go_in_turn_cost_neither_side_by_side(void **state)
{
	static int (*const operations[2])(struct error *) = { sign, decrypt };

	(void)state;
	run("%01", operations);
}

/* The twin: what fails is seen here. */
static void members_that_go_together_cost_operations(void **state)
{
	static int (*const operations[2])(struct error *) = { sign, decrypt };

	(void)state;
	group_rig_open("%01", LIMIT);
	data_len = operate_encrypt(data, group_rig.group);
	start(operations);
	await_all();
	group_rig.proxy->lose(NULL);
	await_all();
	assert_true(atomic_load(&failures) >= THREADS);
	group_rig.proxy->bring_back();
	group_rig_is_due(group_rig.alpha);
	await_all();
	atomic_store(&failures, 0);
	for (size_t i = 0; i < THREADS; i++)
		memset(&workers[i].first, 0, sizeof(workers[i].first));
	await_all();
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    members_that_go_in_turn_cost_no_signature, group_rig_begin, group_rig_end),
		cmocka_unit_test_setup_teardown(
		    members_that_go_in_turn_cost_no_decryption, group_rig_begin, group_rig_end),
		cmocka_unit_test_setup_teardown(members_that_go_in_turn_cost_neither_side_by_side,
		    group_rig_begin, group_rig_end),
		cmocka_unit_test_setup_teardown(
		    members_that_go_together_cost_operations, group_rig_begin, group_rig_end),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
