/* util/crlf.h */
#include "streams.h"

#include "util/crlf.h"
#include "util/sink.h"

static const struct {
	const char *in;
	const char *crlf;
	const char *lf;
} table[] = {
	{ "", "", "" },
	{ "a", "a", "a" },
	{ "\n", "\r\n", "\n" },
	{ "\r\n", "\r\n", "\n" },
	{ "a\nb\n", "a\r\nb\r\n", "a\nb\n" },
	{ "a\r\nb\r\n", "a\r\nb\r\n", "a\nb\n" },
	{ "a\r\nb\nc", "a\r\nb\r\nc", "a\nb\nc" },
	{ "a\nb\r\nc\r\n\nd", "a\r\nb\r\nc\r\n\r\nd", "a\nb\nc\n\nd" },
	{ "a\rb", "a\rb", "a\rb" },
	{ "a\r", "a\r", "a\r" },
	{ "\r", "\r", "\r" },
	{ "\r\r", "\r\r", "\r\r" },
	{ "\r\r\n", "\r\r\n", "\r\n" },
	{ "a\r\r\nb", "a\r\r\nb", "a\r\nb" },
	{ "\n\r", "\r\n\r", "\n\r" },
	{ "\n\n\n", "\r\n\r\n\r\n", "\n\n\n" },
	{ "\r\n\r\n", "\r\n\r\n", "\n\n" },
};

static int convert(struct crlf_sink *c, const hsmime_sink *next, const char *in, bool to_crlf,
    size_t first, size_t second)
{
	hsmime_sink sink;
	size_t len = strlen(in);
	int status;

	crlf_sink_open(&sink, c, next, to_crlf);
	status = sink.write(sink.arg, in, first);
	if (status == 0)
		status = sink.write(sink.arg, in + first, second - first);
	if (status == 0)
		status = sink.write(sink.arg, in + second, len - second);
	return status != 0 ? status : crlf_sink_finish(c);
}

static void assert_converted(const char *in, const char *expected, bool to_crlf)
{
	size_t len = strlen(in);

	for (size_t first = 0; first <= len; first++) {
		for (size_t second = first; second <= len; second++) {
			struct catch got;
			hsmime_sink next = catch_open(&got);
			struct crlf_sink c;

			assert_int_equal(convert(&c, &next, in, to_crlf, first, second), 0);
			assert_octets(&got.got, expected, strlen(expected));
			assert_int_equal(c.changed, strcmp(in, expected) != 0);
			catch_close(&got);
		}
	}
}

static void every_line_ending_becomes_crlf_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_converted(table[i].in, table[i].crlf, true);
}

static void every_line_ending_becomes_lf_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_converted(table[i].in, table[i].lf, false);
}

static void octets_of_any_value_pass(void **state)
{
	unsigned char all[256], expected[257];
	struct catch got;
	hsmime_sink next = catch_open(&got), sink;
	struct crlf_sink c;

	(void)state;
	for (size_t i = 0; i < 256; i++) {
		all[i] = (unsigned char)i;
		expected[i + (i >= '\n')] = (unsigned char)i;
	}
	expected['\n'] = '\r';
	expected['\n' + 1] = '\n';
	crlf_sink_open(&sink, &c, &next, true);
	assert_int_equal(sink_write(&sink, all, sizeof(all)), 0);
	assert_int_equal(crlf_sink_finish(&c), 0);
	assert_octets(&got.got, expected, sizeof(expected));
	catch_close(&got);
}

static void right_lines_go_through_in_one_piece(void **state)
{
	struct catch got;
	hsmime_sink next = catch_open(&got), sink;
	struct crlf_sink c;

	(void)state;
	crlf_sink_open(&sink, &c, &next, true);
	assert_int_equal(sink_string(&sink, "a\r\nb\r\nc\r\n"), 0);
	assert_int_equal(got.writes, 1);
	catch_close(&got);
}

static void a_failure_at_any_octet_comes_back(void **state)
{
	static const char in[] = "a\nb\r\n\r\n\rc\n\nd\r";

	(void)state;
	for (int to_crlf = 0; to_crlf <= 1; to_crlf++) {
		struct catch whole;
		hsmime_sink next = catch_open(&whole);
		struct crlf_sink c;

		assert_int_equal(convert(&c, &next, in, to_crlf, 5, 8), 0);
		for (size_t limit = 0; limit < whole.got.len; limit++) {
			struct catch got;

			next = catch_open(&got);
			got.limit = limit;
			got.status = HSMIME_EPOLICY;
			assert_int_equal(convert(&c, &next, in, to_crlf, 5, 8), HSMIME_EPOLICY);
			assert_memory_equal(got.got.data ? got.got.data : whole.got.data,
			    whole.got.data, got.got.len);
			catch_close(&got);
		}
		catch_close(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_ending_becomes_crlf_however_it_is_cut),
		cmocka_unit_test(every_line_ending_becomes_lf_however_it_is_cut),
		cmocka_unit_test(octets_of_any_value_pass),
		cmocka_unit_test(right_lines_go_through_in_one_piece),
		cmocka_unit_test(a_failure_at_any_octet_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
