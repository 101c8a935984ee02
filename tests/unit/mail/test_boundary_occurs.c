/* Lines that would end a part: RFC 2046 section 5.1.1. */
#include "mail_support.h"

#include "mail/boundary.h"

static bool occurs_in(const void *data, size_t len, size_t step, const char *boundaries)
{
	hsmime_source in;
	struct octets o;
	bool occurs = false;

	octets_open(&in, &o, data, len);
	o.step = step;
	assert_int_equal(boundary_occurs(&occurs, &in, boundaries), 0);
	return occurs;
}

static bool occurs(const char *text, const char *boundaries)
{
	bool found = occurs_in(text, strlen(text), 0, boundaries);

	assert_int_equal(occurs_in(text, strlen(text), 1, boundaries), found);
	return found;
}

static void at_the_start_of_a_line_whatever_follows(void **state)
{
	static const char *const yes[] = { "--b", "--b\n", "x\n--b--\r\n", "x\r\n--bc\n",
		"x\r--b\n", "--\n--b", "\n\n--b \n", "---\n----\n--b" };
	static const char *const no[] = { "", "b\n", "-b\n", "x--b\n", " --b\n", "x\n --b\n",
		"---b\n", "--B\n", "--\nb\n", "x\n-\n-b\n", "--a\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(occurs(yes[i], "b\0"));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(occurs(no[i], "b\0"));
}

static void any_of_several_and_none_of_none(void **state)
{
	(void)state;
	assert_true(occurs("\n--one\n", "two\0one\0"));
	assert_true(occurs("\n--two\n", "two\0one\0"));
	assert_false(occurs("\n--three\n", "two\0one\0"));
	assert_false(occurs("\n--one\n", ""));
}

/* Wherever it lies to what is read at a time. */
static void in_a_long_text_at_any_offset(void **state)
{
	const size_t len = 3 * WINDOW_ROOM;
	char boundary[BOUNDARY_MAX + 2];
	char *text = malloc(len);

	(void)state;
	memset(boundary, 'b', sizeof(boundary));
	boundary[BOUNDARY_MAX] = boundary[BOUNDARY_MAX + 1] = '\0';
	assert_non_null(text);
	for (size_t at = WINDOW_ROOM - 2000; at < WINDOW_ROOM + 2000; at += 7) {
		memset(text, '-', len);
		text[at] = '\n';
		memcpy(text + at + 3, boundary, BOUNDARY_MAX);
		assert_true(occurs_in(text, len, 0, boundary));
		text[at] = ' ';
		assert_false(occurs_in(text, len, 0, boundary));
	}
	free(text);
}

static void a_source_that_fails_is_told(void **state)
{
	hsmime_source in;
	struct octets o;
	bool found = true;

	(void)state;
	octets_string(&in, &o, "text\nand more\n");
	o.fail_at = 5;
	assert_int_equal(boundary_occurs(&found, &in, "b\0"), HSMIME_EIO);
	assert_false(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_the_start_of_a_line_whatever_follows),
		cmocka_unit_test(any_of_several_and_none_of_none),
		cmocka_unit_test(in_a_long_text_at_any_offset),
		cmocka_unit_test(a_source_that_fails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
