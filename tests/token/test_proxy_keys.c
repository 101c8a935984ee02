/* The saboteur of PINs, keys and what they give does what it is told. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy_rig.h"

static void a_key_does_only_what_it_may(void **state)
{
	CK_BBOOL may = CK_TRUE;
	CK_ATTRIBUTE a = { CKA_SIGN, &may, sizeof(may) };
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	(void)state;
	proxy_rig.proxy->limit_key(1, PROXY_UNWRAP);
	assert_int_equal(
	    proxy_rig.f->C_GetAttributeValue(proxy_rig.session, proxy_rig_key(), &a, 1), CKR_OK);
	assert_int_equal(may, CK_FALSE);
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(proxy_rig.f->C_DecryptInit(proxy_rig.session, &m, proxy_rig_key()),
	    CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static CK_RV log_in_again(void)
{
	unsigned char pin[] = SOFTTOKEN_PIN;

	return proxy_rig.f->C_Login(proxy_rig.session, CKU_CONTEXT_SPECIFIC, pin, sizeof(pin) - 1);
}

static void a_key_asks_for_a_login_each_time(void **state)
{
	(void)state;
	proxy_rig.proxy->authenticate(1, PROXY_AUTHENTICATE_PLAIN);
	assert_int_equal(proxy_rig_sign(proxy_rig_key()), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_OK);
	assert_int_equal(log_in_again(), CKR_OK);
	assert_int_equal(proxy_rig_finish_sign(), CKR_OK);
	assert_int_equal(proxy_rig_sign(proxy_rig_key()), CKR_USER_NOT_LOGGED_IN);
}

static void opensc_logs_out_whoever_did_not_log_in(void **state)
{
	unsigned char data[32] = { 0 };
	CK_ULONG len = 0;
	CK_SESSION_INFO info;

	(void)state;
	proxy_rig.proxy->authenticate(1, PROXY_AUTHENTICATE_OPENSC);
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_OK);
	assert_int_equal(log_in_again(), CKR_OK);
	assert_int_equal(
	    proxy_rig.f->C_Sign(proxy_rig.session, data, sizeof(data), NULL, &len), CKR_OK);
	assert_int_equal(proxy_rig_finish_sign(), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(proxy_rig.f->C_GetSessionInfo(proxy_rig.session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
	assert_int_equal(log_in_again(), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
}

static void the_person_at_the_pad_types_or_cancels(void **state)
{
	static const char *const answers[] = { NULL, "99999", SOFTTOKEN_PIN };
	CK_TOKEN_INFO token;

	(void)state;
	assert_int_equal(proxy_rig.f->C_Logout(proxy_rig.session), CKR_OK);
	proxy_rig.proxy->pad(answers, 3);
	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_OK);
	assert_int_not_equal(token.flags & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_ARGUMENTS_BAD);
	assert_int_equal(
	    proxy_rig.f->C_Login(proxy_rig.session, CKU_USER, NULL, 0), CKR_FUNCTION_CANCELED);
	assert_int_equal(
	    proxy_rig.f->C_Login(proxy_rig.session, CKU_USER, NULL, 0), CKR_PIN_INCORRECT);
	assert_int_equal(proxy_rig.f->C_Login(proxy_rig.session, CKU_USER, NULL, 0), CKR_OK);
}

static void a_pin_is_changed_at_the_pad(void **state)
{
	static const char *const answers[] = { SOFTTOKEN_PIN, "67890", "67890", SOFTTOKEN_PIN };
	CK_FUNCTION_LIST *f = proxy_rig.f;
	CK_SESSION_HANDLE s = proxy_rig.session;

	(void)state;
	proxy_rig.proxy->pad(answers, 4);
	assert_int_equal(f->C_SetPIN(s, NULL, 0, NULL, 0), CKR_OK);
	assert_int_equal(f->C_SetPIN(s, NULL, 0, NULL, 0), CKR_OK);
	assert_int_equal(f->C_SetPIN(s, (unsigned char *)"1", 1, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(proxy_rig.proxy->wrong_pins(), 0);
}

static CK_FLAGS pin_flags(void)
{
	CK_TOKEN_INFO token;

	assert_int_equal(proxy_rig.f->C_GetTokenInfo(proxy_rig.slot, &token), CKR_OK);
	return token.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
				 CKF_USER_PIN_LOCKED | CKF_USER_PIN_TO_BE_CHANGED);
}

static void wrong_pins_lock_and_a_new_one_unlocks(void **state)
{
	unsigned char so_pin[] = "so-pin", pin[] = SOFTTOKEN_PIN;

	(void)state;
	assert_int_equal(proxy_rig.f->C_Logout(proxy_rig.session), CKR_OK);
	proxy_rig.proxy->pin_tries(3, 1);
	assert_int_equal(pin_flags(), 0);
	assert_int_equal(proxy_rig_log_in("wrong"), CKR_PIN_INCORRECT);
	assert_int_equal(pin_flags(), CKF_USER_PIN_COUNT_LOW);
	assert_int_equal(proxy_rig_log_in("other"), CKR_PIN_INCORRECT);
	assert_int_equal(pin_flags(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	assert_int_equal(proxy_rig_log_in("wrong"), CKR_PIN_INCORRECT);
	assert_int_equal(pin_flags(), CKF_USER_PIN_LOCKED);
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_PIN_LOCKED);
	assert_int_equal(proxy_rig.proxy->wrong_pins(), 3);
	assert_int_equal(proxy_rig.proxy->repeated_pins(), 1);
	assert_int_equal(
	    proxy_rig.f->C_Login(proxy_rig.session, CKU_SO, so_pin, sizeof(so_pin) - 1), CKR_OK);
	assert_int_equal(proxy_rig.f->C_InitPIN(proxy_rig.session, pin, sizeof(pin) - 1), CKR_OK);
	assert_int_equal(proxy_rig.f->C_Logout(proxy_rig.session), CKR_OK);
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
}

static void a_wrong_pin_gets_the_code_that_was_told(void **state)
{
	(void)state;
	assert_int_equal(proxy_rig.f->C_Logout(proxy_rig.session), CKR_OK);
	proxy_rig.proxy->wrong_pin(CKR_FUNCTION_FAILED);
	assert_int_equal(proxy_rig_log_in("wrong"), CKR_FUNCTION_FAILED);
	assert_int_equal(proxy_rig.proxy->wrong_pins(), 1);
	proxy_rig.proxy->wrong_pin(CKR_OK);
	assert_int_equal(proxy_rig_log_in("other"), CKR_PIN_INCORRECT);
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
}

static void a_pin_to_be_changed_stops_operations(void **state)
{
	unsigned char pin[] = SOFTTOKEN_PIN, wrong[] = "00000";

	(void)state;
	proxy_rig.proxy->change_pin(1);
	assert_int_equal(pin_flags(), CKF_USER_PIN_TO_BE_CHANGED);
	assert_int_equal(proxy_rig.f->C_SetPIN(proxy_rig.session, wrong, 5, pin, sizeof(pin) - 1),
	    CKR_PIN_INCORRECT);
	assert_int_equal(proxy_rig.proxy->wrong_pins(), 1);
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_PIN_EXPIRED);
	assert_int_equal(
	    proxy_rig.f->C_SetPIN(proxy_rig.session, pin, sizeof(pin) - 1, pin, sizeof(pin) - 1),
	    CKR_OK);
	assert_int_equal(proxy_rig_sign(proxy_rig_key()), CKR_OK);
}

static CK_RV decrypt(unsigned char *data, CK_ULONG *len)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };
	unsigned char out[512];
	CK_RV rv = proxy_rig.f->C_DecryptInit(proxy_rig.session, &m, proxy_rig_key());

	return rv == CKR_OK ? proxy_rig.f->C_Decrypt(proxy_rig.session, data, 256, out, len) : rv;
}

static void bad_padding_is_answered_as_told(void **state)
{
	static const struct proxy_padding refused = { CKR_DATA_LEN_RANGE, 0, 0 };
	static const struct proxy_padding random = { CKR_OK, 17, 0 };
	static const struct proxy_padding active = { CKR_DATA_INVALID, 0, 1 };
	unsigned char garbage[256] = { 1 };
	CK_ULONG len = 512;

	(void)state;
	proxy_rig.proxy->bad_padding(&refused);
	assert_int_equal(decrypt(garbage, &len), CKR_DATA_LEN_RANGE);
	proxy_rig.proxy->bad_padding(&random);
	len = 512;
	assert_int_equal(decrypt(garbage, &len), CKR_OK);
	assert_int_equal(len, 17);
	proxy_rig.proxy->bad_padding(&active);
	len = 512;
	assert_int_equal(decrypt(garbage, &len), CKR_DATA_INVALID);
	assert_int_equal(proxy_rig_sign(proxy_rig_key()), CKR_OPERATION_ACTIVE);
}

static void a_decryption_that_is_refused_stays_active_or_not(void **state)
{
	unsigned char data[256] = { 1 };
	CK_OBJECT_HANDLE k = proxy_rig_key();
	CK_ULONG len = 512;

	(void)state;
	proxy_rig.proxy->refuse("C_Decrypt", CKR_FUNCTION_FAILED, 0, 2);
	assert_int_equal(decrypt(data, &len), CKR_FUNCTION_FAILED);
	assert_int_equal(proxy_rig_sign(k), CKR_OK);
	proxy_rig.proxy->keep_failed(1);
	assert_int_equal(decrypt(data, &len), CKR_FUNCTION_FAILED);
	assert_int_equal(proxy_rig_begin_sign(k), CKR_OPERATION_ACTIVE);
}

static void too_little_room_is_refused_or_filled(void **state)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(proxy_rig.rsa, NULL);
	unsigned char data[256];
	size_t data_len = sizeof(data);
	CK_ULONG len = 16;

	(void)state;
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, data, &data_len,
			     (const unsigned char *)"twenty octets of it..", 21),
	    1);
	EVP_PKEY_CTX_free(ctx);
	proxy_rig.proxy->room(PROXY_ROOM_REFUSE_ECHO);
	assert_int_equal(decrypt(data, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, 16);
	proxy_rig.proxy->room(PROXY_ROOM_REFUSE);
	assert_int_equal(proxy_rig.f->C_CloseSession(proxy_rig.session), CKR_OK);
	proxy_rig_open_session();
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
	assert_int_equal(decrypt(data, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, 256);
	proxy_rig.proxy->room(PROXY_ROOM_TRUNCATE);
	assert_int_equal(proxy_rig.f->C_CloseSession(proxy_rig.session), CKR_OK);
	proxy_rig_open_session();
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
	len = 16;
	assert_int_equal(decrypt(data, &len), CKR_OK);
	assert_int_equal(len, 16);
}

static CK_RV unwrap(const unsigned char *data, bool with_length, CK_OBJECT_HANDLE *made)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG len = 16;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, sizeof(no) },
		{ CKA_SENSITIVE, &no, sizeof(no) }, { CKA_EXTRACTABLE, &yes, sizeof(yes) },
		{ CKA_VALUE_LEN, &len, sizeof(len) } };
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	return proxy_rig.f->C_UnwrapKey(proxy_rig.session, &m, proxy_rig_key(),
	    (unsigned char *)data, 256, t, with_length ? 6 : 5, made);
}

static void unwrapping_takes_odd_templates(void **state)
{
	static const struct proxy_padding refused = { CKR_WRAPPED_KEY_LEN_RANGE, 0, 0 };
	static const struct proxy_padding random = { CKR_OK, 16, 0 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(proxy_rig.rsa, NULL);
	unsigned char data[256], value[32], garbage[256] = { 1 };
	size_t data_len = sizeof(data);
	CK_ATTRIBUTE a = { CKA_VALUE, value, sizeof(value) };
	CK_OBJECT_HANDLE made = 0;

	(void)state;
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_encrypt(ctx, data, &data_len, (const unsigned char *)"sixteen octets..", 16),
	    1);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(unwrap(data, false, &made), CKR_OK);
	assert_int_equal(proxy_rig.f->C_GetAttributeValue(proxy_rig.session, made, &a, 1), CKR_OK);
	assert_memory_equal(value, "sixteen octets..", 16);
	proxy_rig.proxy->unwrap_length(PROXY_LENGTH_READ_ONLY);
	assert_int_equal(unwrap(data, true, &made), CKR_ATTRIBUTE_READ_ONLY);
	proxy_rig.proxy->unwrap_length(PROXY_LENGTH_REQUIRED);
	assert_int_equal(unwrap(data, false, &made), CKR_TEMPLATE_INCOMPLETE);
	assert_int_equal(unwrap(data, true, &made), CKR_OK);
	proxy_rig.proxy->unwrap_length(PROXY_LENGTH_INNER);
	proxy_rig.proxy->unwrap_sensitive(1);
	assert_int_equal(unwrap(data, false, &made), CKR_OK);
	a.ulValueLen = sizeof(value);
	assert_int_equal(proxy_rig.f->C_GetAttributeValue(proxy_rig.session, made, &a, 1),
	    CKR_ATTRIBUTE_SENSITIVE);
	proxy_rig.proxy->unwrap_sensitive(0);
	proxy_rig.proxy->bad_padding(&refused);
	assert_int_equal(unwrap(garbage, false, &made), CKR_WRAPPED_KEY_LEN_RANGE);
	proxy_rig.proxy->bad_padding(&random);
	assert_int_equal(unwrap(garbage, false, &made), CKR_OK);
}

static void mechanisms_are_hidden(void **state)
{
	CK_MECHANISM_INFO info;
	CK_ULONG before = 0, count = 0;

	(void)state;
	assert_int_equal(proxy_rig.f->C_GetMechanismList(proxy_rig.slot, NULL, &before), CKR_OK);
	proxy_rig.proxy->hide_mechanism(CKM_RSA_PKCS);
	assert_int_equal(proxy_rig.f->C_GetMechanismList(proxy_rig.slot, NULL, &count), CKR_OK);
	assert_int_equal(count, before - 1);
	assert_int_equal(proxy_rig.f->C_GetMechanismInfo(proxy_rig.slot, CKM_RSA_PKCS, &info),
	    CKR_MECHANISM_INVALID);
	assert_int_equal(proxy_rig_begin_sign(proxy_rig_key()), CKR_MECHANISM_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, proxy_rig_begin, proxy_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_does_only_what_it_may),
		TEST(a_key_asks_for_a_login_each_time),
		TEST(opensc_logs_out_whoever_did_not_log_in),
		TEST(the_person_at_the_pad_types_or_cancels),
		TEST(a_pin_is_changed_at_the_pad),
		TEST(wrong_pins_lock_and_a_new_one_unlocks),
		TEST(a_wrong_pin_gets_the_code_that_was_told),
		TEST(a_pin_to_be_changed_stops_operations),
		TEST(bad_padding_is_answered_as_told),
		TEST(a_decryption_that_is_refused_stays_active_or_not),
		TEST(too_little_room_is_refused_or_filled),
		TEST(unwrapping_takes_odd_templates),
		TEST(mechanisms_are_hidden),
	};

	return cmocka_run_group_tests(tests, proxy_rig_set_up, proxy_rig_tear_down);
}
