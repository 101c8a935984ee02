#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/recovery.h"

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

static bool among(CK_RV rv, const CK_RV *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == rv)
			return true;
	return false;
}

/* Every code of PKCS#11 and many that are none. */
static void only(bool (*says)(CK_RV), const CK_RV *list, size_t count)
{
	for (CK_RV rv = 0; rv < 0x400; rv++)
		if (says(rv) != among(rv, list, count))
			fail_msg("0x%lx", rv);
	assert_false(says(CKR_VENDOR_DEFINED));
	assert_false(says(CKR_VENDOR_DEFINED | 0x30));
	assert_false(says((CK_RV)-1));
}

static void a_failed_decryption_is_the_token_s_fault_by_the_closed_list_alone(void **state)
{
	static const CK_RV list[] = { CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_SESSION_CLOSED,
		CKR_SESSION_COUNT, CKR_SESSION_HANDLE_INVALID, CKR_SESSION_PARALLEL_NOT_SUPPORTED,
		CKR_SESSION_READ_ONLY, CKR_SESSION_EXISTS, CKR_SESSION_READ_ONLY_EXISTS,
		CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID,
		CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_HOST_MEMORY,
		CKR_DEVICE_MEMORY };

	(void)state;
	only(recovery_decrypt_failed, list, LENGTH(list));
}

static bool is_session(CK_RV rv)
{
	return recovery_of(rv) == RECOVERY_SESSION;
}

static bool is_object(CK_RV rv)
{
	return recovery_of(rv) == RECOVERY_OBJECT;
}

static bool is_login(CK_RV rv)
{
	return recovery_of(rv) == RECOVERY_LOGIN;
}

static bool is_active(CK_RV rv)
{
	return recovery_of(rv) == RECOVERY_ACTIVE;
}

static void lost_sessions_logins_and_objects_have_a_way_back_and_nothing_else(void **state)
{
	static const CK_RV sessions[] = { CKR_SLOT_ID_INVALID, CKR_DEVICE_REMOVED,
		CKR_SESSION_CLOSED, CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT,
		CKR_CRYPTOKI_NOT_INITIALIZED };
	static const CK_RV objects[] = { CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID,
		CKR_UNWRAPPING_KEY_HANDLE_INVALID };
	static const CK_RV logins[] = { CKR_USER_NOT_LOGGED_IN };
	static const CK_RV active[] = { CKR_OPERATION_ACTIVE };

	(void)state;
	only(is_session, sessions, LENGTH(sessions));
	only(is_object, objects, LENGTH(objects));
	only(is_login, logins, LENGTH(logins));
	only(is_active, active, LENGTH(active));
}

static void vague_codes_at_init_may_mean_the_mechanism_and_lost_handles_never(void **state)
{
	static const CK_RV may[] = { CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID,
		CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_SIZE_RANGE,
		CKR_FUNCTION_NOT_SUPPORTED, CKR_ARGUMENTS_BAD, CKR_GENERAL_ERROR,
		CKR_FUNCTION_FAILED, CKR_DATA_INVALID, CKR_ACTION_PROHIBITED,
		CKR_UNWRAPPING_KEY_SIZE_RANGE, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT };
	static const CK_RV never[] = { CKR_OK, CKR_USER_NOT_LOGGED_IN, CKR_SESSION_HANDLE_INVALID,
		CKR_KEY_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_PIN_INCORRECT, CKR_PIN_LOCKED,
		CKR_HOST_MEMORY, CKR_OPERATION_ACTIVE, CKR_DEVICE_ERROR };

	(void)state;
	for (size_t i = 0; i < LENGTH(may); i++)
		assert_true(recovery_other_mechanism(may[i]));
	for (size_t i = 0; i < LENGTH(never); i++)
		assert_false(recovery_other_mechanism(never[i]));
}

static void becomes(CK_RV rv, int status)
{
	struct error err = { 0 };

	assert_int_equal(recovery_error(&err, rv, "Card", "sign"), status);
	assert_int_equal(err.code, status);
	assert_non_null(strstr(err.message, "Card"));
}

static void a_code_becomes_one_status(void **state)
{
	static const CK_RV pin[] = { CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
		CKR_PIN_EXPIRED, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED };
	static const CK_RV token[] = { CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED,
		CKR_SESSION_COUNT, CKR_USER_NOT_LOGGED_IN, CKR_VENDOR_DEFINED | 1, 0x3ff };
	static const CK_RV cant[] = { CKR_MECHANISM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED,
		CKR_FUNCTION_NOT_SUPPORTED, CKR_CURVE_NOT_SUPPORTED };

	(void)state;
	for (size_t i = 0; i < LENGTH(pin); i++)
		becomes(pin[i], HSMIME_EPIN);
	for (size_t i = 0; i < LENGTH(token); i++)
		becomes(token[i], HSMIME_ETOKEN);
	for (size_t i = 0; i < LENGTH(cant); i++)
		becomes(cant[i], HSMIME_ETOKEN);
	becomes(CKR_HOST_MEMORY, HSMIME_ENOMEM);
	assert_int_equal(recovery_error(NULL, CKR_PIN_LOCKED, NULL, "sign"), HSMIME_EPIN);
}

static void what_a_token_can_not_do_is_named(void **state)
{
	struct error err = { 0 };

	(void)state;
	recovery_error(&err, CKR_MECHANISM_INVALID, "Card", "sign");
	recovery_lacks(&err, CKR_MECHANISM_INVALID, true, "ECDSA signatures (CKM_ECDSA)");
	assert_non_null(strstr(err.hint, "lacks ECDSA signatures (CKM_ECDSA)"));
	recovery_error(&err, CKR_ARGUMENTS_BAD, "Card", "sign");
	recovery_lacks(&err, CKR_ARGUMENTS_BAD, true, "ECDSA signatures (CKM_ECDSA)");
	assert_null(strstr(err.hint, "lacks"));
	assert_false(err.incapable);
	recovery_lacks(&err, CKR_ARGUMENTS_BAD, false, "ECDSA signatures (CKM_ECDSA)");
	assert_non_null(strstr(err.hint, "lacks ECDSA signatures (CKM_ECDSA)"));
	assert_true(err.incapable);
	recovery_error(&err, CKR_DEVICE_ERROR, "Card", "sign");
	recovery_lacks(&err, CKR_DEVICE_ERROR, false, "ECDSA signatures (CKM_ECDSA)");
	assert_null(strstr(err.hint, "lacks"));
}

static void the_words_name_token_action_and_code(void **state)
{
	struct error err = { 0 };
	char name[48];

	(void)state;
	recovery_error(&err, CKR_DEVICE_REMOVED, NULL, "list the tokens");
	assert_string_equal(
	    err.message, "a token was removed (list the tokens: CKR_DEVICE_REMOVED)");
	recovery_error(&err, CKR_DEVICE_REMOVED, "Card", "sign");
	assert_string_equal(err.message, "token \"Card\" was removed (sign: CKR_DEVICE_REMOVED)");
	assert_non_null(strstr(err.hint, "insert"));
	recovery_error(&err, CKR_PIN_LOCKED, "Card", "log in");
	assert_string_equal(err.message, "token \"Card\" has locked its PIN (CKR_PIN_LOCKED)");
	assert_non_null(strstr(err.hint, "unblock"));
	recovery_error(&err, 0x80001234, NULL, "list the tokens");
	assert_string_equal(
	    err.message, "the PKCS#11 module failed (list the tokens: CKR 0x80001234)");
	assert_string_not_equal(err.hint, "");
	assert_null(strstr(err.hint, "start the program again"));
	recovery_error(&err, CKR_GENERAL_ERROR, "Card", "sign");
	assert_non_null(strstr(err.hint, "start the program again"));
	assert_string_equal(
	    recovery_name(CKR_SESSION_COUNT, name, sizeof(name)), "CKR_SESSION_COUNT");
	assert_string_equal(recovery_name(0x3ff, name, sizeof(name)), "CKR 0x3ff");
	assert_string_equal(recovery_name(CKR_SESSION_COUNT, name, 8), "CKR_SES");
}

/* A label is what somebody printed on a token. */
static void a_hostile_label_does_no_harm(void **state)
{
	struct error err = { 0 };

	(void)state;
	recovery_error(&err, CKR_GENERAL_ERROR, "%s%n\033[2J", "sign");
	assert_non_null(strstr(err.message, "%s%n?[2J"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_decryption_is_the_token_s_fault_by_the_closed_list_alone),
		cmocka_unit_test(lost_sessions_logins_and_objects_have_a_way_back_and_nothing_else),
		cmocka_unit_test(vague_codes_at_init_may_mean_the_mechanism_and_lost_handles_never),
		cmocka_unit_test(a_code_becomes_one_status),
		cmocka_unit_test(what_a_token_can_not_do_is_named),
		cmocka_unit_test(the_words_name_token_action_and_code),
		cmocka_unit_test(a_hostile_label_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
