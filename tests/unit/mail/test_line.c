/* Lines as a window shows them. */
#include "mail_support.h"

#include "mail/line.h"

#define ROOM 16

/* The lines of text, joined by '|', read step octets at a time through a small window. */
static void join_lines(struct buffer *out, const char *text, size_t step)
{
	struct octets o;
	hsmime_source in;
	struct window w;
	const unsigned char *line;
	ptrdiff_t len;

	octets_string(&in, &o, text);
	o.step = step;
	buffer_init(out, MEMORY_MAX);
	assert_int_equal(window_open(&w, &in, ROOM), 0);
	while ((len = line_next(&line, &w)) > 0) {
		buffer_add(out, line, (size_t)len);
		buffer_add(out, "|", 1);
		window_take(&w, (size_t)len);
	}
	assert_int_equal(len, 0);
	window_close(&w);
}

static void assert_lines(const char *text, const char *expected)
{
	for (size_t step = 0; step <= ROOM + 1; step++) {
		struct buffer out;

		join_lines(&out, text, step);
		assert_text(&out, expected);
		buffer_free(&out);
	}
}

static void lines_end_with_lf(void **state)
{
	(void)state;
	assert_lines("a\nbc\r\n\nd\n", "a\n|bc\r\n|\n|d\n|");
}

static void a_cr_alone_ends_no_line(void **state)
{
	(void)state;
	assert_lines("a\rb\n", "a\rb\n|");
}

static void the_last_line_may_be_open(void **state)
{
	(void)state;
	assert_lines("a\nb", "a\n|b|");
	assert_lines("", "");
}

static void a_line_longer_than_the_window_comes_in_pieces(void **state)
{
	(void)state;
	assert_lines("0123456789abcdefgh\ni\n", "0123456789abcdef|gh\n|i\n|");
	assert_lines("x\n0123456789abcdefgh", "x\n|0123456789abcdef|gh|");
	assert_lines("0123456789abcde\n", "0123456789abcde\n|");
}

static void nothing_is_consumed_by_looking(void **state)
{
	struct octets o;
	hsmime_source in;
	struct window w;
	const unsigned char *line;

	(void)state;
	octets_string(&in, &o, "one\ntwo\n");
	assert_int_equal(window_open(&w, &in, ROOM), 0);
	assert_int_equal(line_next(&line, &w), 4);
	assert_int_equal(line_next(&line, &w), 4);
	assert_int_equal(w.offset, 0);
	window_close(&w);
}

static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	static const char text[] = "one\n0123456789abcdefgh\ntwo";

	(void)state;
	for (size_t at = 0; at <= strlen(text); at++) {
		struct octets o;
		hsmime_source in;
		struct window w;
		const unsigned char *line;
		ptrdiff_t len;

		octets_string(&in, &o, text);
		o.fail_at = at;
		o.step = 1;
		assert_int_equal(window_open(&w, &in, ROOM), 0);
		while ((len = line_next(&line, &w)) > 0)
			window_take(&w, (size_t)len);
		assert_int_equal(len, HSMIME_EIO);
		window_close(&w);
	}
}

static void a_line_ending_is_lf_or_crlf(void **state)
{
	static const struct {
		const char *line;
		size_t ending;
	} cases[] = { { "", 0 }, { "\n", 1 }, { "\r\n", 2 }, { "a\n", 1 }, { "a\r\n", 2 },
		{ "a\r\r\n", 2 }, { "a", 0 }, { "a\r", 0 }, { "\r", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    line_ending((const unsigned char *)cases[i].line, strlen(cases[i].line)),
		    cases[i].ending);
}

static void both_endings_are_counted_apart(void **state)
{
	static const char text[] = "a\nb\r\n\n\r\n\r\rc\n\r";
	uint64_t lf = 10, crlf = 20;

	(void)state;
	line_count(&lf, &crlf, (const unsigned char *)text, strlen(text));
	assert_int_equal(lf, 13);
	assert_int_equal(crlf, 22);
}

/* Around the width of what is looked at in one go. */
static void every_kind_of_octet_is_found_wherever_it_is(void **state)
{
	static const struct {
		unsigned char octet;
		unsigned kinds;
	} cases[] = { { 0, OCTETS_NUL }, { '\r', OCTETS_CR }, { 0x80, OCTETS_EIGHT_BIT },
		{ 0xff, OCTETS_EIGHT_BIT }, { 0x7f, 0 }, { 1, 0 } };
	unsigned char data[50];

	(void)state;
	for (size_t len = 1; len <= sizeof(data); len++) {
		for (size_t at = 0; at < len; at++) {
			for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
				memset(data, 'x', sizeof(data));
				data[at] = cases[c].octet;
				assert_int_equal(octets_kinds(data, len), cases[c].kinds);
			}
		}
	}
}

static void kinds_add_up(void **state)
{
	(void)state;
	assert_int_equal(octets_kinds((const unsigned char *)"\0\r\x80", 3),
	    OCTETS_NUL | OCTETS_CR | OCTETS_EIGHT_BIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_lf),
		cmocka_unit_test(a_cr_alone_ends_no_line),
		cmocka_unit_test(the_last_line_may_be_open),
		cmocka_unit_test(a_line_longer_than_the_window_comes_in_pieces),
		cmocka_unit_test(nothing_is_consumed_by_looking),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
		cmocka_unit_test(a_line_ending_is_lf_or_crlf),
		cmocka_unit_test(both_endings_are_counted_apart),
		cmocka_unit_test(every_kind_of_octet_is_found_wherever_it_is),
		cmocka_unit_test(kinds_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
