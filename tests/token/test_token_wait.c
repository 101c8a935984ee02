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

static void a_module_that_tells_of_events_without_end_is_asked_no_oftener_than_others(void **state)
{
	struct engine *e = operate_engine();
	long from;

	(void)state;
	token_rig.proxy->slot_events(PROXY_EVENTS_ENDLESS);
	from = now_ms();
	for (int i = 0; i < 2; i++)
		assert_int_equal(engine_wait(e, &token_rig.err), 0);
	assert_true(now_ms() - from >= 2 * 500);
	assert_int_equal(token_rig.proxy->count("C_WaitForSlotEvent"), 2);
	engine_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_module_that_tells_of_events_without_end_is_asked_no_oftener_than_others,
		    token_rig_begin),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
