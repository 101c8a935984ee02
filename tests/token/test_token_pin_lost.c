/* A PIN source whose last answer got lost: what the next process may do with it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "engine/pin_change.h"
#include "memory_rig.h"

static void die(void *arg)
{
	(void)arg;
	_exit(0);
}

static void close_engine(void)
{
	engine_free(pin_rig.e);
	pin_rig.e = NULL;
	pin_rig.proxy->reset();
	pin_rig.state_dir = memory_folder;
}

/* The child forgets the parent's engine: it opens one of its own. It sends the PIN, or not. */
static void die_in_the_login(bool sends)
{
	pid_t child;
	int status = 0;

	close_engine();
	child = fork();
	if (child == 0) {
		pin_rig.proxy->hook("C_Login", die, NULL);
		pin_rig_open(memory_file, false);
		(void)pin_rig_find(PIN_RIG_KEY);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), sends ? 0 : 1);
}

static void never_came(void)
{
	memory_refuses_with(memory_file, "its answer never came", "check that the token works");
	assert_null(strstr(pin_rig.err.hint, "into the file"));
}

static void a_try_that_nobody_lived_to_see_counts_as_refused(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	die_in_the_login(true);
	assert_int_equal(memory_records(), 1);
	never_came();
	never_came();
	pin_rig.person.answer = pin_rig_right;
	memory_logs_in(NULL, true);
	assert_int_equal(memory_records(), 0);
	memory_logs_in(memory_file, false);
}

static void after_a_pin_was_accepted_it_is_tried_once_more(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	for (int i = 0; i < 2; i++) {
		memory_logs_in(memory_file, false);
		die_in_the_login(true);
	}
	memory_logs_in(memory_file, false);
	assert_int_equal(memory_records(), 0);
}

static void and_not_twice(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	die_in_the_login(true);
	die_in_the_login(true);
	never_came();
	die_in_the_login(false);
}

static void another_pin_in_the_file_was_not_accepted(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	memory_write_pin(pin_rig_wrong);
	die_in_the_login(true);
	never_came();
}

static void what_is_forgotten_was_not_accepted(void **state)
{
	static const struct pin_job job = { .uri = "pkcs11:token=Alpha" };

	(void)state;
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	assert_int_equal(engine_pin_forget(pin_rig.e, &job, &pin_rig.err), 0);
	die_in_the_login(true);
	never_came();
}

static void a_wrong_pin_uses_up_nothing_that_it_has_not(void **state)
{
	(void)state;
	memory_spends_a_try(memory_file);
	die_in_the_login(false);
	memory_refuses(memory_file);
}

static void a_removal_is_forgiven_to_the_next_process_and_this_one(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	memory_next_process(memory_file, false);
	pin_rig.proxy->refuse("C_Login", CKR_DEVICE_REMOVED, 0, 1);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), 0);
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
	memory_next_process(memory_file, false);
	pin_rig.proxy->refuse("C_Login", CKR_DEVICE_REMOVED, 0, 9);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_ETOKEN);
	assert_non_null(strstr(pin_rig.err.message, "was removed"));
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
	never_came();
}

static void where_no_token_was_there_nothing_is_remembered(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	memory_next_process(memory_file, false);
	pin_rig.proxy->refuse("C_Login", CKR_TOKEN_NOT_PRESENT, 0, 9);
	assert_int_equal(pin_rig_find(PIN_RIG_KEY), HSMIME_ETOKEN);
	assert_int_equal(memory_records(), 0);
	memory_logs_in(memory_file, false);
}

/* Some cards say so of a wrong PIN: what was accepted before forgives nothing. */
static void a_vague_answer_counts_and_is_told(void **state)
{
	(void)state;
	memory_write_pin(pin_rig_right);
	memory_logs_in(memory_file, false);
	memory_next_process(memory_file, false);
	pin_rig.proxy->refuse("C_Login", CKR_GENERAL_ERROR, 0, 1);
	pin_rig_refused(PIN_RIG_KEY, "CKR_GENERAL_ERROR", 1);
	memory_refuses_with(memory_file, "answered CKR_GENERAL_ERROR to the PIN of this source",
	    "check that the token works");
	assert_null(strstr(pin_rig.err.hint, "into the file"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, memory_rig_begin, pin_rig_end)
	const struct CMUnitTest tests[] = {
		TEST(a_try_that_nobody_lived_to_see_counts_as_refused),
		TEST(after_a_pin_was_accepted_it_is_tried_once_more),
		TEST(and_not_twice),
		TEST(another_pin_in_the_file_was_not_accepted),
		TEST(what_is_forgotten_was_not_accepted),
		TEST(a_wrong_pin_uses_up_nothing_that_it_has_not),
		TEST(a_removal_is_forgiven_to_the_next_process_and_this_one),
		TEST(where_no_token_was_there_nothing_is_remembered),
		TEST(a_vague_answer_counts_and_is_told),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
