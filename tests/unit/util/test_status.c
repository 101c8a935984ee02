/* hsmime/error.h: what each status is to a person and to a script. */
#include <limits.h>

#include "streams.h"

static const struct {
	int status;
	int exit_status;
	const char *name;
} table[] = {
	{ HSMIME_OK, 0, "ok" },
	{ HSMIME_EINVALID, 1, "invalid" },
	{ HSMIME_EUSAGE, 2, "usage" },
	{ HSMIME_EFORMAT, 3, "malformed" },
	{ HSMIME_EUNSUPPORTED, 3, "unsupported" },
	{ HSMIME_ETOKEN, 4, "token" },
	{ HSMIME_EPIN, 4, "pin" },
	{ HSMIME_ENOKEY, 5, "no-key" },
	{ HSMIME_EIO, 6, "io" },
	{ HSMIME_ENOMEM, 6, "out-of-memory" },
	{ HSMIME_EPOLICY, 7, "policy" },
	{ HSMIME_EINTERNAL, 6, "internal" },
};

static void each_status_has_its_exit_status_and_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(hsmime_exit_status(table[i].status), table[i].exit_status);
		assert_string_equal(hsmime_status_name(table[i].status), table[i].name);
	}
}

static void what_is_no_status_counts_as_internal(void **state)
{
	static const int none[] = { 1, 7, INT_MAX, HSMIME_EINTERNAL - 1, -1000, INT_MIN + 1,
		INT_MIN };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(hsmime_exit_status(none[i]), 6);
		assert_string_equal(hsmime_status_name(none[i]), "internal");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_exit_status_and_name),
		cmocka_unit_test(what_is_no_status_counts_as_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
