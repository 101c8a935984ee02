#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/constant_time.h"

/* Where carries and signs could go wrong. */
static const size_t values[] = { 0, 1, 2, 9, 10, 11, 127, 128, 255, 256, 257, INT32_MAX,
	(size_t)INT32_MAX + 1, UINT32_MAX, (size_t)UINT32_MAX + 1, SIZE_MAX / 2 - 1, SIZE_MAX / 2,
	SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 2, SIZE_MAX - 1, SIZE_MAX };

#define COUNT (sizeof(values) / sizeof(values[0]))

static void truths_are_what_the_operators_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(ct_is_zero(values[i]), values[i] == 0);
		for (size_t j = 0; j < COUNT; j++) {
			assert_int_equal(ct_equal(values[i], values[j]), values[i] == values[j]);
			assert_int_equal(ct_less(values[i], values[j]), values[i] < values[j]);
		}
	}
}

static void a_choice_is_one_of_the_two(void **state)
{
	(void)state;
	assert_true(ct_mask(0) == 0);
	assert_true(ct_mask(1) == SIZE_MAX);
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < COUNT; j++) {
			assert_true(ct_select(1, values[i], values[j]) == values[i]);
			assert_true(ct_select(0, values[i], values[j]) == values[j]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truths_are_what_the_operators_say),
		cmocka_unit_test(a_choice_is_one_of_the_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
