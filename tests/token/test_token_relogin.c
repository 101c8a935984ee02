#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token_rig.h"

/*
 * What another thread does while this one searches: it finds that the user was logged out, and
 * logs in again.
 */
static struct token_key *key;
static CK_FUNCTION_LIST *f;
static CK_SESSION_HANDLE other;
static int step;

static void log_out(void *arg)
{
	(void)arg;
	if (step++ == 0)
		assert_int_equal(f->C_Logout(other), CKR_OK);
}

static void log_in(void *arg)
{
	struct error err = { 0 };

	(void)arg;
	if (step++ == 1)
		assert_int_equal(operate_sign(key, &err), 0);
}

static void a_key_is_not_gone_while_another_thread_logs_in_again(void **state)
{
	struct engine *e = operate_engine();
	struct token_key *k = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);

	(void)state;
	key = operate_key(e, TOKEN_RIG_RSA, ENGINE_SIGN);
	f = softtoken_proxy_functions();
	assert_int_equal(
	    f->C_OpenSession(softtoken_slot(f, "Rig"), CKF_SERIAL_SESSION, NULL, NULL, &other),
	    CKR_OK);
	token_rig.proxy->refuse("C_SignInit", CKR_KEY_HANDLE_INVALID, 0, 1);
	token_rig.proxy->hook("C_FindObjectsInit", log_out, NULL);
	token_rig.proxy->hook("C_FindObjectsFinal", log_in, NULL);
	/* One retry went into the first fault: the second one is told for what it is. */
	assert_int_equal(operate_sign(k, &token_rig.err), HSMIME_ETOKEN);
	assert_true(step >= 2);
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	token_key_free(k);
	token_key_free(key);
	engine_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_key_is_not_gone_while_another_thread_logs_in_again, token_rig_begin),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
