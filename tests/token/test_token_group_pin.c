/* A member whose PIN failed: who is asked again, when, and whom no trial asks. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdatomic.h>

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

static atomic_int asked_alpha, asked_beta;

static ptrdiff_t ask(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	bool of_alpha = strcmp(request->token_label, "Alpha") == 0;

	(void)arg;
	assert_true(size >= strlen(SOFTTOKEN_PIN));
	atomic_fetch_add(of_alpha ? &asked_alpha : &asked_beta, 1);
	memcpy(pin, SOFTTOKEN_PIN, strlen(SOFTTOKEN_PIN));
	return (ptrdiff_t)strlen(SOFTTOKEN_PIN);
}

static unsigned char data[512];
static size_t data_len;

/* A person is asked for each PIN, where there is no source. */
static void open_careful(const char *pin_source)
{
	struct engine_options options = { .module = PROXY_MODULE,
		.pin_source = pin_source,
		.pin_callback = ask,
		.call_limit = LIMIT };
	struct token_key *keys[2];
	struct error err = { 0 };

	group_rig.proxy->authenticate(1, PROXY_AUTHENTICATE_PLAIN);
	assert_int_equal(engine_new(&group_rig.e, &options, &err), 0);
	keys[0] = group_rig.alpha =
	    operate_key(group_rig.e, "pkcs11:token=Alpha;id=%01", ENGINE_DECRYPT);
	keys[1] = group_rig.beta =
	    operate_key(group_rig.e, "pkcs11:token=Beta;id=%01", ENGINE_DECRYPT);
	assert_int_equal(token_key_group(&group_rig.group, keys, 2, 0, &err), 0);
	data_len = operate_encrypt(data, group_rig.group);
}

static void decrypt(void)
{
	struct error err = { 0 };

	if (operate_decrypt(group_rig.group, data, data_len, &err) != 0)
		fail_msg("%s", err.message);
}

/* Both were used before, and a minute is over. */
static void decrypt_after_a_minute(void)
{
	decrypt();
	decrypt();
	asked_alpha = asked_beta = 0;
	group_rig_is_due(group_rig.alpha);
	group_rig_is_due(group_rig.beta);
	decrypt();
}

static void where_a_person_is_asked_each_time_none_is_for_a_trial(void **state)
{
	(void)state;
	open_careful(NULL);
	decrypt_after_a_minute();
	assert_int_equal(asked_alpha + asked_beta, 1);
	assert_int_equal(group_rig.proxy->count("C_Decrypt"), 3);
}

/* The twin: with a source there is nobody to disturb. */
static void where_nobody_is_asked_such_a_key_is_tried_out(void **state)
{
	(void)state;
	open_careful("env:TEST_PIN");
	decrypt_after_a_minute();
	assert_int_equal(asked_alpha + asked_beta, 0);
	assert_int_equal(group_rig.proxy->count("C_Decrypt"), 5);
}

static void such_a_key_that_was_set_aside_is_used_where_no_other_is(void **state)
{
	(void)state;
	open_careful(NULL);
	group_rig.proxy->lose("Alpha");
	decrypt();
	decrypt();
	group_rig.proxy->bring_back();
	group_rig_was_logged("is set aside");
	decrypt_after_a_minute();
	assert_int_equal(asked_alpha, 0);
	group_rig.proxy->lose("Beta");
	decrypt();
	assert_true(asked_alpha > 0);
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
		TEST(where_a_person_is_asked_each_time_none_is_for_a_trial),
		TEST(where_nobody_is_asked_such_a_key_is_tried_out),
		TEST(such_a_key_that_was_set_aside_is_used_where_no_other_is),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
