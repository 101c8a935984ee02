/* A token's PIN is changed, unblocked and set: what is asked, sent and forgotten. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "change_rig.h"
#include "operate.h"

static void a_person_gives_the_old_pin_once_and_the_new_one_twice(void **state)
{
	(void)state;
	change_engine(NULL, true);
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
	assert_string_equal(person.asked, "user new new-again ");
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
	/* Nobody is logged in afterwards, and the new PIN holds. */
	person.user = "new-pin-1";
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
}

static void two_new_pins_that_differ_change_nothing(void **state)
{
	(void)state;
	person.again = "new-pin-2";
	change_engine(NULL, true);
	change_fails(
	    engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN, "differ");
	person.again = person.fresh = pin_rig_right;
	change_fails(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN,
	    "is the old one");
	person.again = person.fresh = "abc";
	change_fails(
	    engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN, "too short");
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 0);
}

static void a_wrong_old_pin_is_sent_once_and_no_new_one_is_asked_for(void **state)
{
	(void)state;
	person.user = pin_rig_wrong;
	change_engine(NULL, true);
	change_fails(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN,
	    "CKR_PIN_INCORRECT");
	change_fails(
	    engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN, "before");
	assert_string_equal(person.asked, "user user ");
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 0);
}

static void what_was_refused_may_be_the_new_pin(void **state)
{
	(void)state;
	person.user = "new-pin-1";
	change_engine(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
	person.user = pin_rig_right;
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
	person.user = "new-pin-1";
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
}

static void an_expired_pin_is_changed_by_itself(void **state)
{
	(void)state;
	change_engine(NULL, true);
	pin_rig.proxy->refuse("C_Login", CKR_PIN_EXPIRED, 0, 1);
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
}

static void a_new_pin_that_the_token_refuses_is_told_apart_from_the_old_one(void **state)
{
	(void)state;
	change_engine(NULL, true);
	pin_rig.proxy->refuse("C_SetPIN", CKR_PIN_INVALID, 0, 1);
	change_fails(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN,
	    "does not take the new PIN (CKR_PIN_INVALID)");
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
}

static void the_last_try_of_a_change_is_a_person_s(void **state)
{
	struct pin_job job = { .new_source = "env:NEW_PIN" };

	(void)state;
	setenv("OLD_PIN", pin_rig_right, 1);
	setenv("NEW_PIN", "new-pin-1", 1);
	pin_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
	change_engine("env:OLD_PIN", false);
	change_fails(engine_pin_change(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "unattended");
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	change_engine("env:OLD_PIN", true);
	assert_int_equal(engine_pin_change(pin_rig.e, &job, &pin_rig.err), 0);
	assert_string_equal(person.asked, "user-last ");
}

static void the_security_officer_sets_a_new_pin(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	change_engine(NULL, true);
	/* Logged in, with sessions in the pool: the officer needs them closed. */
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &change_plain, &pin_rig.err), 0);
	assert_string_equal(person.asked, "user so new new-again ");
	person.user = "new-pin-1";
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	token_key_free(k);
}

static void the_officer_s_last_try_and_locked_pin_are_heeded(void **state)
{
	struct pin_job job = { .new_source = "env:NEW_PIN", .so_source = "env:SO_PIN" };

	(void)state;
	setenv("SO_PIN", SO_PIN, 1);
	setenv("NEW_PIN", "new-pin-1", 1);
	change_engine(NULL, false);
	pin_rig.proxy->set_flags(CKF_SO_PIN_FINAL_TRY);
	change_fails(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "unattended");
	pin_rig.proxy->set_flags(CKF_SO_PIN_LOCKED);
	change_fails(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN,
	    "has locked its security officer's PIN");
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	/* The user's locked PIN is what this is for. */
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), 0);
}

static void a_wrong_officer_s_pin_is_sent_once_and_is_no_user_s_pin(void **state)
{
	(void)state;
	person.so = "new-pin-1";
	change_engine(NULL, true);
	change_fails(engine_pin_unblock(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN,
	    "CKR_PIN_INCORRECT");
	assert_non_null(strstr(pin_rig.err.hint, "security officer"));
	change_fails(
	    engine_pin_unblock(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN, "before");
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
}

static void a_puk_goes_with_the_new_pin_where_the_pin_is_locked(void **state)
{
	struct pin_job job = { .puk = true };

	(void)state;
	/* SoftHSM has no PUK: C_SetPIN takes the PIN for one. */
	person.puk = pin_rig_right;
	change_engine(NULL, true);
	change_fails(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EUSAGE, "locked");
	assert_string_equal(person.asked, "");
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	pin_rig.proxy->refuse("C_SetPIN", CKR_FUNCTION_NOT_SUPPORTED, 0, 1);
	change_fails(
	    engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_ETOKEN, "can't do it");
	assert_non_null(strstr(pin_rig.err.hint, "user_pin_unblock_style"));
	assert_int_equal(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), 0);
	assert_string_equal(person.asked, "puk new new-again puk new new-again ");
	pin_rig.proxy->refuse("C_SetPIN", CKR_PIN_INCORRECT, 0, 1);
	change_fails(
	    engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "CKR_PIN_INCORRECT");
	assert_non_null(strstr(pin_rig.err.hint, "the PUK"));
	change_fails(engine_pin_unblock(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "before");
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 3);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
}

static void a_pin_pad_asks_for_both(void **state)
{
	const char *const typed[] = { pin_rig_right };

	(void)state;
	person.user = person.fresh = "y";
	change_engine(NULL, true);
	pin_rig.proxy->pad(typed, 1);
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), 0);
	assert_string_equal(person.asked, "user-pad new-pad ");
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
	person.fresh = NULL;
	assert_int_equal(engine_pin_change(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
}

static bool told;

static void look_what_is_told(void *arg)
{
	(void)arg;
	told = strstr(pin_rig.logged, "asks for the new PIN on its own pad") != NULL;
}

static void who_is_at_the_pad_is_told_before_it_waits(void **state)
{
	static const char *const typed[] = { pin_rig_right };
	struct pin_job job = { .puk = true };

	(void)state;
	told = false;
	change_engine(NULL, false);
	pin_rig.proxy->pad(typed, 1);
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	pin_rig.proxy->hook("C_SetPIN", look_what_is_told, NULL);
	(void)engine_pin_unblock(pin_rig.e, &job, &pin_rig.err);
	assert_int_equal(pin_rig.proxy->count("C_SetPIN"), 1);
	assert_true(told);
}

static void without_a_name_for_it_nothing_is_erased(void **state)
{
	struct pin_job job = { .label = "Gamma", .erase = true };
	struct engine_options options = { .module = PROXY_MODULE, .pin_callback = change_ask };

	(void)state;
	engine_free(pin_rig.e);
	assert_int_equal(engine_new(&pin_rig.e, &options, &pin_rig.err), 0);
	change_fails(engine_pin_init(pin_rig.e, &job, &pin_rig.err), HSMIME_EUSAGE, "not named");
	job.label = "a label of more than thirty-two octets";
	change_fails(engine_pin_init(pin_rig.e, &job, &pin_rig.err), HSMIME_EUSAGE, "1 to 32");
	/* A wrong officer's PIN erases nothing. */
	job = (struct pin_job){ .uri = "pkcs11:token=Alpha", .label = "Gamma", .erase = true };
	person.so = "87654321";
	change_fails(
	    engine_pin_init(pin_rig.e, &job, &pin_rig.err), HSMIME_EPIN, "CKR_PIN_INCORRECT");
	change_fails(engine_pin_init(pin_rig.e, &change_plain, &pin_rig.err), HSMIME_EUSAGE,
	    "more than one");
	assert_int_equal(pin_rig.proxy->count("C_InitToken"), 1);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
}

/* A login that is lost, and made again: how often the person was asked in all. */
static void asked_after_a_lost_session(unsigned idle, int asked)
{
	struct token_key *k = NULL;

	pin_rig.proxy->reset();
	pin_rig.person.asked = 0;
	pin_rig.person.answer = pin_rig_right;
	pin_rig.idle = idle;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	pin_rig.proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 0, 1);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
	assert_int_equal(pin_rig.person.asked, asked);
	pin_rig_wiped(pin_rig_right);
	token_key_free(k);
}

static void a_kept_pin_logs_in_again_without_the_person(void **state)
{
	(void)state;
	asked_after_a_lost_session(0, 2);
	asked_after_a_lost_session(1000, 1);
}

static void a_kept_pin_is_not_for_a_careful_key_nor_after_wrong_tries(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig.idle = 1000;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, "pkcs11:token=Alpha;id=%02", ENGINE_SIGN);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	assert_int_equal(pin_rig.person.asked, 3);
	token_key_free(k);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	pin_rig.proxy->set_flags(CKF_USER_PIN_COUNT_LOW);
	pin_rig.proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 0, 1);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	assert_int_equal(pin_rig.person.asked, 4);
	token_key_free(k);
}

static void a_kept_pin_that_is_refused_is_kept_no_more(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig.idle = 1000;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	pin_rig.proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 0, 1);
	pin_rig.proxy->refuse("C_Login", CKR_PIN_INCORRECT, 0, 1);
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.person.asked, 1);
	pin_rig.person.answer = NULL;
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_EPIN);
	assert_int_equal(pin_rig.person.asked, 2);
	token_key_free(k);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, change_rig_begin, change_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(a_person_gives_the_old_pin_once_and_the_new_one_twice),
		TEST(two_new_pins_that_differ_change_nothing),
		TEST(a_wrong_old_pin_is_sent_once_and_no_new_one_is_asked_for),
		TEST(what_was_refused_may_be_the_new_pin),
		TEST(an_expired_pin_is_changed_by_itself),
		TEST(a_new_pin_that_the_token_refuses_is_told_apart_from_the_old_one),
		TEST(the_last_try_of_a_change_is_a_person_s),
		TEST(the_security_officer_sets_a_new_pin),
		TEST(the_officer_s_last_try_and_locked_pin_are_heeded),
		TEST(a_wrong_officer_s_pin_is_sent_once_and_is_no_user_s_pin),
		TEST(a_puk_goes_with_the_new_pin_where_the_pin_is_locked),
		TEST(a_pin_pad_asks_for_both),
		TEST(who_is_at_the_pad_is_told_before_it_waits),
		TEST(without_a_name_for_it_nothing_is_erased),
		TEST(a_kept_pin_logs_in_again_without_the_person),
		TEST(a_kept_pin_is_not_for_a_careful_key_nor_after_wrong_tries),
		TEST(a_kept_pin_that_is_refused_is_kept_no_more),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
