#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operate.h"
#include "pin_rig.h"

static void write_pin(const char *octets)
{
	FILE *f = fopen(pin_rig.file, "w");

	assert_non_null(f);
	fputs(octets, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(pin_rig.file, 0600), 0);
}

static void logs_in(const char *source, const char *uri)
{
	struct token_key *k = NULL;

	pin_rig.proxy->reset();
	pin_rig_open(source, false);
	k = operate_key(pin_rig.e, uri, ENGINE_SIGN);
	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	pin_rig_wiped(pin_rig_right);
	token_key_free(k);
}

static void every_source_logs_in_once_and_the_pin_is_wiped(void **state)
{
	char source[512], uri[512];
	int fd;

	(void)state;
	write_pin(pin_rig_right);
	snprintf(source, sizeof(source), "file:%s", pin_rig.file);
	logs_in(source, PIN_RIG_KEY);
	snprintf(source, sizeof(source), "command:cat '%s'", pin_rig.file);
	logs_in(source, PIN_RIG_KEY);
	fd = open(pin_rig.file, O_RDONLY);
	snprintf(source, sizeof(source), "fd:%d", fd);
	logs_in(source, PIN_RIG_KEY);
	close(fd);
	setenv("CREDENTIALS_DIRECTORY", pin_rig.st.folder, 1);
	logs_in("cred:pin", PIN_RIG_KEY);
	unsetenv("CREDENTIALS_DIRECTORY");
	setenv("TEST_PIN", pin_rig_right, 1);
	logs_in("env:TEST_PIN", PIN_RIG_KEY);
	unsetenv("TEST_PIN");
	snprintf(uri, sizeof(uri), "%s?pin-source=file:%s", PIN_RIG_KEY, pin_rig.file);
	logs_in(NULL, uri);
	logs_in("file:/no/such/file", uri);
}

static void a_person_logs_in_once_and_is_told_the_token_and_the_purpose(void **state)
{
	struct token_key *k = NULL;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	k = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	token_key_free(k);
	assert_int_equal(pin_rig.person.asked, 1);
	assert_int_equal(pin_rig.person.request.count_low, 0);
	assert_int_equal(pin_rig.person.request.final_try, 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
	pin_rig_wiped(pin_rig_right);
}

static void without_a_pin_nothing_logs_in(void **state)
{
	static const char *const sources[] = { "file:/no/such/file", "file:/dev/null",
		"command:false", "cred:pin", "env:NO_SUCH_VARIABLE", "fd:9999" };

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		pin_rig_open(sources[i], true);
		assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
		assert_non_null(strstr(pin_rig.err.message, "no PIN from"));
		assert_int_equal(pin_rig.person.asked, 0);
		assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
	}
	pin_rig_open(NULL, false);
	pin_rig_refused(PIN_RIG_KEY, "nobody is there", 0);
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_EPIN);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 0);
}

static void a_wrong_pin_ends_at_once(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig_open("env:TEST_PIN", false);
	/* Not on the next token either: this is all tokens' PIN. */
	pin_rig_refused("pkcs11:id=%01", "CKR_PIN_INCORRECT", 1);
	pin_rig_wiped(pin_rig_wrong);
	pin_rig.proxy->reset();
	pin_rig.person.answer = pin_rig_wrong;
	pin_rig_open(NULL, true);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	assert_int_equal(pin_rig.person.asked, 1);
	pin_rig_wiped(pin_rig_wrong);
}

static void a_wrong_pin_is_not_sent_twice_and_another_one_is(void **state)
{
	(void)state;
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig_open("env:TEST_PIN", false);
	pin_rig_refused(PIN_RIG_KEY, "CKR_PIN_INCORRECT", 1);
	pin_rig_refused(PIN_RIG_KEY, "refused this PIN before", 1);
	pin_rig_refused(PIN_RIG_KEY, "refused this PIN before", 1);
	setenv("TEST_PIN", pin_rig_right, 1);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
}

static void wrong_pins_before_are_told(void **state)
{
	(void)state;
	pin_rig.proxy->set_flags(CKF_USER_PIN_COUNT_LOW);
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.person.request.count_low, 1);
	assert_int_equal(pin_rig.person.request.final_try, 0);
	assert_string_equal(pin_rig.logged, "");
	pin_rig.proxy->reset();
	pin_rig.proxy->set_flags(CKF_USER_PIN_COUNT_LOW);
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_non_null(strstr(pin_rig.logged, "a wrong PIN was given"));
	assert_int_equal(pin_rig.warnings, 2); /* and where the PIN comes from */
}

static void the_last_try_is_not_taken_unattended(void **state)
{
	char source[512];

	(void)state;
	pin_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
	snprintf(source, sizeof(source), "command:touch '%s/ran'; echo %s", pin_rig.st.folder,
	    pin_rig_right);
	pin_rig_open(source, false);
	pin_rig_refused(PIN_RIG_KEY, "unattended", 0);
	snprintf(source, sizeof(source), "%s/ran", pin_rig.st.folder);
	assert_int_not_equal(access(source, F_OK), 0);
}

static void the_last_try_is_a_person_s(void **state)
{
	(void)state;
	pin_rig.person.answer = pin_rig_right;
	setenv("TEST_PIN", pin_rig_wrong, 1);
	pin_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW);
	pin_rig_open(NULL, true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.person.request.final_try, 1);
	pin_rig.proxy->reset();
	pin_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
	pin_rig_open("env:TEST_PIN", true);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.person.asked, 2);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 1);
}

static void a_locked_token_is_not_tried(void **state)
{
	(void)state;
	pin_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	pin_rig_refused(PIN_RIG_KEY, "locked", 0);
	assert_non_null(strstr(pin_rig.err.hint, "unblock"));
	assert_int_equal(pin_rig.person.asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    every_source_logs_in_once_and_the_pin_is_wiped, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_person_logs_in_once_and_is_told_the_token_and_the_purpose, pin_rig_begin,
		    pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    without_a_pin_nothing_logs_in, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_wrong_pin_ends_at_once, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_wrong_pin_is_not_sent_twice_and_another_one_is, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    wrong_pins_before_are_told, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    the_last_try_is_not_taken_unattended, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    the_last_try_is_a_person_s, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_locked_token_is_not_tried, pin_rig_begin, pin_rig_end),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
