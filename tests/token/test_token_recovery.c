#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/public_key.h"
#include "token_rig.h"

static struct engine *e;
static struct token_key *rsa, *ec;
static CK_FUNCTION_LIST *module;
static unsigned char data[512];
static size_t data_len;

static int set_up(void **state)
{
	token_rig_set_up(state);
	module = softtoken_proxy_functions();
	return 0;
}

static int begin(void **state)
{
	token_rig_begin(state);
	e = operate_engine();
	rsa = operate_key(e, TOKEN_RIG_RSA, ENGINE_DECRYPT);
	ec = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
	data_len = operate_encrypt(data, rsa);
	assert_int_equal(operate_sign(rsa, &token_rig.err), 0);
	assert_int_equal(operate_sign(ec, &token_rig.err), 0);
	assert_int_equal(operate_decrypt(rsa, data, data_len, &token_rig.err), 0);
	token_rig.proxy->reset();
	return 0;
}

static int end(void **state)
{
	(void)state;
	token_key_free(rsa);
	token_key_free(ec);
	engine_free(e);
	return 0;
}

/* What a code takes with it. */
static const struct {
	CK_RV rv;
	bool session; /* a new one is opened */
	bool object;  /* the key is looked for */
} lost[] = {
	{ CKR_SESSION_HANDLE_INVALID, true, true },
	{ CKR_SESSION_CLOSED, true, true },
	{ CKR_DEVICE_REMOVED, true, true },
	{ CKR_TOKEN_NOT_PRESENT, true, true },
	{ CKR_USER_NOT_LOGGED_IN, true, true },
	{ CKR_OBJECT_HANDLE_INVALID, false, true },
	{ CKR_KEY_HANDLE_INVALID, false, true },
};

#define LOST (sizeof(lost) / sizeof(lost[0]))

static void came_back(size_t i, const char *function)
{
	assert_int_equal(token_rig.proxy->count(function), 2);
	/* A session in which an operation broke off is not used again, whatever the code. */
	if (strstr(function, "Init") != NULL)
		assert_int_equal(token_rig.proxy->count("C_OpenSession") > 0, lost[i].session);
	assert_int_equal(token_rig.proxy->count("C_FindObjectsInit") > 0, lost[i].object);
}

static void what_was_lost_is_found_again_and_the_signature_made_once_more(void **state)
{
	static const char *const functions[] = { "C_SignInit", "C_Sign" };

	(void)state;
	for (size_t i = 0; i < LOST; i++)
		for (size_t f = 0; f < 2; f++) {
			token_rig.proxy->reset();
			token_rig.proxy->refuse(functions[f], lost[i].rv, 0, 1);
			assert_int_equal(operate_sign(ec, &token_rig.err), 0);
			came_back(i, functions[f]);
			token_rig.proxy->reset();
			assert_int_equal(operate_sign(ec, &token_rig.err), 0);
			assert_int_equal(token_rig.proxy->round_trips(), 2);
		}
}

static void what_stays_lost_is_tried_twice_and_reported(void **state)
{
	static const char *const functions[] = { "C_SignInit", "C_Sign" };

	(void)state;
	for (size_t i = 0; i < LOST; i++)
		for (size_t f = 0; f < 2; f++) {
			token_rig.proxy->reset();
			token_rig.proxy->refuse(functions[f], lost[i].rv, 0, 5);
			assert_int_equal(operate_sign(ec, &token_rig.err), HSMIME_ETOKEN);
			assert_int_equal(token_rig.proxy->count(functions[f]), 2);
			assert_non_null(strstr(token_rig.err.message, "CKR_"));
			token_rig.proxy->reset();
			assert_int_equal(operate_sign(ec, &token_rig.err), 0);
		}
}

static void other_failures_of_a_signature_are_not_repeated(void **state)
{
	static const CK_RV codes[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
		CKR_DEVICE_MEMORY, CKR_DATA_LEN_RANGE, CKR_FUNCTION_CANCELED,
		CKR_OPERATION_NOT_INITIALIZED, CKR_VENDOR_DEFINED };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		token_rig.proxy->reset();
		token_rig.proxy->refuse("C_Sign", codes[i], 0, 1);
		assert_int_equal(operate_sign(ec, &token_rig.err), HSMIME_ETOKEN);
		assert_int_equal(token_rig.proxy->count("C_Sign"), 1);
		assert_int_equal(operate_sign(ec, &token_rig.err), 0);
	}
}

static void a_decryption_comes_back_by_the_closed_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < LOST; i++) {
		token_rig.proxy->reset();
		token_rig.proxy->refuse("C_Decrypt", lost[i].rv, 0, 1);
		assert_int_equal(operate_decrypt(rsa, data, data_len, &token_rig.err), 0);
		came_back(i, "C_Decrypt");
		token_rig.proxy->reset();
		token_rig.proxy->refuse("C_DecryptInit", lost[i].rv, 0, 1);
		assert_int_equal(operate_decrypt(rsa, data, data_len, &token_rig.err), 0);
		came_back(i, "C_DecryptInit");
		assert_int_equal(token_rig.proxy->count("C_Decrypt"), 1);
	}
}

/* Every code there is: one call, one answer, one clean-up. */
static void a_decryption_that_failed_otherwise_is_never_repeated(void **state)
{
	unsigned long calls = 0;

	(void)state;
	for (CK_RV rv = 1; rv < 0x210; rv++) {
		static const CK_RV listed[] = { CKR_HOST_MEMORY, CKR_DEVICE_MEMORY,
			CKR_DEVICE_REMOVED, CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID,
			CKR_SESSION_CLOSED, CKR_SESSION_COUNT, CKR_SESSION_HANDLE_INVALID,
			CKR_SESSION_PARALLEL_NOT_SUPPORTED, CKR_SESSION_READ_ONLY,
			CKR_SESSION_EXISTS, CKR_SESSION_READ_ONLY_EXISTS,
			CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_TOKEN_NOT_PRESENT,
			CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN };
		bool skip = false;

		for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
			skip |= listed[i] == rv;
		if (skip)
			continue;
		token_rig.proxy->refuse("C_Decrypt", rv, 0, 1);
		assert_int_equal(
		    operate_decrypt(rsa, data, data_len, &token_rig.err), HSMIME_EINVALID);
		assert_string_equal(token_rig.err.message, "decryption failed");
		calls++;
		assert_int_equal(token_rig.proxy->count("C_Decrypt"), calls);
		/* The failure ended the operation: the same session takes the next message. */
		assert_int_equal(operate_decrypt(rsa, data, data_len, &token_rig.err), 0);
		calls++;
	}
	assert_int_equal(token_rig.proxy->count("C_OpenSession"), 0);
	assert_true(calls > 900);
}

/* After bad messages under many threads every session of the pool may be like that. */
static void sessions_with_an_operation_left_active_are_replaced(void **state)
{
	(void)state;
	for (unsigned long stuck = 1; stuck <= 20; stuck += 19) {
		token_rig.proxy->reset();
		token_rig.proxy->refuse("C_SignInit", CKR_OPERATION_ACTIVE, 0, stuck);
		assert_int_equal(operate_sign(ec, &token_rig.err), 0);
		assert_int_equal(token_rig.proxy->count("C_SignInit"), stuck + 1);
		assert_int_equal(token_rig.proxy->count("C_CloseSession"), stuck);
		assert_int_equal(token_rig.proxy->count("C_Login"), 0);
	}
	token_rig.proxy->reset();
	token_rig.proxy->refuse("C_SignInit", CKR_OPERATION_ACTIVE, 0, 1000);
	assert_int_equal(operate_sign(ec, &token_rig.err), HSMIME_ETOKEN);
	assert_in_range(token_rig.proxy->count("C_SignInit"), 2, 200);
	assert_non_null(strstr(token_rig.err.message, "CKR_OPERATION_ACTIVE"));
}

static void an_agreement_comes_back_too(void **state)
{
	struct token_key *k = operate_key(e, TOKEN_RIG_EC, ENGINE_DECRYPT);
	EVP_PKEY *peer = EVP_EC_gen("P-256");
	unsigned char point[PUBLIC_POINT_MAX], out[66];
	size_t len = sizeof(point), out_len;

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	for (size_t i = 0; i < LOST; i++) {
		token_rig.proxy->reset();
		token_rig.proxy->refuse("C_DeriveKey", lost[i].rv, 0, 1);
		out_len = sizeof(out);
		assert_int_equal(token_key_derive(k, out, &out_len, point, len, &token_rig.err), 0);
		came_back(i, "C_DeriveKey");
		token_rig.proxy->refuse("C_DeriveKey", lost[i].rv, 0, 9);
		out_len = sizeof(out);
		assert_int_equal(
		    token_key_derive(k, out, &out_len, point, len, &token_rig.err), HSMIME_ETOKEN);
		assert_int_equal(out_len, 0);
		token_rig.proxy->reset();
	}
	EVP_PKEY_free(peer);
	token_key_free(k);
}

/* The same with nothing played: the sessions are really gone. */
static void sessions_that_somebody_closed_are_replaced(void **state)
{
	(void)state;
	assert_int_equal(module->C_CloseAllSessions(softtoken_slot(module, "Rig")), CKR_OK);
	assert_int_equal(operate_sign(ec, &token_rig.err), 0);
	assert_int_equal(token_rig.proxy->count("C_Login"), 1);
	assert_int_equal(module->C_CloseAllSessions(softtoken_slot(module, "Rig")), CKR_OK);
	assert_int_equal(operate_decrypt(rsa, data, data_len, &token_rig.err), 0);
	assert_int_equal(token_rig.proxy->count("C_Login"), 2);
}

static void a_module_that_somebody_finalised_is_initialised_again(void **state)
{
	(void)state;
	assert_int_equal(module->C_Finalize(NULL), CKR_OK);
	assert_int_equal(operate_sign(ec, &token_rig.err), 0);
	assert_int_equal(operate_decrypt(rsa, data, data_len, &token_rig.err), 0);
}

static void log_out(void)
{
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(module->C_OpenSession(softtoken_slot(module, "Rig"), CKF_SERIAL_SESSION,
			     NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(module->C_Logout(session), CKR_OK);
	assert_int_equal(module->C_CloseSession(session), CKR_OK);
	token_rig.proxy->reset();
}

static void a_login_that_somebody_ended_is_made_again(void **state)
{
	(void)state;
	log_out();
	assert_int_equal(operate_sign(ec, &token_rig.err), 0);
	assert_int_equal(token_rig.proxy->count("C_Login"), 1);
}

/* Without a login private keys are not refused: they do not show. */
static void keys_that_an_ended_login_hides_are_found(void **state)
{
	(void)state;
	log_out();
	token_key_free(operate_key(e, TOKEN_RIG_RSA, ENGINE_SIGN));
	assert_int_equal(token_rig.proxy->count("C_Login"), 1);
}

static void what_is_not_there_costs_no_second_login(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:token=Rig;id=%77", ENGINE_SIGN, &token_rig.err),
	    HSMIME_ENOKEY);
	assert_int_equal(token_rig.proxy->count("C_Login"), 0);
}

static void a_token_that_is_gone_is_named(void **state)
{
	(void)state;
	token_rig.proxy->refuse("C_SignInit", CKR_DEVICE_REMOVED, 0, 1);
	token_rig.proxy->refuse("C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, 0, 99);
	assert_int_equal(operate_sign(ec, &token_rig.err), HSMIME_ETOKEN);
	assert_string_equal(token_rig.err.message, "token \"Rig\" is gone");
	assert_non_null(strstr(token_rig.err.hint, "serial number"));
	/* Inserted again. */
	token_rig.proxy->reset();
	assert_int_equal(operate_sign(ec, &token_rig.err), 0);
}

static void look_at_the_reader(void *arg)
{
	(void)arg;
	token_rig.proxy->refuse("C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, 0, 99);
}

/* OpenSC answers for a card that was taken out until it is asked for its slots. */
static void no_pin_is_sent_to_a_token_that_only_seems_to_be_there(void **state)
{
	(void)state;
	token_rig.proxy->refuse("C_SignInit", CKR_DEVICE_REMOVED, 0, 1);
	token_rig.proxy->hook("C_GetSlotList", look_at_the_reader, NULL);
	assert_int_equal(operate_sign(ec, &token_rig.err), HSMIME_ETOKEN);
	assert_string_equal(token_rig.err.message, "token \"Rig\" is gone");
	assert_int_equal(token_rig.proxy->count("C_Login"), 0);
}

static void a_key_that_was_removed_is_no_key(void **state)
{
	struct softtoken more = { .functions = module };
	struct token_key *k = NULL;
	CK_ATTRIBUTE id = { CKA_ID, (char *)"\x03", 1 };
	CK_OBJECT_HANDLE handles[4];
	CK_ULONG count = 0;

	(void)state;
	assert_int_equal(module->C_OpenSession(softtoken_slot(module, "Rig"),
			     CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &more.session),
	    CKR_OK);
	EVP_PKEY_free(softtoken_rsa(&more, 3, "changing", 1024, KEY_SIGN));
	k = operate_key(e, "pkcs11:token=Rig;id=%03", ENGINE_SIGN);
	assert_int_equal(module->C_FindObjectsInit(more.session, &id, 1), CKR_OK);
	assert_int_equal(module->C_FindObjects(more.session, handles, 4, &count), CKR_OK);
	assert_int_equal(module->C_FindObjectsFinal(more.session), CKR_OK);
	assert_int_equal(count, 2);
	for (CK_ULONG i = 0; i < count; i++)
		assert_int_equal(module->C_DestroyObject(more.session, handles[i]), CKR_OK);
	assert_int_equal(operate_sign(k, &token_rig.err), HSMIME_ENOKEY);
	assert_non_null(strstr(token_rig.err.message, "no longer on token"));
	/* Another key got its ID and label: it is not taken for it. */
	EVP_PKEY_free(softtoken_rsa(&more, 3, "changing", 1024, KEY_SIGN));
	assert_int_equal(operate_sign(k, &token_rig.err), HSMIME_ENOKEY);
	assert_int_equal(module->C_CloseSession(more.session), CKR_OK);
	token_key_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_was_lost_is_found_again_and_the_signature_made_once_more, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_stays_lost_is_tried_twice_and_reported, begin, end),
		cmocka_unit_test_setup_teardown(
		    other_failures_of_a_signature_are_not_repeated, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_decryption_comes_back_by_the_closed_list, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_decryption_that_failed_otherwise_is_never_repeated, begin, end),
		cmocka_unit_test_setup_teardown(
		    sessions_with_an_operation_left_active_are_replaced, begin, end),
		cmocka_unit_test_setup_teardown(an_agreement_comes_back_too, begin, end),
		cmocka_unit_test_setup_teardown(
		    sessions_that_somebody_closed_are_replaced, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_module_that_somebody_finalised_is_initialised_again, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_login_that_somebody_ended_is_made_again, begin, end),
		cmocka_unit_test_setup_teardown(
		    keys_that_an_ended_login_hides_are_found, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_is_not_there_costs_no_second_login, begin, end),
		cmocka_unit_test_setup_teardown(a_token_that_is_gone_is_named, begin, end),
		cmocka_unit_test_setup_teardown(
		    no_pin_is_sent_to_a_token_that_only_seems_to_be_there, begin, end),
		cmocka_unit_test_setup_teardown(a_key_that_was_removed_is_no_key, begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, token_rig_tear_down);
}
