/* A member whose PIN failed: who is asked again, when, and whom no trial asks. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "engine/engine_internal.h"
#include "engine/key.h"
#include "engine/slot.h"
#include "group_rig.h"
#include "operate.h"

#define LIMIT 20000 /* milliseconds that a call may take: no call hangs here */

static void sign_twice(void)
{
	struct error err = { 0 };

	for (int i = 0; i < 2; i++)
		if (operate_sign(group_rig.group, &err) != 0)
			fail_msg("%s", err.message);
}

/* Beta's time is over, as often. */
static void beta_is_due(int times)
{
	for (int i = 0; i < times; i++) {
		group_rig_is_due(group_rig.beta);
		sign_twice();
	}
}

/* Beta was out, and has to be logged in to again. */
static void beta_wants_its_pin(void)
{
	group_rig_open("%02", LIMIT);
	group_rig.proxy->lose("Beta");
	sign_twice();
	group_rig.proxy->bring_back();
}

static bool no_pin(void)
{
	return health_no_pin(group_rig.beta->token);
}

static void a_refused_pin_is_not_sent_again(void **state)
{
	(void)state;
	beta_wants_its_pin();
	setenv("TEST_PIN", "99999", 1);
	beta_is_due(3);
	assert_int_equal(group_rig.proxy->wrong_pins(), 1);
	/* It was gone once, and its PIN failed once. */
	assert_int_equal(group_rig.beta->token->health.failures, 2);
	group_rig_was_logged("is set aside until it is put in again");
	assert_true(no_pin());
	/* Not even the right one. */
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	beta_is_due(2);
	assert_true(no_pin());
	assert_false(group_rig_logged("is back"));
}

/* Nothing but signing: nobody lists the tokens meanwhile. */
static void once_it_was_out_it_is_tried_again_and_taken_back(void **state)
{
	a_refused_pin_is_not_sent_again(state);
	group_rig.proxy->lose("Beta");
	beta_is_due(1);
	assert_false(no_pin());
	beta_is_due(1);
	assert_false(group_rig_logged("is back"));
	group_rig.proxy->bring_back();
	beta_is_due(1);
	group_rig_was_logged("is back");
	assert_int_equal(group_rig.proxy->wrong_pins(), 1);
}

/* The twin: what was wrong before is not sent to it after that either. */
static void a_wrong_pin_is_not_sent_to_it_after_that_either(void **state)
{
	a_refused_pin_is_not_sent_again(state);
	setenv("TEST_PIN", "99999", 1);
	group_rig.proxy->lose("Beta");
	beta_is_due(1);
	group_rig.proxy->bring_back();
	beta_is_due(2);
	assert_true(no_pin());
	assert_int_equal(group_rig.proxy->wrong_pins(), 1);
}

static void one_whose_pin_was_locked_is_taken_back_when_it_is_so_no_more(void **state)
{
	(void)state;
	beta_wants_its_pin();
	group_rig.proxy->set_flags(CKF_USER_PIN_LOCKED);
	beta_is_due(2);
	assert_true(no_pin());
	assert_false(group_rig_logged("is back"));
	group_rig.proxy->set_flags(0);
	beta_is_due(1);
	assert_false(no_pin());
	beta_is_due(1);
	group_rig_was_logged("is back");
}

/* That another wrong one was given is no reason to. */
static void a_worse_state_of_the_pin_is_no_reason_to_try_it(void **state)
{
	a_refused_pin_is_not_sent_again(state);
	group_rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
	beta_is_due(2);
	assert_true(no_pin());
	/* What came meanwhile, and goes, is. */
	group_rig.proxy->set_flags(0);
	beta_is_due(2);
	group_rig_was_logged("is back");
}

/* The file is not there for a moment: no PIN was sent, and nobody was asked. */
static void a_pin_that_is_missing_is_looked_for_again(void **state)
{
	(void)state;
	beta_wants_its_pin();
	unsetenv("TEST_PIN");
	beta_is_due(2);
	group_rig_was_logged("it is not set");
	assert_false(no_pin());
	assert_true(health_aside(group_rig.beta->token));
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	beta_is_due(1);
	group_rig_was_logged("is back");
	assert_int_equal(group_rig.proxy->wrong_pins(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, group_rig_begin, group_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_refused_pin_is_not_sent_again),
		TEST(once_it_was_out_it_is_tried_again_and_taken_back),
		TEST(a_wrong_pin_is_not_sent_to_it_after_that_either),
		TEST(one_whose_pin_was_locked_is_taken_back_when_it_is_so_no_more),
		TEST(a_worse_state_of_the_pin_is_no_reason_to_try_it),
		TEST(a_pin_that_is_missing_is_looked_for_again),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
