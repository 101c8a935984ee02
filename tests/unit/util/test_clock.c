#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/clock.h"

static void both_tell_the_same_time(void **state)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE,
		CLOCK_BOOTTIME };

	(void)state;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct timespec t;
		int64_t ms;

		assert_int_equal(clock_gettime(clocks[i], &t), 0);
		ms = clock_ms(clocks[i]);
		assert_in_range(ms, t.tv_sec * 1000 + t.tv_nsec / 1000000, INT64_MAX);
		assert_in_range(clock_seconds(clocks[i]), ms / 1000, ms / 1000 + 60);
		assert_in_range(clock_ms(clocks[i]), ms, ms + 60000);
	}
}

static void a_time_that_comes_is_one_that_can_be_waited_for(void **state)
{
	static const int64_t waits[] = { 0, 1, 999, 1000, 1001, 60000 };

	(void)state;
	for (int round = 0; round < 1000; round++) {
		int64_t wait = waits[round % 6], before = clock_ms(CLOCK_MONOTONIC);
		struct timespec t = clock_after(CLOCK_MONOTONIC, wait);
		int64_t after = t.tv_sec * (int64_t)1000 + t.tv_nsec / 1000000;

		/* Or pthread_cond_timedwait would refuse it (EINVAL). */
		assert_in_range(t.tv_nsec, 0, 999999999);
		assert_in_range(after, before + wait, before + wait + 60000);
	}
}

static void a_clock_that_is_not_there_stands_still(void **state)
{
	(void)state;
	assert_int_equal(clock_ms((clockid_t)12345), 0);
	assert_int_equal(clock_seconds((clockid_t)12345), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_tell_the_same_time),
		cmocka_unit_test(a_time_that_comes_is_one_that_can_be_waited_for),
		cmocka_unit_test(a_clock_that_is_not_there_stands_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
