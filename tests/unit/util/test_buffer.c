/* util/buffer.h */
#include "streams.h"

static void what_is_added_is_there_in_order(void **state)
{
	struct buffer b;
	unsigned char *data = octets(100000), *at;

	(void)state;
	buffer_init(&b, 200000);
	for (size_t i = 0; i < 100000; i += 1000)
		assert_int_equal(buffer_add(&b, data + i, 1000), 0);
	assert_octets(&b, data, 100000);
	at = buffer_extend(&b, 3);
	assert_ptr_equal(at, b.data + 100000);
	memcpy(at, "end", 3);
	assert_int_equal(b.len, 100003);
	assert_string_equal(buffer_string(&b) + 100000, "end");
	buffer_free(&b);
	free(data);
}

static void nothing_is_added_past_the_maximum(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 5);
	assert_int_equal(buffer_add(&b, "abcde", 5), 0);
	assert_int_equal(buffer_add(&b, "", 0), 0);
	assert_int_equal(buffer_add(&b, "f", 1), HSMIME_EFORMAT);
	assert_octets(&b, "abcde", 5);
	assert_int_equal(b.status, HSMIME_EFORMAT);
	buffer_free(&b);
}

static void the_first_failure_stays_until_reset(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 3);
	assert_int_equal(buffer_add(&b, "abcd", 4), HSMIME_EFORMAT);
	assert_int_equal(buffer_add(&b, "a", 1), HSMIME_EFORMAT);
	assert_int_equal(buffer_add_string(&b, "a"), HSMIME_EFORMAT);
	assert_int_equal(buffer_printf(&b, "%d", 1), HSMIME_EFORMAT);
	assert_null(buffer_extend(&b, 0));
	assert_null(buffer_string(&b));
	assert_int_equal(b.len, 0);
	buffer_reset(&b);
	assert_int_equal(buffer_add(&b, "abc", 3), 0);
	assert_octets(&b, "abc", 3);
	buffer_free(&b);
}

static void sizes_that_do_not_fit_a_size_t_are_refused(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, SIZE_MAX - 1);
	assert_int_equal(buffer_add(&b, "abc", 3), 0);
	assert_null(buffer_extend(&b, SIZE_MAX - 3));
	assert_int_equal(b.status, HSMIME_EFORMAT);
	buffer_free(&b);
	buffer_init(&b, SIZE_MAX);
	assert_int_equal(buffer_add(&b, "abc", 3), 0);
	assert_null(buffer_extend(&b, SIZE_MAX - 3)); /* with its NUL more than there can be */
	assert_int_equal(b.status, HSMIME_ENOMEM);
	assert_octets(&b, "abc", 3);
	buffer_free(&b);
}

static void text_is_added_without_its_nul(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 100);
	assert_string_equal(buffer_string(&b), "");
	assert_int_equal(buffer_add_string(&b, "a"), 0);
	assert_int_equal(buffer_printf(&b, "%s=%05d", "x", 42), 0);
	assert_octets(&b, "ax=00042", 8);
	assert_string_equal(buffer_string(&b), "ax=00042");
	assert_int_equal(b.len, 8);
	buffer_free(&b);
}

static void a_full_buffer_still_ends_with_a_nul(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 256); /* as much as is allocated first */
	assert_non_null(buffer_extend(&b, 256));
	memset(b.data, 'x', 256);
	assert_int_equal(strlen(buffer_string(&b)), 256);
	buffer_free(&b);
}

static void freed_it_is_empty_and_usable(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 2);
	assert_int_equal(buffer_add(&b, "abc", 3), HSMIME_EFORMAT);
	buffer_free(&b);
	assert_null(b.data);
	assert_int_equal(b.status, 0);
	assert_int_equal(buffer_add(&b, "ab", 2), 0);
	buffer_free(&b);
	buffer_free(&b);
	buffer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_is_there_in_order),
		cmocka_unit_test(nothing_is_added_past_the_maximum),
		cmocka_unit_test(the_first_failure_stays_until_reset),
		cmocka_unit_test(sizes_that_do_not_fit_a_size_t_are_refused),
		cmocka_unit_test(text_is_added_without_its_nul),
		cmocka_unit_test(a_full_buffer_still_ends_with_a_nul),
		cmocka_unit_test(freed_it_is_empty_and_usable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
