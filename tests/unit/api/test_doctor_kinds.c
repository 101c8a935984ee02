#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/doctor.h"

/* What it says to do is the only way on that a person has. */
static void each_error_and_warning_says_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 0; i < DOCTOR_KINDS; i++) {
		const struct doctor_row *row = &doctor_rows[i];

		if (row->level != HSMIME_FINDING_ERROR && row->level != HSMIME_FINDING_WARNING)
			continue;
		if (row->what_to_do == NULL || row->what_to_do[0] == '\0')
			fail_msg("%s says nothing", row->id);
	}
}

static void each_error_has_a_status_and_nothing_else_has(void **state)
{
	(void)state;
	for (size_t i = 0; i < DOCTOR_KINDS; i++) {
		const struct doctor_row *row = &doctor_rows[i];

		if ((row->level == HSMIME_FINDING_ERROR) != (row->status < 0))
			fail_msg("%s: %d", row->id, row->status);
	}
}

static void each_kind_has_an_id_of_its_own_and_an_area(void **state)
{
	static const char *const areas[] = { "software", "module", "reader", "token", "key",
		"certificate", "use" };

	(void)state;
	for (size_t i = 0; i < DOCTOR_KINDS; i++) {
		size_t area = 0;

		assert_non_null(doctor_rows[i].id);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(doctor_rows[i].id, doctor_rows[j].id);
		while (area < sizeof(areas) / sizeof(areas[0]) &&
		       strcmp(areas[area], doctor_rows[i].area) != 0)
			area++;
		if (area == sizeof(areas) / sizeof(areas[0]))
			fail_msg("%s is of no area", doctor_rows[i].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_and_warning_says_what_to_do),
		cmocka_unit_test(each_error_has_a_status_and_nothing_else_has),
		cmocka_unit_test(each_kind_has_an_id_of_its_own_and_an_area),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
