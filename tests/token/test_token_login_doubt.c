/* A PIN whose login was given up is not sent again, unless the token turns out to have taken it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "hang_rig.h"

/* The first login hangs until it is released. */
static int begin(void **state)
{
	hang_rig_begin(state);
	hang_rig.e = hang_rig_engine(PROXY_MODULE, HANG_LIMIT);
	hang_rig.proxy->hang("C_Login", 0);
	return 0;
}

static int find(void)
{
	struct engine_found found = { 0 };
	int r;

	hang_rig.err = (struct error){ 0 };
	r = engine_find_key(&found, hang_rig.e, HANG_ALPHA, ENGINE_SIGN, &hang_rig.err);
	engine_found_free(&found);
	return r;
}

static void find_fails(int status, const char *message, unsigned long logins)
{
	assert_int_equal(find(), status);
	if (strstr(hang_rig.err.message, message) == NULL)
		fail_msg("\"%s\" / \"%s\"", hang_rig.err.message, hang_rig.err.hint);
	assert_string_not_equal(hang_rig.err.hint, "");
	assert_int_equal(hang_rig.proxy->count("C_Login"), logins);
}

static void give_up_a_login(void)
{
	find_fails(HSMIME_ETOKEN, "does not answer (C_Login has not returned)", 1);
	find_fails(HSMIME_ETOKEN, "is stuck", 1);
}

static void a_wrong_pin_that_was_refused_when_nobody_waited_is_not_sent_again(void **state)
{
	(void)state;
	setenv("TEST_PIN", "54321", 1);
	give_up_a_login();
	hang_rig_release();
	find_fails(HSMIME_EPIN, "refused this PIN before", 1);
	find_fails(HSMIME_EPIN, "refused this PIN before", 1);
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	assert_int_equal(find(), 0);
	assert_int_equal(hang_rig.proxy->count("C_Login"), 2);
}

static void a_pin_that_was_taken_when_nobody_waited_may_be_sent_again(void **state)
{
	(void)state;
	give_up_a_login();
	hang_rig_release();
	/* It can't be seen that somebody is logged in. */
	hang_rig.proxy->refuse("C_GetSessionInfo", CKR_FUNCTION_FAILED, 0, 1);
	assert_int_equal(find(), 0);
	assert_int_equal(hang_rig.proxy->count("C_Login"), 2);
}

static void a_pin_that_was_not_looked_at_may_be_sent_again(void **state)
{
	(void)state;
	hang_rig.proxy->refuse("C_Login", CKR_DEVICE_MEMORY, 0, 1);
	give_up_a_login();
	hang_rig_release();
	assert_int_equal(find(), 0);
	assert_int_equal(hang_rig.proxy->count("C_Login"), 2);
}

/* Whether it looked at the PIN is not known. */
static void a_pin_of_a_token_that_went_meanwhile_is_not_sent_again(void **state)
{
	(void)state;
	hang_rig.proxy->refuse("C_Login", CKR_DEVICE_REMOVED, 0, 1);
	give_up_a_login();
	hang_rig_release();
	find_fails(HSMIME_EPIN, "did not say whether it is right", 1);
}

static void a_child_does_not_send_a_pin_that_its_parent_gave_up(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	give_up_a_login();
	child = fork();
	if (child == 0) {
		hang_rig.proxy->reset();
		if (find() != HSMIME_EPIN || strstr(hang_rig.err.message, "did not say") == NULL)
			_exit(1);
		if (hang_rig.proxy->count("C_Login") != 0)
			_exit(2);
		setenv("TEST_PIN", "5432", 1);
		_exit(find() == HSMIME_EPIN && hang_rig.proxy->count("C_Login") == 1 ? 0 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	hang_rig_release();
	assert_int_equal(find(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, hang_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(a_wrong_pin_that_was_refused_when_nobody_waited_is_not_sent_again),
		TEST(a_pin_that_was_taken_when_nobody_waited_may_be_sent_again),
		TEST(a_pin_that_was_not_looked_at_may_be_sent_again),
		TEST(a_pin_of_a_token_that_went_meanwhile_is_not_sent_again),
		TEST(a_child_does_not_send_a_pin_that_its_parent_gave_up),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
