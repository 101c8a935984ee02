/* util/sink.h */
#include "streams.h"

#include "util/sink.h"

static void nothing_is_no_write(void **state)
{
	struct catch c;
	hsmime_sink sink = catch_open(&c);

	(void)state;
	c.limit = 0;
	assert_int_equal(sink_write(&sink, NULL, 0), 0);
	assert_int_equal(sink_string(&sink, ""), 0);
	assert_int_equal(c.writes, 0);
	assert_int_equal(sink_write(&sink, "a", 1), HSMIME_EIO);
	catch_close(&c);
}

static void a_string_goes_without_its_nul(void **state)
{
	struct catch c;
	hsmime_sink sink = catch_open(&c), nowhere;

	(void)state;
	assert_int_equal(sink_string(&sink, "ab"), 0);
	assert_int_equal(sink_write(&sink, "c\0d", 3), 0);
	assert_octets(&c.got, "abc\0d", 5);
	catch_close(&c);
	sink_null(&nowhere);
	assert_int_equal(sink_string(&nowhere, "gone"), 0);
}

static void a_buffer_takes_up_to_its_maximum(void **state)
{
	struct buffer b;
	hsmime_sink sink;

	(void)state;
	buffer_init(&b, 4);
	sink_buffer(&sink, &b);
	assert_int_equal(sink_write(&sink, "abc", 3), 0);
	assert_int_equal(sink_write(&sink, "de", 2), HSMIME_EFORMAT);
	assert_octets(&b, "abc", 3);
	buffer_free(&b);
}

static void a_tee_gives_to_both_and_to_no_second_after_a_failure(void **state)
{
	struct catch a, b;
	hsmime_sink to_a = catch_open(&a), to_b = catch_open(&b), out;
	struct sink_tee tee;

	(void)state;
	sink_tee_open(&out, &tee, &to_a, &to_b);
	assert_int_equal(sink_write(&out, "abc", 3), 0);
	assert_octets(&a.got, "abc", 3);
	assert_octets(&b.got, "abc", 3);
	a.limit = 4;
	a.status = HSMIME_EPOLICY;
	assert_int_equal(sink_write(&out, "de", 2), HSMIME_EPOLICY);
	assert_octets(&b.got, "abc", 3);
	a.limit = NEVER;
	b.limit = 3;
	b.status = HSMIME_EIO;
	assert_int_equal(sink_write(&out, "f", 1), HSMIME_EIO);
	assert_octets(&a.got, "abcf", 4);
	catch_close(&a);
	catch_close(&b);
}

static void counting_passes_on_or_only_counts(void **state)
{
	struct catch c;
	hsmime_sink to = catch_open(&c), out, none = { .write = NULL };
	struct sink_count count;

	(void)state;
	sink_count_open(&out, &count, &to);
	assert_int_equal(sink_write(&out, "abc", 3), 0);
	assert_int_equal(sink_write(&out, "de", 2), 0);
	assert_int_equal(count.octets, 5);
	assert_octets(&c.got, "abcde", 5);
	c.limit = 5;
	assert_int_equal(sink_write(&out, "f", 1), HSMIME_EIO);
	catch_close(&c);
	sink_count_open(&out, &count, &none);
	count.octets = UINT32_MAX;
	assert_int_equal(sink_write(&out, "abc", 3), 0);
	assert_int_equal(count.octets, (uint64_t)UINT32_MAX + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_no_write),
		cmocka_unit_test(a_string_goes_without_its_nul),
		cmocka_unit_test(a_buffer_takes_up_to_its_maximum),
		cmocka_unit_test(a_tee_gives_to_both_and_to_no_second_after_a_failure),
		cmocka_unit_test(counting_passes_on_or_only_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
