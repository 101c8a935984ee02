/* What becomes of a login by what the token answers and says of its PIN. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "operate.h"
#include "pin_rig.h"

/* The codes that PKCS#11 v2.40 has, and one of a vendor. */
static const CK_RV codes[] = { CKR_CANCEL, CKR_HOST_MEMORY, CKR_SLOT_ID_INVALID, CKR_GENERAL_ERROR,
	CKR_FUNCTION_FAILED, CKR_ARGUMENTS_BAD, CKR_NO_EVENT, CKR_NEED_TO_CREATE_THREADS,
	CKR_CANT_LOCK, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID,
	CKR_ATTRIBUTE_VALUE_INVALID, CKR_ACTION_PROHIBITED, CKR_DATA_INVALID, CKR_DATA_LEN_RANGE,
	CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY, CKR_DEVICE_REMOVED, CKR_ENCRYPTED_DATA_INVALID,
	CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_FUNCTION_CANCELED, CKR_FUNCTION_NOT_PARALLEL,
	CKR_FUNCTION_NOT_SUPPORTED, CKR_KEY_HANDLE_INVALID, CKR_KEY_SIZE_RANGE,
	CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_NOT_NEEDED, CKR_KEY_CHANGED, CKR_KEY_NEEDED,
	CKR_KEY_INDIGESTIBLE, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_NOT_WRAPPABLE,
	CKR_KEY_UNEXTRACTABLE, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID,
	CKR_OBJECT_HANDLE_INVALID, CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED,
	CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED,
	CKR_SESSION_CLOSED, CKR_SESSION_COUNT, CKR_SESSION_HANDLE_INVALID,
	CKR_SESSION_PARALLEL_NOT_SUPPORTED, CKR_SESSION_READ_ONLY, CKR_SESSION_EXISTS,
	CKR_SESSION_READ_ONLY_EXISTS, CKR_SESSION_READ_WRITE_SO_EXISTS, CKR_SIGNATURE_INVALID,
	CKR_SIGNATURE_LEN_RANGE, CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT,
	CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED,
	CKR_UNWRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_SIZE_RANGE,
	CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_USER_NOT_LOGGED_IN, CKR_USER_PIN_NOT_INITIALIZED,
	CKR_USER_TYPE_INVALID, CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES,
	CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE, CKR_WRAPPING_KEY_HANDLE_INVALID,
	CKR_WRAPPING_KEY_SIZE_RANGE, CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
	CKR_RANDOM_SEED_NOT_SUPPORTED, CKR_RANDOM_NO_RNG, CKR_DOMAIN_PARAMS_INVALID,
	CKR_BUFFER_TOO_SMALL, CKR_SAVED_STATE_INVALID, CKR_INFORMATION_SENSITIVE,
	CKR_STATE_UNSAVEABLE, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_CRYPTOKI_ALREADY_INITIALIZED,
	CKR_MUTEX_BAD, CKR_MUTEX_NOT_LOCKED, CKR_FUNCTION_REJECTED, CKR_VENDOR_DEFINED | 5 };

static bool among(CK_RV rv, const CK_RV *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == rv)
			return true;
	return false;
}

/* The session was lost: the PIN was not looked at. */
static bool of_the_session(CK_RV rv)
{
	static const CK_RV list[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
		CKR_CRYPTOKI_NOT_INITIALIZED, CKR_TOKEN_NOT_PRESENT };

	return among(rv, list, sizeof(list) / sizeof(list[0]));
}

/* The PIN was not looked at, or would not be again. */
static bool not_the_pin(CK_RV rv)
{
	static const CK_RV list[] = { CKR_HOST_MEMORY, CKR_DEVICE_MEMORY,
		CKR_OPERATION_NOT_INITIALIZED, CKR_SESSION_READ_ONLY_EXISTS,
		CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES, CKR_USER_TYPE_INVALID,
		CKR_TOKEN_NOT_RECOGNIZED, CKR_TOKEN_WRITE_PROTECTED, CKR_PIN_LOCKED,
		CKR_PIN_EXPIRED, CKR_USER_PIN_NOT_INITIALIZED };

	return of_the_session(rv) || among(rv, list, sizeof(list) / sizeof(list[0]));
}

static int list_keys(void)
{
	hsmime_key *keys = NULL;
	size_t count = 0;
	int r = engine_keys(&keys, &count, pin_rig.e, "pkcs11:token=Alpha", true, &pin_rig.err);

	engine_keys_free(keys, count);
	return r;
}

static int sign_carefully(void)
{
	struct token_key *k = NULL;
	int r;

	k = operate_key(pin_rig.e, "pkcs11:token=Alpha;id=%02", ENGINE_SIGN);
	pin_rig.proxy->refuse("C_Login", CKR_OPERATION_ACTIVE, 0, 100000);
	r = operate_sign(k, &pin_rig.err);
	token_key_free(k);
	return r;
}

static void logins_are(CK_RV rv, unsigned long most)
{
	if (pin_rig.proxy->count("C_Login") > most)
		fail_msg("0x%lx: %lu times C_Login", rv, pin_rig.proxy->count("C_Login"));
}

static void whatever_a_token_answers_an_operation_sends_its_pin_once(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		CK_RV rv = codes[i];

		pin_rig.proxy->reset();
		pin_rig_open("env:TEST_PIN", false);
		pin_rig.proxy->refuse("C_Login", rv, 0, 100000);
		assert_true(pin_rig_find(PIN_RIG_KEY) < 0);
		assert_string_not_equal(pin_rig.err.message, "");
		logins_are(rv, of_the_session(rv) ? 2 : 1);
		pin_rig.proxy->reset();
		pin_rig.proxy->refuse("C_Login", rv, 0, 100000);
		assert_true(pin_rig_find(PIN_RIG_KEY) < 0);
		assert_true(list_keys() < 0);
		logins_are(rv, of_the_session(rv) ? 4 : not_the_pin(rv) ? 2 : 0);
	}
	pin_rig.proxy->reset();
	pin_rig_open("env:TEST_PIN", false);
	assert_true(sign_carefully() < 0);
	logins_are(CKR_OPERATION_ACTIVE, 2);
}

static void a_person_who_put_the_token_back_may_type_the_same_again(void **state)
{
	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	pin_rig.proxy->refuse("C_Login", CKR_DEVICE_REMOVED, 0, 3);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_ETOKEN);
	assert_int_equal(pin_rig.person.asked, 2);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.person.asked, 4);
}

/* The first login's flags are those of the start. Before the second they can't be read. */
static int second_login_without_flags(bool with_person)
{
	struct token_key *k = NULL;
	int r;

	pin_rig.proxy->reset();
	pin_rig_open(with_person ? NULL : "env:TEST_PIN", with_person);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	pin_rig.proxy->reset();
	pin_rig.proxy->refuse("C_GetSessionInfo", CKR_FUNCTION_FAILED, 0, 9);
	pin_rig.proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 0, 1);
	/* The first look is whether the token is still there. */
	pin_rig.proxy->refuse("C_GetTokenInfo", CKR_DEVICE_ERROR, 1, 9);
	r = operate_sign(k, &pin_rig.err);
	token_key_free(k);
	return r;
}

static void where_the_flags_can_not_be_read_only_a_person_logs_in(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig.person.answer = pin_rig_right;
	assert_int_equal(second_login_without_flags(false), HSMIME_ETOKEN);
	assert_non_null(strstr(pin_rig.err.message, "state of its PIN"));
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	second_login_without_flags(true);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
}

static void a_pin_that_has_to_be_changed_is_told(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig.proxy->refuse("C_Login", CKR_PIN_EXPIRED, 0, 1);
	pin_rig_refused(PIN_RIG_KEY, "has expired", 1);
	assert_non_null(strstr(pin_rig.err.hint, "change the PIN"));
	pin_rig.proxy->reset();
	pin_rig.proxy->set_flags(CKF_USER_PIN_TO_BE_CHANGED);
	pin_rig_open("env:TEST_PIN", false);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_non_null(strstr(pin_rig.logged, "its PIN has to be changed"));
	pin_rig.proxy->reset();
	pin_rig.proxy->set_flags(CKF_USER_PIN_TO_BE_CHANGED);
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_non_null(strstr(pin_rig.err.hint, "has to be changed"));
}

static void the_last_try_at_a_pin_pad_is_agreed_to_before(void **state)
{
	const CK_FLAGS flags = CKF_PROTECTED_AUTHENTICATION_PATH | CKF_USER_PIN_FINAL_TRY;

	(void)state;
	pin_rig.proxy->set_flags(flags);
	pin_rig_open(NULL, false);
	pin_rig_refused(PIN_RIG_KEY, "nothing logs in unattended", 0);
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
	assert_non_null(strstr(pin_rig.err.message, "was not taken"));
	assert_int_equal(pin_rig.person.asked, 1);
	assert_int_equal(pin_rig.person.request.final_try, 1);
	assert_int_equal(pin_rig.person.request.pin_pad, 1);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	pin_rig.person.answer = "y";
	pin_rig.proxy->refuse("C_Login", CKR_PIN_INCORRECT, 0, 1);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_null(pin_rig.proxy->pin());
	assert_int_equal(pin_rig.person.asked, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    whatever_a_token_answers_an_operation_sends_its_pin_once, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_person_who_put_the_token_back_may_type_the_same_again, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    where_the_flags_can_not_be_read_only_a_person_logs_in, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_pin_that_has_to_be_changed_is_told, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    the_last_try_at_a_pin_pad_is_agreed_to_before, pin_rig_begin, pin_rig_end),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
