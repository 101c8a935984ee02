/* util/hex.h: octets as digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/hex.h"

static void each_octet_is_two_digits(void **state)
{
	unsigned char all[256];
	char lower[2 * sizeof(all) + 1], upper[2 * sizeof(all) + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	memset(lower, 'x', sizeof(lower));
	memset(upper, 'x', sizeof(upper));
	hex_lower(lower, all, sizeof(all));
	hex_upper(upper, all, sizeof(all));
	assert_int_equal(strlen(lower), 2 * sizeof(all));
	assert_int_equal(strlen(upper), 2 * sizeof(all));
	assert_memory_equal(lower, "000102030405060708090a0b0c0d0e0f10", 34);
	assert_memory_equal(upper, "000102030405060708090A0B0C0D0E0F10", 34);
	assert_string_equal(lower + 2 * 0xfa, "fafbfcfdfeff");
	assert_string_equal(upper + 2 * 0xfa, "FAFBFCFDFEFF");
}

static void of_none_there_is_an_empty_text(void **state)
{
	char text[] = "x";

	(void)state;
	hex_lower(text, NULL, 0);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_octet_is_two_digits),
		cmocka_unit_test(of_none_there_is_an_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
