/* Boundary lines: RFC 2046 section 5.1.1. */
#include "mail_support.h"

#include "mail/boundary.h"

static enum boundary_line match(const char *boundary, const char *line)
{
	return boundary_match(
	    boundary, strlen(boundary), (const unsigned char *)line, strlen(line));
}

static void a_line_of_the_boundary_separates(void **state)
{
	(void)state;
	assert_int_equal(match("b", "--b\n"), BOUNDARY_NEXT);
	assert_int_equal(match("b", "--b\r\n"), BOUNDARY_NEXT);
	assert_int_equal(match("b", "--b"), BOUNDARY_NEXT);
}

static void two_hyphens_behind_it_close(void **state)
{
	(void)state;
	assert_int_equal(match("b", "--b--\n"), BOUNDARY_CLOSE);
	assert_int_equal(match("b", "--b--\r\n"), BOUNDARY_CLOSE);
	assert_int_equal(match("b", "--b--"), BOUNDARY_CLOSE);
}

static void white_space_may_trail(void **state)
{
	(void)state;
	assert_int_equal(match("b", "--b \t \r\n"), BOUNDARY_NEXT);
	assert_int_equal(match("b", "--b-- \t\n"), BOUNDARY_CLOSE);
}

static void nothing_else_may_trail(void **state)
{
	static const char *const lines[] = { "--b-\n", "--bx\n", "--b x\n", "--b- -\n", "--b--x\n",
		"--b---\n", "--b\r\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(match("b", lines[i]), BOUNDARY_NONE);
}

static void a_boundary_that_starts_another_does_not_match_it(void **state)
{
	(void)state;
	assert_int_equal(match("outer", "--outer-inner\n"), BOUNDARY_NONE);
	assert_int_equal(match("outer-inner", "--outer\n"), BOUNDARY_NONE);
	assert_int_equal(match("b", "--b--c\n"), BOUNDARY_NONE);
	assert_int_equal(match("b--", "--b--\n"), BOUNDARY_NEXT);
}

static void the_hyphens_and_the_case_count(void **state)
{
	static const char *const lines[] = { "", "\n", "-", "--", "--\n", "-b\n", "b\n", " --b\n",
		"--B\n", "---b\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(match("b", lines[i]), BOUNDARY_NONE);
}

static void trailing_white_space_is_not_part_of_a_boundary(void **state)
{
	(void)state;
	assert_int_equal(boundary_usable("abc"), 3);
	assert_int_equal(boundary_usable("a c \t"), 3);
	assert_int_equal(boundary_usable(" a"), 2);
}

static void nothing_and_too_much_are_no_boundary(void **state)
{
	char value[BOUNDARY_MAX + 2];

	(void)state;
	assert_int_equal(boundary_usable(NULL), 0);
	assert_int_equal(boundary_usable(""), 0);
	assert_int_equal(boundary_usable(" \t "), 0);
	memset(value, 'x', sizeof(value));
	value[BOUNDARY_MAX + 1] = '\0';
	assert_int_equal(boundary_usable(value), 0);
	value[BOUNDARY_MAX] = '\0';
	assert_int_equal(boundary_usable(value), BOUNDARY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_the_boundary_separates),
		cmocka_unit_test(two_hyphens_behind_it_close),
		cmocka_unit_test(white_space_may_trail),
		cmocka_unit_test(nothing_else_may_trail),
		cmocka_unit_test(a_boundary_that_starts_another_does_not_match_it),
		cmocka_unit_test(the_hyphens_and_the_case_count),
		cmocka_unit_test(trailing_white_space_is_not_part_of_a_boundary),
		cmocka_unit_test(nothing_and_too_much_are_no_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
