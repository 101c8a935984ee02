#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include "engine/watch.h"
#include "hang_rig.h"

/* A call that hangs: it says so, and waits until it is released. Only the first one does. */
static struct {
	sem_t inside;
	sem_t release;
	bool hung;
} trap;

static int begin(void **state)
{
	sem_init(&trap.inside, 0, 0);
	sem_init(&trap.release, 0, 0);
	trap.hung = false;
	return hang_rig_begin(state);
}

static void hang(void *arg)
{
	(void)arg;
	if (trap.hung)
		return;
	trap.hung = true;
	sem_post(&trap.inside);
	while (sem_wait(&trap.release) != 0)
		continue;
}

static void set_trap(const char *function)
{
	trap.hung = false;
	hang_rig.proxy->hook(function, hang, NULL);
}

/* Let the call return, and wait until its thread is done with it. */
static void release(void)
{
	const struct timespec moment = { 0, 1000000 };

	sem_post(&trap.release);
	while (watch_hanging() > 0)
		nanosleep(&moment, NULL);
}

static int open_engine(struct engine **e, struct error *err)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_source = "env:TEST_PIN", .call_limit = HANG_LIMIT
	};

	return engine_new(e, &options, err);
}

static struct engine *opened(void)
{
	return hang_rig_engine(PROXY_MODULE, HANG_LIMIT);
}

static void a_call_that_hangs_is_given_up_and_other_tokens_go_on(void **state)
{
	struct engine *e = opened();
	struct token_key *a = operate_key(e, HANG_ALPHA, ENGINE_SIGN),
			 *b = operate_key(e, HANG_BETA, ENGINE_SIGN);
	struct error err = { 0 };

	(void)state;
	assert_int_equal(operate_sign(a, &err), 0);
	set_trap("C_Sign");
	assert_int_equal(operate_sign(a, &err), HSMIME_ETOKEN);
	hang_rig_says(&err, "token \"Alpha\" does not answer (C_Sign has not returned)");
	assert_int_equal(watch_hanging(), 1);
	assert_int_equal(operate_sign(a, &err), HSMIME_ETOKEN);
	hang_rig_says(&err, "token \"Alpha\" is stuck");
	assert_int_equal(operate_sign(b, &err), 0);
	release();
	assert_int_equal(operate_sign(a, &err), 0);
	token_key_free(a);
	token_key_free(b);
	engine_free(e);
	/* Nothing is left of it: the module ends as any other. */
	assert_int_equal(hang_rig.proxy->count("C_Finalize"), 1);
}

static void type_slowly(void *arg)
{
	const struct timespec typing = { 0, 2 * HANG_LIMIT * 1000000L };

	(void)arg;
	nanosleep(&typing, NULL);
}

static void a_person_has_longer_at_the_pad(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = HANG_LIMIT };
	struct engine *e = NULL;
	struct engine_found found = { 0 };
	struct error err = { 0 };

	(void)state;
	hang_rig.proxy->set_flags(CKF_PROTECTED_AUTHENTICATION_PATH);
	assert_int_equal(engine_new(&e, &options, &err), 0);
	hang_rig.proxy->hook("C_Login", type_slowly, NULL);
	assert_int_not_equal(engine_find_key(&found, e, HANG_ALPHA, ENGINE_SIGN, &err), 0);
	assert_null(strstr(err.message, "does not answer"));
	assert_int_equal(hang_rig.proxy->count("C_Login"), 1);
	assert_int_equal(watch_hanging(), 0);
	engine_found_free(&found);
	engine_free(e);
}

static void *sign_beside(void *arg)
{
	struct error *err = arg;
	struct engine_found found = { 0 };
	struct engine *e = opened();

	assert_int_equal(engine_find_key(&found, e, HANG_ALPHA, ENGINE_SIGN, err), HSMIME_ETOKEN);
	engine_free(e);
	return NULL;
}

static void nobody_waits_behind_a_login_that_hangs(void **state)
{
	struct engine *e = opened();
	struct engine_found found = { 0 };
	struct error err = { 0 }, other = { 0 };
	pthread_t beside;

	(void)state;
	set_trap("C_Login");
	assert_int_equal(pthread_create(&beside, NULL, sign_beside, &other), 0);
	while (sem_wait(&trap.inside) != 0)
		continue;
	assert_int_equal(engine_find_key(&found, e, HANG_ALPHA, ENGINE_SIGN, &err), HSMIME_ETOKEN);
	pthread_join(beside, NULL);
	hang_rig_says(&other, "does not answer (C_Login");
	hang_rig_says(&err, "token \"Alpha\" is stuck");
	release();
	assert_int_equal(engine_find_key(&found, e, HANG_ALPHA, ENGINE_SIGN, &err), 0);
	engine_found_free(&found);
	engine_free(e);
}

/* What all of a module's functions are called for in one go; the status of the first that fails. */
static int everything(struct error *err)
{
	struct engine *e = NULL;
	struct engine_found found = { 0 };
	hsmime_token *tokens = NULL;
	size_t count = 0;
	int r = open_engine(&e, err);

	if (r == 0)
		r = engine_find_key(&found, e, HANG_ALPHA, ENGINE_SIGN, err);
	if (r == 0)
		r = operate_sign(found.key, err);
	if (r == 0)
		r = engine_tokens(&tokens, &count, e, err);
	engine_tokens_free(tokens, count);
	engine_found_free(&found);
	engine_free(e);
	return r;
}

static void any_call_may_hang(void **state)
{
	static const char *const functions[] = { "C_Initialize", "C_GetSlotList", "C_OpenSession",
		"C_Login", "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal",
		"C_GetAttributeValue", "C_SignInit", "C_Sign" };
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		hang_rig.proxy->reset();
		set_trap(functions[i]);
		err = (struct error){ 0 };
		if (everything(&err) != HSMIME_ETOKEN)
			fail_msg("%s: %s", functions[i], err.message);
		hang_rig_says(&err, functions[i]);
		assert_int_equal(watch_hanging(), 1);
		release();
		if (everything(&err) != 0)
			fail_msg("after %s: %s", functions[i], err.message);
	}
}

static void a_module_that_hangs_at_its_end_is_left_to_itself(void **state)
{
	struct error err = { 0 };

	(void)state;
	set_trap("C_Finalize");
	assert_int_equal(everything(&err), 0);
	assert_int_equal(watch_hanging(), 1);
	assert_int_equal(everything(&err), HSMIME_ETOKEN);
	hang_rig_says(&err, "the PKCS#11 module is stuck");
	release();
	assert_int_equal(everything(&err), 0);
}

static void a_call_that_hung_once_is_not_finalised_over(void **state)
{
	struct engine *e = opened();
	struct token_key *a = operate_key(e, HANG_ALPHA, ENGINE_SIGN);
	struct error err = { 0 };

	(void)state;
	set_trap("C_Sign");
	assert_int_equal(operate_sign(a, &err), HSMIME_ETOKEN);
	token_key_free(a);
	engine_free(e);
	assert_int_equal(hang_rig.proxy->count("C_Finalize"), 0);
	release();
	assert_int_equal(everything(&err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_call_that_hangs_is_given_up_and_other_tokens_go_on, begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_person_has_longer_at_the_pad, begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    nobody_waits_behind_a_login_that_hangs, begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(any_call_may_hang, begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_module_that_hangs_at_its_end_is_left_to_itself, begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_call_that_hung_once_is_not_finalised_over, begin, hang_rig_end),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
