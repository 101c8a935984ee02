/* archive/mbox_quote.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "archive/mbox_quote.h"
#include "util/buffer.h"

static int collect(void *arg, const void *buf, size_t len)
{
	return buffer_add(arg, buf, len);
}

/* Written in pieces of at most `piece` octets, the first of `first`. */
static void assert_quoted(const char *text, const char *want, size_t first, size_t piece)
{
	struct buffer got;
	hsmime_sink end = { .write = collect, .arg = &got }, in;
	struct mbox_quote q;
	size_t len = strlen(text), n = first < len ? first : len;

	buffer_init(&got, SIZE_MAX / 2);
	mbox_quote_open(&in, &q, &end);
	for (size_t at = 0; at < len; at += n, n = piece < len - at ? piece : len - at)
		assert_int_equal(in.write(in.arg, text + at, n), 0);
	assert_int_equal(mbox_quote_end(&q), 0);
	assert_non_null(buffer_string(&got));
	assert_string_equal((const char *)got.data, want);
	assert_int_equal(got.len, strlen(want));
	buffer_free(&got);
}

static void lines_that_begin_with_from_are_quoted_wherever_the_octets_are_cut(void **state)
{
	static const char text[] = "From a\nFrom\n>From b\n>>>From c\n From d\nFroM e\n"
				   "xFrom f\n>> From g\nFFrom h\r\nFrom i\r\n\nFrom \n>\n>Fro";
	static const char want[] = ">From a\nFrom\n>>From b\n>>>>From c\n From d\nFroM e\n"
				   "xFrom f\n>> From g\nFFrom h\r\n>From i\r\n\n>From \n>\n>Fro\n";

	(void)state;
	for (size_t first = 1; first < sizeof(text); first++) {
		for (size_t piece = 1; piece < 12; piece++)
			assert_quoted(text, want, first, piece);
		assert_quoted(text, want, first, sizeof(text));
	}
	assert_quoted("a\r\nb", "a\r\nb\r\n", 2, 1);
	assert_quoted("From", "From\n", 4, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_begin_with_from_are_quoted_wherever_the_octets_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
