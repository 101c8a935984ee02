/* What becomes of copies, and of the sessions that keep them, where a thread that has to do with them hangs. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/key.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "hang_rig.h"

#define LONGER 3000 /* milliseconds: time for what happens while a call hangs */

static const struct copies *copies(void)
{
	return &hang_rig.alpha->token->copies;
}

static unsigned long made(void)
{
	return hang_rig.proxy->count("C_CopyObject");
}

static void sign(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		if (operate_sign(hang_rig.alpha, &hang_rig.err) != 0)
			fail_msg("signature %u: %s", i, hang_rig.err.message);
}

/* With a key that has a copy. */
static void open_with_copy(unsigned call_limit)
{
	hang_rig.e = hang_rig_engine(PROXY_MODULE, call_limit);
	hang_rig.alpha = operate_key(hang_rig.e, HANG_ALPHA, ENGINE_SIGN);
	sign(KEY_COPY_USES);
	assert_int_equal(made(), 1);
	assert_int_not_equal(copies()->keeper, 0);
}

/* One is made, and does the work from then on: one that is not used would be made again and again. */
static void a_copy_serves_again(void)
{
	sign(2 * KEY_COPY_USES);
	assert_int_equal(made(), 2);
	sign(3 * KEY_COPY_USES);
	assert_int_equal(made(), 2);
	assert_int_equal(copies()->users, 0);
	assert_int_equal(copies()->retired_count, 0);
}

/* Where no other session is granted the one of the copies is closed: after the one that something was active in. */
static void one_that_hangs_closing_their_session_hinders_no_copies(void **state)
{
	(void)state;
	open_with_copy(HANG_LIMIT);
	hang_rig.proxy->limit_sessions(1);
	hang_rig.proxy->refuse("C_SignInit", CKR_OPERATION_ACTIVE, 0, 1);
	hang_rig.proxy->hang("C_CloseSession", 1);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "does not answer (C_CloseSession");
	assert_false(copies()->closing);
	assert_int_equal(copies()->keeper, 0);
	hang_rig.proxy->limit_sessions(0);
	hang_rig_release();
	a_copy_serves_again();
}

/* The session of the copies is lost while one of them is in use, so that it waits for that use to end. */
static void one_that_hangs_using_a_copy_hinders_no_others(void **state)
{
	struct hang_signing user;

	(void)state;
	open_with_copy(LONGER);
	hang_rig.proxy->hang("C_Sign", 0);
	hang_rig_start(&user, hang_rig.alpha);
	hang_rig.proxy->await_hanging(1);
	assert_int_equal(copies()->users, 1);
	hang_rig.proxy->refuse("C_SignInit", CKR_SESSION_HANDLE_INVALID, 0, 1);
	sign(1);
	assert_int_equal(copies()->retired_count, 1);
	assert_int_equal(hang_rig_join(&user), HSMIME_ETOKEN);
	hang_rig_says(&user.err, "does not answer (C_Sign");
	assert_int_equal(copies()->users, 0);
	hang_rig_release();
	a_copy_serves_again();
}

/* Its sessions wait for another thread's use to end: that one closes them. */
static void what_others_use_is_closed_when_they_are_done(void **state)
{
	struct hang_signing user;

	(void)state;
	open_with_copy(LONGER);
	hang_rig.proxy->hang("C_Sign", 0);
	hang_rig_start(&user, hang_rig.alpha);
	hang_rig.proxy->await_hanging(1);
	hang_rig.proxy->refuse("C_SignInit", CKR_SESSION_HANDLE_INVALID, 0, 1);
	sign(1);
	assert_int_equal(copies()->retired_count, 1);
	copies_abandon(hang_rig.alpha->token, &(struct watch){ 0 });
	assert_int_equal(copies()->retired_count, 1);
	assert_int_equal(copies()->users, 1);
	hang_rig_release();
	assert_int_equal(hang_rig_join(&user), 0);
	a_copy_serves_again();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    one_that_hangs_closing_their_session_hinders_no_copies, hang_rig_begin,
		    hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    one_that_hangs_using_a_copy_hinders_no_others, hang_rig_begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    what_others_use_is_closed_when_they_are_done, hang_rig_begin, hang_rig_end),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
