/* What a forked child may do with what it inherited, and without it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "token_rig.h"

static struct engine *e;
static struct token_key *k;

static int open_key(void **state)
{
	token_rig_begin(state);
	e = operate_engine();
	k = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
	return 0;
}

static int close_key(void **state)
{
	(void)state;
	token_key_free(k);
	engine_free(e);
	return 0;
}

static void ends_well(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* 0 where a child signed with a session and login of its own, on a module it initialised. */
static int child_signs(void)
{
	token_rig.proxy->reset();
	if (operate_sign(k, &token_rig.err) != 0)
		return 1;
	if (token_rig.proxy->count("C_Initialize") == 0 ||
	    token_rig.proxy->count("C_OpenSession") == 0)
		return 2;
	return token_rig.proxy->count("C_Login") == 1 ? 0 : 3;
}

static void a_forked_child_initialises_for_itself(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0) {
			int r = child_signs();

			token_key_free(k);
			engine_free(e);
			_exit(r);
		}
		ends_well(pid);
	}
	/* The parent has lost nothing. */
	token_rig.proxy->reset();
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	assert_int_equal(token_rig.proxy->round_trips(), 2);
}

static void a_child_of_a_child_does_too(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pid_t inner = -1;
		int status = child_signs();

		if (status == 0)
			inner = fork();
		if (inner == 0)
			_exit(child_signs());
		if (inner > 0)
			waitpid(inner, &status, 0);
		_exit(status == 0 ? 0 : 1);
	}
	ends_well(pid);
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
}

static void a_child_that_uses_nothing_calls_nothing(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		token_rig.proxy->reset();
		token_key_free(k);
		engine_free(e);
		_exit(token_rig.proxy->round_trips() + token_rig.proxy->count("C_Finalize") == 0
			  ? 0
			  : 1);
	}
	ends_well(pid);
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
}

/* 0 where what the child opens is its own from the start, and ended by it. */
static int child_opens(void)
{
	int r;

	alarm(60);
	token_rig.proxy->reset();
	e = operate_engine();
	k = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
	r = operate_sign(k, &token_rig.err);
	/* SoftHSM goes on with the parent's state, so that is ended first. */
	if (r == 0 &&
	    (token_rig.proxy->count("C_Login") != 1 || token_rig.proxy->count("C_Finalize") != 1))
		r = 1;
	token_key_free(k);
	engine_free(e);
	return r != 0 ? 2 : token_rig.proxy->count("C_Finalize") >= 2 ? 0 : 3;
}

static void a_child_that_frees_what_it_inherited_opens_a_module_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			token_key_free(k);
			engine_free(e);
			if (i == 0)
				_exit(child_opens());
			/* The same a generation later, where neither parent closed it. */
			pid = fork();
			if (pid == 0)
				_exit(child_opens());
			ends_well(pid);
			_exit(0);
		}
		ends_well(pid);
	}
	token_rig.proxy->reset();
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	assert_int_equal(token_rig.proxy->round_trips(), 2);
}

static void a_child_of_a_parent_that_closed_its_module_opens_it_and_closes_it(void **state)
{
	pid_t pid;

	(void)state;
	token_rig_works();
	pid = fork();
	if (pid == 0) {
		token_rig_works();
		/* Nothing is left to finalise. */
		_exit(softtoken_proxy_functions()->C_Finalize(NULL) == CKR_CRYPTOKI_NOT_INITIALIZED
			  ? 0
			  : 1);
	}
	ends_well(pid);
}

static void a_child_looks_for_keys_itself(void **state)
{
	pid_t pid;

	(void)state;
	e = operate_engine();
	token_key_free(operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN));
	pid = fork();
	if (pid == 0) {
		struct engine_found found = { 0 };
		int r = engine_find_key(&found, e, TOKEN_RIG_EC, ENGINE_SIGN, &token_rig.err);

		if (r == 0)
			r = operate_sign(found.key, &token_rig.err);
		engine_found_free(&found);
		engine_free(e);
		_exit(r == 0 ? 0 : 1);
	}
	ends_well(pid);
	engine_free(e);
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

static void *sign_in_thread(void *arg)
{
	struct error own = { 0 };

	return operate_sign(arg, &own) == 0 ? NULL : arg;
}

/* A child: with what it inherited it signs, and lets go of it. */
static int child_signs_and_ends(void)
{
	int r;

	alarm(60);
	token_rig.proxy->reset();
	r = operate_sign(k, &token_rig.err);
	token_key_free(k);
	engine_free(e);
	return r == 0 ? 0 : 1;
}

/* One thread is in a call, and others wait for its session, when the process forks. */
static void a_child_of_a_busy_process_does_not_wait_for_its_parent_s_threads(void **state)
{
	pthread_t threads[3];
	void *failed = NULL;
	int status = -1;
	pid_t pid;

	(void)state;
	token_rig.proxy->limit_sessions(1);
	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	atomic_store(&held, 0);
	token_rig.proxy->hook("C_Sign", hold_the_first, NULL);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_in_thread, k), 0);
	sem_wait(&entered);
	/* Time for the others to come to where they wait. */
	for (int i = 0; i < 2000; i++)
		sched_yield();
	for (int free_only = 0; free_only < 2; free_only++) {
		pid = fork();
		if (pid == 0 && !free_only)
			_exit(child_signs_and_ends());
		if (pid == 0) {
			alarm(60);
			token_key_free(k);
			engine_free(e);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	sem_post(&go_on);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_forked_child_initialises_for_itself, open_key, close_key),
		cmocka_unit_test_setup_teardown(a_child_of_a_child_does_too, open_key, close_key),
		cmocka_unit_test_setup_teardown(
		    a_child_that_uses_nothing_calls_nothing, open_key, close_key),
		cmocka_unit_test_setup_teardown(
		    a_child_that_frees_what_it_inherited_opens_a_module_of_its_own, open_key,
		    close_key),
		cmocka_unit_test_setup(
		    a_child_of_a_parent_that_closed_its_module_opens_it_and_closes_it,
		    token_rig_begin),
		cmocka_unit_test_setup(a_child_looks_for_keys_itself, token_rig_begin),
		cmocka_unit_test_setup_teardown(
		    a_child_of_a_busy_process_does_not_wait_for_its_parent_s_threads, open_key,
		    close_key),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
