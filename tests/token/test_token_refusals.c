#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "find_rig.h"
#include "operate.h"

/*
 * Tokens that do less than they should. Each test opens an engine of its own, since what a token does is
 * remembered: "Alpha" of the rig has what is needed.
 */
static struct error err;
static const struct proxy *proxy;

static int set_up(void **state)
{
	int r = find_rig_set_up(state);

	engine_free(find_rig.e);
	find_rig.e = NULL;
	proxy = softtoken_proxy();
	return r;
}

static int begin(void **state)
{
	(void)state;
	proxy->reset();
	memset(&err, 0, sizeof(err));
	return 0;
}

/* One message, good or bad: with a substitute it always ends well. Round trips that it took. */
static unsigned long decrypt(struct token_key *k, const unsigned char *data, size_t len, bool good)
{
	unsigned char substitute[OPERATE_SECRET], out[1024];
	struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = data,
		.len = len,
		.substitute = substitute,
		.substitute_len = sizeof(substitute) };
	size_t out_len = sizeof(out);
	unsigned long before = proxy->round_trips();

	memset(substitute, 0x5a, sizeof(substitute));
	proxy->refuse("C_Decrypt", CKR_GENERAL_ERROR, 0, good ? 0 : 1);
	assert_int_equal(token_key_decrypt(k, out, &out_len, &q, &err), 0);
	assert_memory_equal(out, good ? operate_secret : substitute, OPERATE_SECRET);
	return proxy->round_trips() - before;
}

/* tpm2-pkcs11: who counts a message's calls would see how the one before it ended. */
static void where_a_failed_operation_stays_active_all_messages_cost_the_same(void **state)
{
	static const bool good[] = { true, false, false, true, true, false, true, true };
	struct engine *e = operate_engine();
	struct token_key *k = operate_key(e, "pkcs11:token=Alpha;id=%01", ENGINE_DECRYPT);
	unsigned char data[512];
	size_t len = operate_encrypt(data, k);
	unsigned long calls;

	(void)state;
	proxy->reset();
	proxy->keep_failed(1);
	assert_int_equal(decrypt(k, data, len, true), 2);
	assert_int_equal(decrypt(k, data, len, false), 2);
	/* The token is found out. */
	calls = decrypt(k, data, len, true);
	assert_true(calls > 2);
	calls = decrypt(k, data, len, true);
	for (size_t i = 0; i < sizeof(good); i++)
		assert_int_equal(decrypt(k, data, len, good[i]), calls);
	assert_int_equal(proxy->count("C_Login"), 0);
	token_key_free(k);
	engine_free(e);
}

/* The signature after a bad message finds the token out too. */
static void a_signature_that_finds_an_operation_active_tells_once(void **state)
{
	struct engine *e = operate_engine();
	struct token_key *k = operate_key(e, "pkcs11:token=Alpha;id=%01", ENGINE_DECRYPT);
	unsigned char data[512];
	size_t len = operate_encrypt(data, k);
	unsigned long calls;

	(void)state;
	proxy->reset();
	proxy->keep_failed(1);
	decrypt(k, data, len, false);
	assert_int_equal(operate_sign(k, &err), 0);
	calls = decrypt(k, data, len, true);
	assert_int_equal(decrypt(k, data, len, false), calls);
	proxy->reset();
	assert_int_equal(operate_sign(k, &err), 0);
	assert_int_equal(proxy->round_trips(), 2);
	token_key_free(k);
	engine_free(e);
}

static void a_decryption_that_can_not_begin_is_the_token_s_failure(void **state)
{
	static const CK_RV codes[] = { CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID,
		CKR_KEY_TYPE_INCONSISTENT, CKR_GENERAL_ERROR, CKR_ENCRYPTED_DATA_INVALID };
	struct engine *e = operate_engine();
	struct token_key *k = operate_key(e, "pkcs11:token=Alpha;id=%01", ENGINE_DECRYPT);
	unsigned char data[512];
	size_t len = operate_encrypt(data, k);

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		proxy->reset();
		proxy->refuse("C_DecryptInit", codes[i], 0, 10);
		assert_int_equal(operate_decrypt(k, data, len, &err), HSMIME_ETOKEN);
		assert_int_equal(hsmime_exit_status(err.code), 4);
		assert_int_equal(
		    strstr(err.hint, "lacks RSA PKCS#1 v1.5 decryption") != NULL, i < 3);
		assert_int_equal(proxy->count("C_Decrypt"), 0);
	}
	token_key_free(k);
	engine_free(e);
}

/* Beta shows nothing before the login, so that the first look at either token finds nothing of carol. */
static void a_token_that_can_not_search_hides_no_other_token(void **state)
{
	static const CK_RV codes[] = { CKR_FUNCTION_NOT_SUPPORTED, CKR_MECHANISM_INVALID,
		CKR_DEVICE_ERROR };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct engine *e = operate_engine();
		struct engine_found found = { 0 };

		proxy->reset();
		proxy->refuse("C_FindObjectsInit", codes[i], 0, 1);
		assert_int_equal(
		    engine_find_by_email(&found, e, "carol@example.org", ENGINE_SIGN, &err), 0);
		find_rig_is(&found, find_rig.carol, "Beta");
		engine_found_free(&found);
		/* Where nothing is found, what failed is said. */
		proxy->refuse("C_FindObjectsInit", codes[i], 0, 1000);
		assert_int_equal(
		    engine_find_by_email(&found, e, "carol@example.org", ENGINE_SIGN, &err),
		    HSMIME_ETOKEN);
		engine_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    where_a_failed_operation_stays_active_all_messages_cost_the_same, begin),
		cmocka_unit_test_setup(
		    a_signature_that_finds_an_operation_active_tells_once, begin),
		cmocka_unit_test_setup(
		    a_decryption_that_can_not_begin_is_the_token_s_failure, begin),
		cmocka_unit_test_setup(a_token_that_can_not_search_hides_no_other_token, begin),
	};

	return cmocka_run_group_tests(tests, set_up, find_rig_tear_down);
}
