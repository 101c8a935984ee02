/* A key that unwraps only, on a token that fails: what is told, what is done again, what is remembered. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unwrap_rig.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void the_token_s_own_failure_is_no_wrong_key(void **state)
{
	static const struct {
		CK_RV rv;
		int status;
	} codes[] = { { CKR_DEVICE_REMOVED, 0 }, { CKR_TOKEN_NOT_PRESENT, 0 },
		{ CKR_SESSION_CLOSED, 0 }, { CKR_SESSION_HANDLE_INVALID, 0 },
		{ CKR_KEY_HANDLE_INVALID, 0 }, { CKR_USER_NOT_LOGGED_IN, 0 },
		{ CKR_DEVICE_MEMORY, HSMIME_ETOKEN }, { CKR_HOST_MEMORY, HSMIME_ENOMEM } };

	(void)state;
	token_content_free(unwrap_rig_stays(TOKEN_CONTENT_AES_CBC));
	for (size_t i = 0; i < COUNT(codes); i++) {
		int r;

		unwrap_rig.proxy->refuse("C_DecryptInit", codes[i].rv, 0, 1);
		r = unwrap_rig_operate();
		if (r != codes[i].status)
			fail_msg("0x%lx: %d %s", codes[i].rv, r, unwrap_rig.err.message);
		assert_int_equal(operate_secret_keys("Unwraps"), 0);
		assert_int_equal(unwrap_rig_operate(), 0);
	}
}

static void what_the_token_says_of_the_key_gives_the_substitute(void **state)
{
	static const CK_RV codes[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
		CKR_KEY_SIZE_RANGE, CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID };

	(void)state;
	token_content_free(unwrap_rig_stays(TOKEN_CONTENT_AES_CBC));
	for (size_t i = 0; i < COUNT(codes); i++) {
		unwrap_rig.proxy->refuse("C_DecryptInit", codes[i], 0, 1);
		assert_int_equal(unwrap_rig_operate(), 1);
	}
	assert_int_equal(unwrap_rig_operate(), 0);
}

/* Refuses one call of a function after the first C_UnwrapKey: in the proof. */
struct fault {
	const char *function;
	CK_RV rv;
	bool unwrapped;
	bool done;
};

static CK_RV fail_in_proof(const char *name, void *arg)
{
	struct fault *f = arg;

	f->unwrapped |= strcmp(name, "C_UnwrapKey") == 0;
	if (!f->unwrapped || f->done || strcmp(name, f->function) != 0)
		return CKR_OK;
	f->done = true;
	return f->rv;
}

/* Whether the content key was read. */
static bool is_read(void)
{
	struct token_content_key *c = NULL;
	bool read;

	assert_int_equal(
	    unwrap_rig_unwrap(&c, unwrap_rig.key, TOKEN_CONTENT_AES_CBC, &unwrap_rig.err), 0);
	read = c == NULL;
	token_content_free(c);
	return read;
}

static void only_a_definite_refusal_is_remembered(void **state)
{
	static const struct {
		const char *function;
		CK_RV rv;
		bool read;             /* the first key */
		unsigned long unwraps; /* calls for the second one */
		unsigned long creates;
	} rows[] = {
		{ "C_GetAttributeValue", CKR_DEVICE_ERROR, false, 2, 2 },
		{ "C_GetAttributeValue", CKR_GENERAL_ERROR, false, 2, 2 },
		{ "C_GetAttributeValue", CKR_ATTRIBUTE_SENSITIVE, false, 1, 1 },
		{ "C_GetAttributeValue", CKR_SESSION_HANDLE_INVALID, true, 1, 1 },
		{ "C_CreateObject", CKR_DEVICE_MEMORY, true, 2, 2 },
		{ "C_CreateObject", CKR_USER_NOT_LOGGED_IN, true, 1, 1 },
		{ "C_CreateObject", CKR_SESSION_READ_ONLY, true, 2, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fault f = { rows[i].function, rows[i].rv, false, false };

		unwrap_rig.proxy->judge(fail_in_proof, &f);
		if (is_read() != rows[i].read)
			fail_msg("%s 0x%lx: the first", rows[i].function, rows[i].rv);
		assert_true(f.done);
		unwrap_rig.proxy->reset();
		if (is_read() != (rows[i].rv != CKR_ATTRIBUTE_SENSITIVE) ||
		    unwrap_rig.proxy->count("C_UnwrapKey") != rows[i].unwraps ||
		    unwrap_rig.proxy->count("C_CreateObject") != rows[i].creates)
			fail_msg("%s 0x%lx: the second, %lu and %lu calls", rows[i].function,
			    rows[i].rv, unwrap_rig.proxy->count("C_UnwrapKey"),
			    unwrap_rig.proxy->count("C_CreateObject"));
		unwrap_rig_end(state);
		unwrap_rig_begin(state);
	}
}

/* No login for one operation is possible where none is begun (PKCS#11 v2.40 section 5.6); SoftHSM asks for none. */
static void a_key_that_asks_each_time_unwraps_where_the_token_lets_it(void **state)
{
	struct token_key *asks =
	    operate_key(unwrap_rig.e, "pkcs11:token=Unwraps;id=%03", ENGINE_DECRYPT);
	struct token_content_key *c = NULL;

	(void)state;
	unwrap_rig_encrypt_key(token_key_public(asks));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    unwrap_rig_unwrap(&c, asks, TOKEN_CONTENT_AES_CBC, &unwrap_rig.err), 0);
		assert_null(c);
	}
	assert_int_equal(unwrap_rig.proxy->count("C_Login"), 1);
	unwrap_rig.proxy->authenticate(3, PROXY_AUTHENTICATE_PLAIN);
	assert_int_equal(
	    unwrap_rig_unwrap(&c, asks, TOKEN_CONTENT_AES_CBC, &unwrap_rig.err), HSMIME_ETOKEN);
	assert_null(c);
	assert_non_null(strstr(unwrap_rig.err.message, "asks for its PIN at each use"));
	assert_int_equal(unwrap_rig.proxy->wrong_pins(), 0);
	/* Once more as the user, in case that was it. */
	assert_int_equal(unwrap_rig.proxy->count("C_Login"), 2);
	unwrap_rig_encrypt_key(unwrap_rig.rsa);
	token_key_free(asks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    the_token_s_own_failure_is_no_wrong_key, unwrap_rig_begin, unwrap_rig_end),
		cmocka_unit_test_setup_teardown(what_the_token_says_of_the_key_gives_the_substitute,
		    unwrap_rig_begin, unwrap_rig_end),
		cmocka_unit_test_setup_teardown(
		    only_a_definite_refusal_is_remembered, unwrap_rig_begin, unwrap_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_key_that_asks_each_time_unwraps_where_the_token_lets_it, unwrap_rig_begin,
		    unwrap_rig_end),
	};

	return cmocka_run_group_tests(tests, unwrap_rig_set_up, unwrap_rig_tear_down);
}
