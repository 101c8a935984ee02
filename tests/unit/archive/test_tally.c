/* Counting by values: what is added is there, in order, and no number of values takes all memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/tally.h"

static hsmime_tally tally;

static struct tally *begin(void)
{
	struct tally *t = NULL;

	assert_int_equal(tally_new(&t), 0);
	return t;
}

static void end(struct tally *t)
{
	assert_int_equal(tally_rows(&tally.rows, &tally.row_count, t), 0);
	tally_free(t);
}

static int tear_down(void **state)
{
	hsmime_tally *copy = malloc(sizeof(*copy));

	(void)state;
	if (copy == NULL)
		return -1;
	*copy = tally;
	memset(&tally, 0, sizeof(tally));
	hsmime_tally_free(copy);
	return 0;
}

static void row_is(
    size_t at, enum hsmime_tally_by by, const char *value, uint64_t messages, uint64_t octets)
{
	assert_true(at < tally.row_count);
	assert_int_equal(tally.rows[at].by, by);
	assert_string_equal(tally.rows[at].value, value);
	assert_int_equal(tally.rows[at].messages, messages);
	assert_int_equal(tally.rows[at].octets, octets);
}

static void the_most_messages_come_first_and_years_in_order(void **state)
{
	static const char *const years[] = { "2019", "2003", "2019", "2019", "unknown" };
	struct tally *t = begin();

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(tally_word(t, HSMIME_TALLY_YEAR, years[i], 10), 0);
		assert_int_equal(
		    tally_word(t, HSMIME_TALLY_KIND, i == 1 ? "plain" : "signed", i), 0);
	}
	assert_int_equal(tally_word(t, HSMIME_TALLY_KIND, "other", 7), 0);
	end(t);
	assert_int_equal(tally.row_count, 6);
	row_is(0, HSMIME_TALLY_KIND, "signed", 4, 9);
	row_is(1, HSMIME_TALLY_KIND, "other", 1, 7);
	row_is(2, HSMIME_TALLY_KIND, "plain", 1, 1);
	row_is(3, HSMIME_TALLY_YEAR, "2003", 1, 10);
	row_is(4, HSMIME_TALLY_YEAR, "2019", 3, 30);
	row_is(5, HSMIME_TALLY_YEAR, "unknown", 1, 10);
}

static void the_same_word_counts_apart_by_what_it_is_of(void **state)
{
	struct tally *t = begin();

	(void)state;
	assert_int_equal(tally_word(t, HSMIME_TALLY_KIND, "other", 1), 0);
	assert_int_equal(tally_word(t, HSMIME_TALLY_CIPHER, "other", 2), 0);
	end(t);
	assert_int_equal(tally.row_count, 2);
	row_is(0, HSMIME_TALLY_KIND, "other", 1, 1);
	row_is(1, HSMIME_TALLY_CIPHER, "other", 1, 2);
}

static void keys_of_any_octets_are_told_apart(void **state)
{
	static const unsigned char keys[][3] = { { 1, 0, 0 }, { 1, 0, 1 }, { 0, 0, 0 } };
	struct tally *t = begin();
	hsmime_tally_row *row;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t len = 1; len <= 3; len++) {
			assert_int_equal(
			    tally_add(&row, t, HSMIME_TALLY_RECIPIENT, keys[i], len, 1), 0);
			if (row->value == NULL)
				row->value = strdup("x");
		}
	end(t);
	/* 01, 01 00, 01 00 00, 01 00 01, 00, 00 00, 00 00 00 */
	assert_int_equal(tally.row_count, 7);
}

static void what_there_is_no_room_for_is_others(void **state)
{
	const unsigned more = 5000;
	struct tally *t = begin();
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < TALLY_MAX + more; i++) {
		char word[16];

		snprintf(word, sizeof(word), "%u", i);
		assert_int_equal(tally_word(t, HSMIME_TALLY_RECIPIENT, word, 1), 0);
	}
	assert_int_equal(tally_word(t, HSMIME_TALLY_RECIPIENT, "7", 1), 0);
	end(t);
	assert_int_equal(tally.row_count, TALLY_MAX + 1);
	row_is(0, HSMIME_TALLY_RECIPIENT, "others", more, more);
	row_is(1, HSMIME_TALLY_RECIPIENT, "7", 2, 2);
	for (size_t i = 0; i < tally.row_count; i++)
		sum += tally.rows[i].messages;
	assert_int_equal(sum, TALLY_MAX + more + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    the_most_messages_come_first_and_years_in_order, tear_down),
		cmocka_unit_test_teardown(the_same_word_counts_apart_by_what_it_is_of, tear_down),
		cmocka_unit_test_teardown(keys_of_any_octets_are_told_apart, tear_down),
		cmocka_unit_test_teardown(what_there_is_no_room_for_is_others, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
