/* What others meet while a call hangs: other threads, tokens and modules, and child processes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/key.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "hang_rig.h"

#define PATIENT 30000 /* milliseconds that a call may take of those that are to wait */

/* A call that takes until it may go on. */
static struct {
	sem_t inside;
	sem_t go_on;
} slow;

static void take_time(void *arg)
{
	(void)arg;
	sem_post(&slow.inside);
	while (sem_wait(&slow.go_on) != 0)
		continue;
}

static void slow_down(const char *function)
{
	sem_init(&slow.inside, 0, 0);
	sem_init(&slow.go_on, 0, 0);
	hang_rig.proxy->hook(function, take_time, NULL);
}

static void a_look_up_that_hung_keeps_nobody_from_making_copies(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	hang_rig_open();
	hang_rig.proxy->hang("C_FindObjects", 0);
	assert_int_equal(
	    engine_find_key(&found, hang_rig.e, HANG_ALPHA, ENGINE_SIGN, &hang_rig.err),
	    HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "does not answer (C_FindObjects");
	hang_rig_release();
	assert_int_equal(hang_rig.alpha->token->copies.lookups, 0);
	for (int i = 0; i < KEY_COPY_USES; i++)
		assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	assert_int_equal(hang_rig.proxy->count("C_CopyObject"), 1);
}

static void a_call_that_hangs_takes_nothing_from_who_makes_a_copy(void **state)
{
	struct engine *patient = hang_rig_engine(PROXY_MODULE, PATIENT);
	struct token_key *key = operate_key(patient, HANG_ALPHA, ENGINE_SIGN);
	struct hang_signing maker;

	(void)state;
	hang_rig_open();
	slow_down("C_CopyObject");
	for (int i = 1; i < KEY_COPY_USES; i++)
		assert_int_equal(operate_sign(key, &hang_rig.err), 0);
	hang_rig_start(&maker, key);
	while (sem_wait(&slow.inside) != 0)
		continue;
	hang_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "does not answer (C_Sign");
	/* It is still at it, and nobody else begins. */
	assert_true(hang_rig.alpha->token->copies.busy);
	sem_post(&slow.go_on);
	pthread_join(maker.thread, NULL);
	assert_int_equal(maker.status, 0);
	assert_false(hang_rig.alpha->token->copies.busy);
	hang_rig.proxy->hook("C_CopyObject", NULL, NULL);
	hang_rig_release();
	assert_int_equal(operate_sign(key, &hang_rig.err), 0);
	token_key_free(key);
	engine_free(patient);
}

/* A signature that finds something active in its session, which is closed then. */
static int sign_and_close(void)
{
	hang_rig.proxy->refuse("C_SignInit", CKR_OPERATION_ACTIVE, 0, 1);
	return operate_sign(hang_rig.alpha, &hang_rig.err);
}

static void a_session_that_was_given_up_being_closed_does_not_count_later(void **state)
{
	struct session other = { 0 };
	unsigned long logins;
	CK_RV rv = CKR_OK;

	(void)state;
	hang_rig_open();
	/* There is another one meanwhile, so that it is not the last. */
	assert_int_equal(session_take(&other, &rv, hang_rig.alpha->token, &hang_rig.err), 0);
	hang_rig.proxy->hang("C_CloseSession", 0);
	assert_int_equal(sign_and_close(), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "does not answer (C_CloseSession");
	hang_rig_release();
	session_give(&other, hang_rig.alpha->token);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	/* The only one of now takes no login with it. */
	logins = hang_rig.proxy->count("C_Login");
	assert_int_equal(sign_and_close(), 0);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	assert_int_equal(hang_rig.proxy->count("C_Login"), logins);
}

static void *open_beside(void *arg)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = PATIENT };
	struct error own = { 0 };

	*(int *)arg = engine_new(&hang_rig.e, &options, &own);
	return NULL;
}

static void a_module_that_does_not_start_is_in_no_others_way(void **state)
{
	struct engine *other;
	pthread_t beside;
	int status = -1;

	(void)state;
	hang_rig.proxy->hang("C_Initialize", 0);
	assert_int_equal(pthread_create(&beside, NULL, open_beside, &status), 0);
	hang_rig.proxy->await_hanging(1);
	other = hang_rig_engine(SOFTHSM_MODULE, HANG_LIMIT);
	assert_true(engine_has_token(other));
	engine_free(other);
	assert_int_equal(watch_hanging(), 0);
	hang_rig.proxy->release();
	pthread_join(beside, NULL);
	assert_int_equal(status, 0);
}

/* 0 where nothing of the parent's hanging call is left. */
static int child_signs(void)
{
	if (watch_hanging() != 0)
		return 1;
	if (operate_sign(hang_rig.alpha, &hang_rig.err) != 0 || hang_rig.alpha->token->stuck != 0)
		return 2;
	return operate_sign(hang_rig.beta, &hang_rig.err) != 0 ? 3 : 0;
}

static void in_a_forked_child_no_call_hangs(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	hang_rig_open();
	slow_down("C_Sign");
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig.proxy->hook("C_Sign", NULL, NULL);
	pid = fork();
	if (pid == 0)
		_exit(child_signs());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(watch_hanging(), 1);
	sem_post(&slow.go_on);
	hang_rig_release();
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_look_up_that_hung_keeps_nobody_from_making_copies,
		    hang_rig_begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_call_that_hangs_takes_nothing_from_who_makes_a_copy, hang_rig_begin,
		    hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_session_that_was_given_up_being_closed_does_not_count_later, hang_rig_begin,
		    hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_module_that_does_not_start_is_in_no_others_way, hang_rig_begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    in_a_forked_child_no_call_hangs, hang_rig_begin, hang_rig_end),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
