/* UTF-8 as RFC 3629 has it. */
#include "mail_support.h"

#include "mail/utf8_check.h"

static int check(bool *valid, const char *data, size_t len, size_t step)
{
	struct octets o;
	hsmime_source in;

	octets_open(&in, &o, data, len);
	o.step = step;
	return utf8_check(valid, &in);
}

struct sample {
	const char *octets;
	size_t len;
};

#define SAMPLE(s)                                                                                  \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}

static void assert_all(const struct sample *samples, size_t count, bool expected)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t step = 0; step < 3; step++) {
			bool valid = !expected;

			assert_int_equal(check(&valid, samples[i].octets, samples[i].len, step), 0);
			assert_int_equal(valid, expected);
		}
	}
}

static void the_ends_of_every_range_are_characters(void **state)
{
	static const struct sample good[] = { SAMPLE(""), SAMPLE("a\0b\x7f"), SAMPLE("\xc2\x80"),
		SAMPLE("\xdf\xbf"), SAMPLE("\xe0\xa0\x80"), SAMPLE("\xe1\x80\x80"),
		SAMPLE("\xed\x9f\xbf"), SAMPLE("\xee\x80\x80"), SAMPLE("\xef\xbf\xbf"),
		SAMPLE("\xf0\x90\x80\x80"), SAMPLE("\xf4\x8f\xbf\xbf"),
		SAMPLE("\xc3\xbc\xe2\x82\xac\xf0\x9f\x99\x82 ok") };

	(void)state;
	assert_all(good, sizeof(good) / sizeof(good[0]), true);
}

static void overlong_surrogate_and_too_large_are_not(void **state)
{
	static const struct sample bad[] = { SAMPLE("\xc0\x80"), SAMPLE("\xc1\xbf"),
		SAMPLE("\xe0\x9f\xbf"), SAMPLE("\xed\xa0\x80"), SAMPLE("\xf0\x8f\xbf\xbf"),
		SAMPLE("\xf4\x90\x80\x80"), SAMPLE("\xf5\x80\x80\x80"), SAMPLE("\xff") };

	(void)state;
	assert_all(bad, sizeof(bad) / sizeof(bad[0]), false);
}

static void stray_and_missing_octets_are_not(void **state)
{
	static const struct sample bad[] = { SAMPLE("\x80"), SAMPLE("a\xbf"), SAMPLE("\xc3"),
		SAMPLE("\xe2\x82"), SAMPLE("\xf0\x9f\x99"), SAMPLE("\xc3 "), SAMPLE("\xe2\x82 "),
		SAMPLE("\xe2\xc3\xbc") };

	(void)state;
	assert_all(bad, sizeof(bad) / sizeof(bad[0]), false);
}

static void a_failing_source_gives_its_status(void **state)
{
	for (size_t at = 0; at < 4; at++) {
		struct octets o;
		hsmime_source in;
		bool valid;

		octets_string(&in, &o, "\xc3\xbc!");
		o.fail_at = at;
		assert_int_equal(utf8_check(&valid, &in), HSMIME_EIO);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ends_of_every_range_are_characters),
		cmocka_unit_test(overlong_surrogate_and_too_large_are_not),
		cmocka_unit_test(stray_and_missing_octets_are_not),
		cmocka_unit_test(a_failing_source_gives_its_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
