#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "engine/pin_change.h"
#include "operate.h"
#include "pin_rig.h"

static void now_final(void *arg)
{
	(void)arg;
	pin_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
}

static void now_locked(void *arg)
{
	(void)arg;
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
}

static void what_a_wrong_pin_did_is_told_and_counts_from_then_on(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig.proxy->hook("C_Login", now_final, NULL);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_non_null(strstr(pin_rig.err.hint, "the next wrong one locks"));
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_refused(PIN_RIG_KEY, "unattended", 1);
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig.proxy->reset();
	pin_rig.proxy->hook("C_Login", now_locked, NULL);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_non_null(strstr(pin_rig.err.hint, "locked now"));
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_refused(PIN_RIG_KEY, "locked", 1);
}

static void flags_that_others_changed_are_seen_before_a_second_login(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	pin_rig.proxy->reset();
	pin_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
	pin_rig.proxy->refuse("C_GetSessionInfo", CKR_FUNCTION_FAILED, 0, 9);
	pin_rig.proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 0, 1);
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	token_key_free(k);
}

/* After rv from C_Login: the status, and whether the same PIN is sent again. */
static void login_gives(CK_RV rv, int status, bool again)
{
	pin_rig.proxy->reset();
	pin_rig_open("env:TEST_PIN", false);
	pin_rig.proxy->refuse("C_Login", rv, 0, 1);
	memset(&pin_rig.err, 0, sizeof(pin_rig.err));
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), status);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), again ? 0 : HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), again ? 2 : 1);
}

static void what_may_be_a_wrong_pin_is_not_sent_again_and_what_is_none_is(void **state)
{
	static const CK_RV wrong_pin[] = { CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
		CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_ARGUMENTS_BAD,
		CKR_VENDOR_DEFINED | 5 };
	static const CK_RV state_of_pin[] = { CKR_PIN_LOCKED, CKR_PIN_EXPIRED,
		CKR_USER_PIN_NOT_INITIALIZED };
	static const CK_RV other[] = { CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_USER_TOO_MANY_TYPES,
		CKR_SESSION_READ_ONLY_EXISTS, CKR_DEVICE_MEMORY };

	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	for (size_t i = 0; i < sizeof(wrong_pin) / sizeof(wrong_pin[0]); i++)
		login_gives(wrong_pin[i], HSMIME_EPIN, false);
	for (size_t i = 0; i < sizeof(state_of_pin) / sizeof(state_of_pin[0]); i++)
		login_gives(state_of_pin[i], HSMIME_EPIN, true);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		login_gives(other[i], HSMIME_ETOKEN, true);
	login_gives(CKR_HOST_MEMORY, HSMIME_ENOMEM, true);
}

static void a_session_lost_at_login_is_replaced(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig.proxy->refuse("C_Login", CKR_SESSION_HANDLE_INVALID, 0, 1);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
}

static void a_pin_pad_asks_by_itself(void **state)
{
	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig.proxy->set_flags(CKF_PROTECTED_AUTHENTICATION_PATH);
	pin_rig_open("env:TEST_PIN", true);
	pin_rig.proxy->refuse("C_Login", CKR_PIN_INCORRECT, 0, 1);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_null(pin_rig.proxy->pin());
	assert_int_equal(pin_rig.person.asked, 1);
	assert_int_equal(pin_rig.person.request.pin_pad, 1);
	assert_int_equal(pin_rig.person.request.final_try, 0);
}

static void a_pin_pad_without_a_person_is_told(void **state)
{
	(void)state;
	pin_rig.proxy->set_flags(CKF_PROTECTED_AUTHENTICATION_PATH);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig.proxy->refuse("C_Login", CKR_PIN_INCORRECT, 0, 1);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_null(pin_rig.proxy->pin());
	assert_non_null(strstr(pin_rig.logged, "token \"Alpha\" asks for its PIN on its own pad"));
}

static void who_gives_up_at_a_pin_pad_sends_nothing(void **state)
{
	(void)state;
	pin_rig.proxy->set_flags(CKF_PROTECTED_AUTHENTICATION_PATH);
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
}

static void *find_in_thread(void *arg)
{
	struct engine_found found = { 0 };
	struct error own = { 0 };
	int r = engine_find_key(&found, pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN, &own);

	engine_found_free(&found);
	return r == *(int *)arg ? NULL : arg;
}

static pthread_barrier_t meeting;

static void meet(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&meeting);
}

/* They have their sessions, and come to the login, at the same time. */
static void all_threads_get(int status)
{
	pthread_t threads[8];

	pthread_barrier_init(&meeting, NULL, 8);
	pin_rig.proxy->hook("C_OpenSession", meet, NULL);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, find_in_thread, &status), 0);
	for (size_t i = 0; i < 8; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	pthread_barrier_destroy(&meeting);
}

/* Time for the others to come to the login as well, where nothing keeps them. */
static void take_long(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++)
		sched_yield();
}

static void think_long(void)
{
	take_long(NULL);
}

static void one_of_many_threads_logs_in(void **state)
{
	(void)state;
	pin_rig.person.meanwhile = think_long;
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	all_threads_get(0);
	assert_int_equal(pin_rig.person.asked, 1);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
}

static void one_of_many_threads_sends_a_wrong_pin(void **state)
{
	(void)state;
	pin_rig.proxy->hook("C_Login", take_long, NULL);
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig_open("env:TEST_PIN", false);
	all_threads_get(HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
}

static void *look_in_public(void *arg)
{
	STACK_OF(X509) *list = NULL;
	hsmime_token *tokens = NULL;
	size_t count = 0;
	struct error own = { 0 };

	if (engine_certificates(&list, pin_rig.e, NULL, &own) != 0 ||
	    engine_tokens(&tokens, &count, pin_rig.e, &own) != 0)
		return arg;
	sk_X509_pop_free(list, X509_free);
	engine_tokens_free(tokens, count);
	return NULL;
}

static void others_work(void)
{
	pthread_t thread;
	void *failed = NULL;

	assert_int_equal(pthread_create(&thread, NULL, look_in_public, &pin_rig.person), 0);
	pthread_join(thread, &failed);
	assert_null(failed);
}

static void while_a_person_thinks_others_work(void **state)
{
	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig.person.meanwhile = others_work;
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.person.asked, 1);
}

static void a_careful_key_asks_for_every_signature(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, "pkcs11:token=Alpha;id=%02", ENGINE_SIGN);
	assert_int_equal(pin_rig.person.asked, 1);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(operate_sign(k, &pin_rig.err), 0);
		assert_int_equal(pin_rig.person.asked, 1 + i);
		assert_string_equal(pin_rig.asked_for, "Alpha: sign with careful");
		pin_rig_wiped(pin_rig_right);
	}
	pin_rig.proxy->reset();
	pin_rig.person.answer = pin_rig_wrong;
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	assert_int_equal(pin_rig.proxy->count("C_Sign"), 0);
	pin_rig_wiped(pin_rig_wrong);
	pin_rig.person.answer = pin_rig_right;
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	token_key_free(k);
}

/* A card that is pulled out is first missed by the login for one operation. */
static int lose_at_the_login(struct token_key *k)
{
	pin_rig.proxy->lose_at("C_Login", 0);
	assert_true(operate_sign(k, &pin_rig.err) < 0);
	pin_rig.proxy->bring_back();
	return operate_sign(k, &pin_rig.err);
}

/* That says nothing of an unattended PIN that it took before; one that it never took is not sent again. */
static void a_careful_key_survives_its_card_being_pulled_out(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	k = operate_key(pin_rig.e, "pkcs11:token=Alpha;id=%02", ENGINE_SIGN);
	assert_int_equal(lose_at_the_login(k), 0);
	assert_int_equal(lose_at_the_login(k), 0);
	token_key_free(k);
	pin_rig.proxy->reset();
	pin_rig_open("env:TEST_PIN", false);
	pin_rig.proxy->lose_at("C_Login", 0);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_ETOKEN);
	pin_rig.proxy->bring_back();
	pin_rig_refused(PIN_RIG_KEY, "did not say whether it is right", 1);
	unsetenv("TEST_PIN");
}

/* Who asks for that has reason to: the PIN that was right may be another one now. */
static void what_was_forgotten_is_not_known_to_be_right(void **state)
{
	static const struct pin_job job = { .uri = "pkcs11:token=Alpha" };
	struct token_key *k = NULL;

	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	k = operate_key(pin_rig.e, "pkcs11:token=Alpha;id=%02", ENGINE_SIGN);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	assert_int_equal(engine_pin_forget(pin_rig.e, &job, &pin_rig.err), 0);
	assert_int_equal(lose_at_the_login(k), HSMIME_EPIN);
	token_key_free(k);
	unsetenv("TEST_PIN");
}

/* A card that came back wants its PIN again. */
static void a_lost_login_with_nobody_to_ask_is_said(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	pin_rig.person.answer = NULL;
	pin_rig.proxy->lose(NULL);
	pin_rig.proxy->bring_back();
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_EPIN);
	assert_non_null(strstr(pin_rig.err.message, "no PIN was given for token \"Alpha\""));
	assert_int_equal(pin_rig.person.asked, 2);
	pin_rig.person.answer = pin_rig_right;
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	token_key_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_a_wrong_pin_did_is_told_and_counts_from_then_on, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    flags_that_others_changed_are_seen_before_a_second_login, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    what_may_be_a_wrong_pin_is_not_sent_again_and_what_is_none_is, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_session_lost_at_login_is_replaced, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_pin_pad_asks_by_itself, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_pin_pad_without_a_person_is_told, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    who_gives_up_at_a_pin_pad_sends_nothing, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    one_of_many_threads_logs_in, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    one_of_many_threads_sends_a_wrong_pin, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    while_a_person_thinks_others_work, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_careful_key_asks_for_every_signature, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_lost_login_with_nobody_to_ask_is_said, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    what_was_forgotten_is_not_known_to_be_right, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_careful_key_survives_its_card_being_pulled_out, pin_rig_begin, pin_rig_end),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
