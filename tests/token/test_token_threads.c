#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "token_rig.h"

#define KEY TOKEN_RIG_EC
#define THREADS 8

static struct engine *e;
static const struct proxy *proxy;

static int set_up(void **state)
{
	token_rig_set_up(state);
	proxy = token_rig.proxy;
	return 0;
}

/* A deadlock is ended by the alarm. */
static int begin(void **state)
{
	(void)state;
	proxy->reset();
	alarm(60);
	return 0;
}

static int end(void **state)
{
	(void)state;
	engine_free(e);
	e = NULL;
	alarm(0);
	return 0;
}

/* What each thread does, and how often. */
struct task {
	int (*one)(struct token_key *k, struct error *err);
	struct token_key *key;
	int times;
	int expected;
	atomic_int wrong;
};

static void *work(void *arg)
{
	struct task *t = arg;

	for (int i = 0; i < t->times; i++) {
		struct error err = { 0 };

		if (t->one(t->key, &err) != t->expected)
			atomic_fetch_add(&t->wrong, 1);
	}
	return NULL;
}

static void run(struct task *t, size_t count)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, t), 0);
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(t->wrong, 0);
}

/* All threads sign with one key. */
static void sign_all(int times)
{
	struct task t = { .one = operate_sign, .times = times };

	t.key = operate_key(e, KEY, ENGINE_SIGN);
	run(&t, THREADS);
	token_key_free(t.key);
}

static int decrypt_one(struct token_key *k, struct error *err)
{
	unsigned char data[512];
	size_t len = operate_encrypt(data, k);

	return operate_decrypt(k, data, len, err);
}

static void many_threads_use_one_token(void **state)
{
	struct task t = { .one = decrypt_one, .times = 10 };

	(void)state;
	e = operate_engine();
	sign_all(40);
	/* One more for the copy of the key. */
	assert_int_equal(proxy->count("C_CopyObject"), 1);
	assert_in_range(proxy->count("C_OpenSession"), 1, THREADS + 1);
	t.key = operate_key(e, TOKEN_RIG_RSA, ENGINE_DECRYPT);
	run(&t, THREADS);
	token_key_free(t.key);
	assert_in_range(proxy->count("C_OpenSession"), 1, THREADS + 1);
	assert_int_equal(proxy->count("C_CloseSession"), 0);
	assert_int_equal(proxy->count("C_Login"), 1);
}

/* Each finds its own keys. */
static int find_and_sign(struct token_key *none, struct error *err)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, e, KEY, ENGINE_SIGN, err);

	(void)none;
	if (r == 0)
		r = operate_sign(found.key, err);
	engine_found_free(&found);
	return r;
}

static void many_threads_look_for_keys(void **state)
{
	struct task t = { .one = find_and_sign, .times = 10 };

	(void)state;
	e = operate_engine();
	run(&t, THREADS);
	assert_int_equal(proxy->count("C_Login"), 1);
}

static pthread_barrier_t meeting;

static void meet(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&meeting);
}

/* Each C_Sign waits for seven others: a lock around any of them would be a deadlock. */
static void calls_run_side_by_side(void **state)
{
	(void)state;
	e = operate_engine();
	pthread_barrier_init(&meeting, NULL, THREADS);
	proxy->hook("C_Sign", meet, NULL);
	sign_all(3);
	assert_int_equal(proxy->count("C_Sign"), 3 * THREADS);
	assert_true(proxy->overlaps() > 0);
	pthread_barrier_destroy(&meeting);
}

static sem_t entered, go_on;
static atomic_int held;

static void hold_the_first(void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&held, 1) > 0)
		return;
	sem_post(&entered);
	sem_wait(&go_on);
}

static void others_do_everything(struct token_key *k)
{
	hsmime_token *tokens = NULL;
	hsmime_key *keys = NULL;
	size_t count = 0;
	struct error err = { 0 };
	struct engine *other = operate_engine();

	assert_int_equal(engine_tokens(&tokens, &count, other, &err), 0);
	engine_tokens_free(tokens, count);
	assert_int_equal(engine_keys(&keys, &count, e, NULL, true, &err), 0);
	engine_keys_free(keys, count);
	token_key_free(operate_key(other, KEY, ENGINE_SIGN));
	assert_int_equal(operate_sign(k, &err), 0);
	engine_free(other);
}

static void while_one_thread_is_in(const char *function)
{
	struct task t = { .one = operate_sign, .times = 1 };
	pthread_t thread;

	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	atomic_store(&held, 0);
	t.key = operate_key(e, KEY, ENGINE_SIGN);
	proxy->hook(function, hold_the_first, NULL);
	assert_int_equal(pthread_create(&thread, NULL, work, &t), 0);
	sem_wait(&entered);
	others_do_everything(t.key);
	sem_post(&go_on);
	pthread_join(thread, NULL);
	assert_int_equal(t.wrong, 0);
	token_key_free(t.key);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

static void a_call_that_takes_long_holds_nobody_up(void **state)
{
	(void)state;
	e = operate_engine();
	while_one_thread_is_in("C_SignInit");
	proxy->reset();
	while_one_thread_is_in("C_Sign");
	proxy->reset();
	proxy->refuse("C_SignInit", CKR_KEY_HANDLE_INVALID, 0, 1);
	while_one_thread_is_in("C_FindObjectsInit");
}

/* The first two signatures wait until a third session has been refused. */
static void note_open(void *arg)
{
	(void)arg;
	if (proxy->count("C_OpenSession") >= 3 && atomic_fetch_add(&held, 1) == 0)
		for (int i = 0; i < THREADS; i++)
			sem_post(&go_on);
}

static atomic_int signing;

static void wait_for_refusal(void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&signing, 1) < 2)
		sem_wait(&go_on);
}

static void where_open_session_refuses_more_all_wait_and_none_fails(void **state)
{
	(void)state;
	e = operate_engine();
	sem_init(&go_on, 0, 0);
	atomic_store(&held, 0);
	atomic_store(&signing, 0);
	proxy->limit_sessions(2);
	proxy->hook("C_OpenSession", note_open, NULL);
	proxy->hook("C_Sign", wait_for_refusal, NULL);
	sign_all(10);
	/* Two that were granted, and at most one refusal for each of the others. */
	assert_in_range(proxy->count("C_OpenSession"), 3, THREADS);
	assert_int_equal(proxy->count("C_Sign"), 10 * THREADS);
	sem_destroy(&go_on);
}

static atomic_int inside, most;

static void count_inside(void *arg)
{
	int now = atomic_fetch_add(&inside, 1) + 1;

	(void)arg;
	if (now > atomic_load(&most))
		atomic_store(&most, now);
	for (int i = 0; i < 20; i++)
		sched_yield();
	atomic_fetch_sub(&inside, 1);
}

/* Time for the others to come while the first asks for the count. */
static void take_long(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++)
		sched_yield();
}

static void the_count_that_the_token_reports_is_kept(void **state)
{
	(void)state;
	for (unsigned long limit = 1; limit <= 3; limit++) {
		proxy->reset();
		atomic_store(&inside, 0);
		atomic_store(&most, 0);
		proxy->report_sessions(limit);
		proxy->hook("C_SignInit", count_inside, NULL);
		e = operate_engine();
		proxy->hook("C_GetTokenInfo", take_long, NULL);
		sign_all(10);
		assert_in_range(proxy->count("C_OpenSession"), 1, limit);
		assert_in_range(atomic_load(&most), 1, limit);
		engine_free(e);
		e = NULL;
	}
}

static void one_session_is_enough_even_where_operations_fail(void **state)
{
	struct task t = { .one = operate_sign, .times = 5, .expected = HSMIME_ETOKEN };

	(void)state;
	proxy->report_sessions(1);
	proxy->limit_sessions(1);
	e = operate_engine();
	sign_all(5);
	t.key = operate_key(e, KEY, ENGINE_SIGN);
	proxy->refuse("C_Sign", CKR_FUNCTION_FAILED, 0, 5 * THREADS);
	run(&t, THREADS);
	t.expected = 0;
	run(&t, THREADS);
	token_key_free(t.key);
}

static void where_others_hold_all_sessions_it_is_an_error_and_not_a_wait(void **state)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };
	CK_SESSION_HANDLE session = 0;
	CK_FUNCTION_LIST *f = NULL;

	(void)state;
	e = operate_engine();
	f = softtoken_proxy_functions();
	proxy->limit_sessions(1);
	assert_int_equal(
	    f->C_OpenSession(softtoken_slot(f, "Rig"), CKF_SERIAL_SESSION, NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(engine_find_key(&found, e, KEY, ENGINE_SIGN, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.message, "CKR_SESSION_COUNT"));
	assert_non_null(strstr(err.hint, "other programs"));
	assert_int_equal(f->C_CloseSession(session), CKR_OK);
	assert_int_equal(engine_find_key(&found, e, KEY, ENGINE_SIGN, &err), 0);
	engine_found_free(&found);
}

static void sessions_lost_under_many_threads_come_back(void **state)
{
	(void)state;
	e = operate_engine();
	proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 30, 1);
	sign_all(20);
	/* No other one was disturbed; the one beside proves the copy of the key. */
	assert_int_equal(proxy->count("C_Sign"), 20 * THREADS + 1 + proxy->count("C_CopyObject"));
}

static void a_module_that_can_t_lock_gets_one_call_at_a_time(void **state)
{
	(void)state;
	proxy->cant_lock(1);
	e = operate_engine();
	assert_true(proxy->count("C_Initialize") >= 2);
	sign_all(20);
	assert_int_equal(proxy->count("C_Sign"), 20 * THREADS + proxy->count("C_CopyObject"));
	assert_int_equal(proxy->overlaps(), 0);
	engine_free(e);
	proxy->reset();
	/* Once it can, calls run side by side again. */
	calls_run_side_by_side(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_threads_use_one_token, begin, end),
		cmocka_unit_test_setup_teardown(many_threads_look_for_keys, begin, end),
		cmocka_unit_test_setup_teardown(calls_run_side_by_side, begin, end),
		cmocka_unit_test_setup_teardown(a_call_that_takes_long_holds_nobody_up, begin, end),
		cmocka_unit_test_setup_teardown(
		    where_open_session_refuses_more_all_wait_and_none_fails, begin, end),
		cmocka_unit_test_setup_teardown(
		    the_count_that_the_token_reports_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(
		    one_session_is_enough_even_where_operations_fail, begin, end),
		cmocka_unit_test_setup_teardown(
		    where_others_hold_all_sessions_it_is_an_error_and_not_a_wait, begin, end),
		cmocka_unit_test_setup_teardown(
		    sessions_lost_under_many_threads_come_back, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_module_that_can_t_lock_gets_one_call_at_a_time, begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, token_rig_tear_down);
}
