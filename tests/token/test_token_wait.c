/* Waiting for readers to change: what a module tells, and how often it is asked. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "token_rig.h"

static long now_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One that waits so often, which the module, asked, answers at once. */
static void wait_times(struct engine *e, int times)
{
	long from = now_ms();

	for (int i = 0; i < times; i++)
		assert_int_equal(engine_wait(e, &token_rig.err), 0);
	assert_true(now_ms() - from >= times * 500);
}

/* Some do not tell of a card that comes while they read the reader: there is polling before they are asked again. */
static void a_module_that_tells_of_events_without_end_is_asked_no_oftener_than_others(void **state)
{
	struct engine *e = operate_engine();

	(void)state;
	token_rig.proxy->slot_events(PROXY_EVENTS_ENDLESS);
	for (unsigned long i = 0; i < 2; i++) {
		wait_times(e, 1);
		assert_int_equal(token_rig.proxy->count("C_WaitForSlotEvent"), i + 1);
		wait_times(e, i == 0 ? 8 : 1);
		assert_int_equal(token_rig.proxy->count("C_WaitForSlotEvent"), i + 1);
	}
	engine_free(e);
}

/* Whichever it is: after the event, or at the looks that follow. The token goes later. */
static void one_list_of_slots_that_fails_ends_no_waiting(void **state)
{
	for (unsigned long skip = 0; skip < 5; skip++) {
		struct engine *e;

		token_rig_begin(state);
		e = operate_engine();
		token_rig.proxy->slot_events(PROXY_EVENTS_ENDLESS);
		token_rig.proxy->refuse("C_GetSlotList", CKR_DEVICE_ERROR, skip, 1);
		token_rig.proxy->lose_at("C_GetSlotList", skip + 2);
		while (engine_has_token(e))
			if (engine_wait(e, &token_rig.err) != 0)
				fail_msg("at list %lu: %s", skip, token_rig.err.message);
		token_rig.proxy->bring_back();
		engine_free(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_module_that_tells_of_events_without_end_is_asked_no_oftener_than_others,
		    token_rig_begin),
		cmocka_unit_test_setup(
		    one_list_of_slots_that_fails_ends_no_waiting, token_rig_begin),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
