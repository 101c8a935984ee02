#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/key_use.h"
#include "engine/public_key.h"
#include "token_rig.h"

static struct engine *e;
static struct token_key *ec, *agree, *rsa;
static const struct proxy *proxy;
static struct error err;

static int begin(void **state)
{
	token_rig_begin(state);
	proxy = token_rig.proxy;
	e = operate_engine();
	ec = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
	agree = operate_key(e, TOKEN_RIG_EC, ENGINE_DECRYPT);
	rsa = operate_key(e, TOKEN_RIG_RSA, ENGINE_SIGN);
	return 0;
}

static int end(void **state)
{
	(void)state;
	token_key_free(ec);
	token_key_free(agree);
	token_key_free(rsa);
	engine_free(e);
	return 0;
}

static void sign(struct token_key *k, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		if (operate_sign(k, &err) != 0)
			fail_msg("signature %u: %s", i, err.message);
}

/* The key agreed with itself: the same secret every time. */
static void derive(unsigned times)
{
	static unsigned char first[66];
	unsigned char point[PUBLIC_POINT_MAX], out[66];
	size_t len = sizeof(point), out_len;

	assert_true(public_key_point(point, &len, token_key_public(agree)));
	for (unsigned i = 0; i < times; i++) {
		out_len = sizeof(out);
		if (token_key_derive(agree, out, &out_len, point, len, &err) != 0)
			fail_msg("secret %u: %s", i, err.message);
		assert_int_equal(out_len, 32);
		if (i == 0)
			memcpy(first, out, out_len);
		assert_memory_equal(first, out, out_len);
	}
}

static void a_key_that_is_used_often_is_copied_once(void **state)
{
	(void)state;
	sign(ec, KEY_COPY_USES - 1);
	assert_int_equal(proxy->count("C_CopyObject"), 0);
	sign(ec, 1);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
	proxy->reset();
	sign(ec, 3 * KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 0);
	assert_int_equal(proxy->round_trips(), 2 * 3 * KEY_COPY_USES);
	token_key_free(ec);
	assert_int_equal(proxy->count("C_DestroyObject"), 1);
	assert_int_equal(proxy->round_trips(), 2 * 3 * KEY_COPY_USES + 1);
	ec = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
	sign(ec, 1);
}

/* Other programs may take sessions meanwhile: then none can be spared for copies. */
static void where_no_session_is_left_the_one_of_the_copies_is_given_back(void **state)
{
	(void)state;
	sign(ec, KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
	proxy->limit_sessions(1);
	/* The only other session is closed, as something is active in it. */
	proxy->refuse("C_SignInit", CKR_OPERATION_ACTIVE, 0, 1);
	sign(ec, 2 * KEY_COPY_USES);
	proxy->limit_sessions(0);
	sign(ec, 1);
}

static void nobody_finds_a_copy(void **state)
{
	hsmime_key *keys = NULL;
	size_t before = 0, count = 0;

	(void)state;
	assert_int_equal(engine_keys(&keys, &before, e, "pkcs11:token=Rig", true, &err), 0);
	engine_keys_free(keys, before);
	sign(ec, KEY_COPY_USES);
	derive(KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 2);
	assert_int_equal(engine_keys(&keys, &count, e, "pkcs11:token=Rig", true, &err), 0);
	engine_keys_free(keys, count);
	assert_int_equal(count, before);
	for (int i = 0; i < 2; i++) {
		token_key_free(ec);
		ec = operate_key(e, i ? "pkcs11:token=Rig;object=ec" : TOKEN_RIG_EC, ENGINE_SIGN);
		sign(ec, KEY_COPY_USES);
	}
	token_key_free(operate_key(e, TOKEN_RIG_EC, ENGINE_DECRYPT));
}

static atomic_bool looked;

static void *look_up(void *arg)
{
	token_key_free(operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN));
	atomic_store(&looked, true);
	return arg;
}

/* While a module makes the copy it may look like the key: SoftHSM shows it half made. */
static void look_up_meanwhile(void *arg)
{
	pthread_t *thread = arg;

	assert_int_equal(pthread_create(thread, NULL, look_up, NULL), 0);
	usleep(200000);
	assert_false(atomic_load(&looked));
}

static void a_look_up_waits_while_a_copy_is_made(void **state)
{
	pthread_t thread;

	(void)state;
	atomic_store(&looked, false);
	proxy->hook("C_CopyObject", look_up_meanwhile, &thread);
	sign(ec, KEY_COPY_USES);
	pthread_join(thread, NULL);
	assert_true(atomic_load(&looked));
}

static void copy_meanwhile(void *arg)
{
	if (*(bool *)arg)
		sign(ec, 1);
	*(bool *)arg = false;
}

static void no_copy_is_made_while_somebody_looks(void **state)
{
	bool once = true;

	(void)state;
	sign(ec, KEY_COPY_USES - 1);
	proxy->hook("C_FindObjectsInit", copy_meanwhile, &once);
	token_key_free(operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN));
	assert_false(once);
	assert_int_equal(proxy->count("C_CopyObject"), 0);
	proxy->hook("C_FindObjectsInit", NULL, NULL);
	sign(ec, KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
}

static void so_is_one_that_agrees(void **state)
{
	(void)state;
	derive(KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
	derive(KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
}

static void an_rsa_key_gains_nothing(void **state)
{
	(void)state;
	sign(rsa, 2 * KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 0);
}

static void a_token_that_does_not_copy_is_asked_once(void **state)
{
	static const CK_RV refusals[] = { CKR_FUNCTION_NOT_SUPPORTED, CKR_ATTRIBUTE_READ_ONLY,
		CKR_ACTION_PROHIBITED, CKR_GENERAL_ERROR };

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		end(state);
		begin(state);
		proxy->refuse("C_CopyObject", refusals[i], 0, 100);
		sign(ec, 3 * KEY_COPY_USES);
		assert_int_equal(proxy->count("C_CopyObject"), 1);
	}
}

static void a_token_with_few_sessions_is_not_asked(void **state)
{
	(void)state;
	proxy->report_sessions(8);
	sign(ec, 2 * KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 0);
}

/* The copy fails at its proof, or later: the key goes on without it. */
static void a_copy_that_fails_is_given_up(void **state)
{
	static const CK_RV failures[] = { CKR_GENERAL_ERROR, CKR_KEY_HANDLE_INVALID,
		CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR };

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		for (unsigned later = 0; later < 4; later++) {
			const char *function = later % 2 ? "C_SignInit" : "C_Sign";
			/* A copy that was right once and is void now is made anew. */
			bool anew = later / 2 && failures[i] == CKR_KEY_HANDLE_INVALID;

			end(state);
			begin(state);
			sign(ec, KEY_COPY_USES - 1 + later / 2);
			proxy->refuse(function, failures[i], later / 2 ? 0 : 1, 1);
			sign(ec, 3 * KEY_COPY_USES);
			assert_int_equal(proxy->count("C_CopyObject"), anew ? 2 : 1);
		}
}

static void a_copy_that_lies_is_given_up(void **state)
{
	(void)state;
	derive(KEY_COPY_USES);
	proxy->lie("C_GetAttributeValue", 0, 1);
	derive(2 * KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
}

static void a_session_that_is_busy_is_not_the_copy_s_fault(void **state)
{
	(void)state;
	sign(ec, KEY_COPY_USES);
	proxy->reset();
	proxy->refuse("C_SignInit", CKR_OPERATION_ACTIVE, 0, 1);
	sign(ec, 2 * KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CloseSession"), 1);
	assert_int_equal(proxy->count("C_SignInit"), 2 * KEY_COPY_USES + 1);
	assert_int_equal(proxy->count("C_CopyObject"), 0);
	assert_int_equal(proxy->count("C_FindObjectsInit"), 0);
}

static void lost_sessions_take_the_copy_with_them(void **state)
{
	(void)state;
	sign(ec, KEY_COPY_USES + 1);
	proxy->refuse("C_SignInit", CKR_SESSION_HANDLE_INVALID, 0, 1);
	sign(ec, 1);
	proxy->reset();
	sign(ec, 2 * KEY_COPY_USES);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
}

static void a_forked_child_makes_its_own(void **state)
{
	pid_t child;
	int status;

	(void)state;
	sign(ec, KEY_COPY_USES + 1);
	child = fork();
	if (child == 0) {
		token_key_free(ec);
		ec = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
		sign(ec, 2 * KEY_COPY_USES);
		_exit(proxy->count("C_CopyObject") == 2 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	sign(ec, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_key_that_is_used_often_is_copied_once, begin, end),
		cmocka_unit_test_setup_teardown(
		    where_no_session_is_left_the_one_of_the_copies_is_given_back, begin, end),
		cmocka_unit_test_setup_teardown(nobody_finds_a_copy, begin, end),
		cmocka_unit_test_setup_teardown(a_look_up_waits_while_a_copy_is_made, begin, end),
		cmocka_unit_test_setup_teardown(no_copy_is_made_while_somebody_looks, begin, end),
		cmocka_unit_test_setup_teardown(so_is_one_that_agrees, begin, end),
		cmocka_unit_test_setup_teardown(an_rsa_key_gains_nothing, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_token_that_does_not_copy_is_asked_once, begin, end),
		cmocka_unit_test_setup_teardown(a_token_with_few_sessions_is_not_asked, begin, end),
		cmocka_unit_test_setup_teardown(a_copy_that_fails_is_given_up, begin, end),
		cmocka_unit_test_setup_teardown(a_copy_that_lies_is_given_up, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_session_that_is_busy_is_not_the_copy_s_fault, begin, end),
		cmocka_unit_test_setup_teardown(lost_sessions_take_the_copy_with_them, begin, end),
		cmocka_unit_test_setup_teardown(a_forked_child_makes_its_own, begin, end),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
