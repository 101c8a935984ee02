/* A card went out and in again, and the login is the first that meets it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "operate.h"
#include "pin_rig.h"

#define CAREFUL "pkcs11:token=Alpha;id=%02"

static void open_unattended(void)
{
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
}

static void find_fails(int status, const char *message, unsigned long logins)
{
	memset(&pin_rig.err, 0, sizeof(pin_rig.err));
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), status);
	if (strstr(pin_rig.err.message, message) == NULL)
		fail_msg("\"%s\" / \"%s\"", pin_rig.err.message, pin_rig.err.hint);
	assert_int_equal(pin_rig.proxy->count("C_Login"), logins);
}

static void a_key_that_asks_for_every_use_works_with_the_card_that_came(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	open_unattended();
	k = operate_key(pin_rig.e, CAREFUL, ENGINE_SIGN);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(operate_sign(k, &pin_rig.err), 0);
		pin_rig.proxy->change_cards();
		assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	}
	token_key_free(k);
}

static void a_pin_that_was_never_accepted_is_not_sent_again_and_why_is_told(void **state)
{
	(void)state;
	open_unattended();
	pin_rig.proxy->change_cards();
	find_fails(HSMIME_ETOKEN, "was removed", 1);
	find_fails(HSMIME_EPIN, "did not say whether it is right", 1);
	/* But the card is known: it is this PIN that is not sent. */
	pin_rig.proxy->reset();
	pin_rig_open(NULL, true);
	pin_rig.person.answer = pin_rig_right;
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
}

static void a_second_answer_in_a_row_that_is_lost_counts(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	open_unattended();
	k = operate_key(pin_rig.e, CAREFUL, ENGINE_SIGN);
	pin_rig.proxy->refuse("C_Login", CKR_DEVICE_REMOVED, 0, 2);
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_ETOKEN);
	assert_non_null(strstr(pin_rig.err.message, "was removed"));
	assert_int_equal(pin_rig.proxy->count("C_Login"), 3);
	assert_int_equal(operate_sign(k, &pin_rig.err), HSMIME_EPIN);
	assert_non_null(strstr(pin_rig.err.message, "did not say whether it is right"));
	assert_int_equal(pin_rig.proxy->count("C_Login"), 3);
	token_key_free(k);
}

static void where_no_token_was_there_nothing_was_sent(void **state)
{
	(void)state;
	open_unattended();
	pin_rig.proxy->refuse("C_Login", CKR_TOKEN_NOT_PRESENT, 0, 1);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
}

static void change_once(void)
{
	if (pin_rig.person.asked == 1)
		pin_rig.proxy->change_cards();
}

static void change_at_the_second(void)
{
	if (pin_rig.person.asked == 2)
		pin_rig.proxy->change_cards();
}

static void who_changes_the_card_while_asked_types_again(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig.person.meanwhile = change_once;
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.person.asked, 2);
	pin_rig.proxy->reset();
	pin_rig.person.asked = 0;
	pin_rig.person.meanwhile = change_at_the_second;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, CAREFUL, ENGINE_SIGN);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	/* For the token, the key, and both anew. */
	assert_int_equal(pin_rig.person.asked, 4);
	token_key_free(k);
}

static void so_does_who_has_a_pin_pad(void **state)
{
	static const char *const typed[] = { pin_rig_right };

	(void)state;
	pin_rig.proxy->pad(typed, 1);
	pin_rig_open(NULL, false);
	pin_rig.proxy->change_cards();
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pin_rig_begin, pin_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(a_key_that_asks_for_every_use_works_with_the_card_that_came),
		TEST(a_pin_that_was_never_accepted_is_not_sent_again_and_why_is_told),
		TEST(a_second_answer_in_a_row_that_is_lost_counts),
		TEST(where_no_token_was_there_nothing_was_sent),
		TEST(who_changes_the_card_while_asked_types_again),
		TEST(so_does_who_has_a_pin_pad),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
