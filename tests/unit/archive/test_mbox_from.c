/* archive/mbox_from.h: which lines stand before a message. */
#include "mailbox.h"

#include <stdio.h>

#include "archive/mbox_from.h"

static bool begins(struct mbox_from *from, const char *text, bool first)
{
	return mbox_from_read(from, (const unsigned char *)text, strlen(text), first);
}

static void a_time_is_read_as_programs_write_it(void **state)
{
	static const struct {
		const char *line;
		int64_t seconds;
	} rows[] = {
		{ "From jwz Fri Jul  1 09:13:09 1994", 773053989 },
		{ "From jwz  Fri Jul 01 09:13:09 1994", 773053989 },
		{ "From jwz Fri, Jul 01 09:13:09 1994", 773053989 },
		{ "From jwz@example.org fri jul 1 09:13 1994", 773053980 },
		{ "From - Fri Jul  1 09:13:09 1994", 773053989 },
		{ "From jwz Fri Jul  1 09:13:09 1994 +0200", 773053989 - 7200 },
		{ "From jwz Fri Jul  1 09:13:09 1994 (-0730)", 773053989 + 27000 },
		{ "From jwz Fri Jul  1 09:13:09 +0200 1994", 773053989 - 7200 },
		{ "From jwz Fri Jul  1 09:13:09 PDT 1994", 773053989 },
		{ "From jwz Fri Jul  1 09:13:09 1994 remote from host", 773053989 },
		{ "From jwz Fri, 01 Jul 1994 09:13:09 +0200", 773053989 - 7200 },
		{ "From \"Sun Jan\"@example.org Fri Jul  1 09:13:09 1994", 773053989 },
		{ "From Sun Fri Jul  1 09:13:09 1994", 773053989 },
		{ "From a b c d e f g h i j k l m n Fri Jul  1 09:13:09 1994", 773053989 },
		{ "From jwz Thu Jan  1 00:00:01 1970", 1 },
		{ "From jwz Wed Dec 31 23:59:60 2200", INT64_C(7289654400) },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int end = 0; end < 3; end++) {
			static const char *const ends[] = { "\n\nbody", "\r\nbody", "" };
			struct mbox_from from;

			snprintf(text, sizeof(text), "%s%s", rows[i].line, ends[end]);
			if (!begins(&from, text, false))
				fail_msg("%s", text);
			assert_int_equal(from.modified, rows[i].seconds * 1000000000);
			assert_int_equal(from.len, strlen(rows[i].line) + (end == 0      ? 1
									      : end == 1 ? 2
											 : 0));
		}
	}
}

static void prose_is_no_such_line(void **state)
{
	static const char *const lines[] = {
		"From time to time\nwe",
		"From \n",
		"From \n\nx",
		"From - \nx y: z",
		"From a\n>From b\n",
		"From here see\nhttps://example.org/",
		"From a\n: x",
		"From a\n",
		"From a",
		"From ",
		"From Fri Jul 32 09:13:09 1994\n",
		"From Fri Jul 1 24:13:09 1994\n",
		"From Fri Jul 1 09:60:09 1994\n",
		"From Fri Jul 1 09:13:09 94\n",
		"From Fri Jul 1 09:13:09 1969\n",
		"From Fri Jul 1 09:13:09 2201\n",
		"From Fri Jul 1 09-13-09 1994\n",
		"From Fri Jul 0 09:13:09 1994\n",
		"From Jul 1 09:13:09 1994\n",
		"From Fri Jux 1 09:13:09 1994\n",
		"From 9:00 on Fri we meet, until Jul 1994\n",
		"From Fri",
		"From Fri Jul 1 09:13:09",
	};
	struct mbox_from from;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (begins(&from, lines[i], false))
			fail_msg("%s", lines[i]);
		assert_true(begins(&from, lines[i], true));
		assert_int_equal(from.modified, 0);
	}
}

static void a_header_field_behind_it_tells_as_well(void **state)
{
	static const char *const lines[] = {
		"From \nSubject: x",
		"From - \nX-Mozilla-Status: 1",
		"From a b\r\nTo:\r\n",
		"From x\nA:/b",
	};
	struct mbox_from from;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(begins(&from, lines[i], false));
		assert_int_equal(from.len, strchr(lines[i], '\n') + 1 - lines[i]);
	}
}

static void what_does_not_begin_with_the_word_never_is(void **state)
{
	static const char *const lines[] = { "", "F", "From", "From:", "from a\nA: b",
		">From a\nA: b" };
	struct mbox_from from;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(begins(&from, lines[i], true));
}

static void a_line_may_be_that_long_and_no_longer(void **state)
{
	char text[MBOX_FROM_MAX + 20];
	struct mbox_from from;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "From ", 5);
	memcpy(text + MBOX_FROM_MAX - 1, "\nA: b", 6);
	assert_true(begins(&from, text, false));
	assert_int_equal(from.len, MBOX_FROM_MAX);
	memcpy(text + MBOX_FROM_MAX - 1, "x\nA: b", 7);
	assert_false(begins(&from, text, false));
	assert_false(begins(&from, text, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_read_as_programs_write_it),
		cmocka_unit_test(prose_is_no_such_line),
		cmocka_unit_test(a_header_field_behind_it_tells_as_well),
		cmocka_unit_test(what_does_not_begin_with_the_word_never_is),
		cmocka_unit_test(a_line_may_be_that_long_and_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
