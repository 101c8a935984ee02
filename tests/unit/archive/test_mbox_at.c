/* archive/mbox_at.h: messages of an mbox by their places, in any order, and nothing where there is none. */
#include "mbox_support.h"

#include <stdio.h>

#include "archive/mbox_at.h"

#define MESSAGES 50

static char text[1 << 20];
static size_t places[MESSAGES + 1]; /* of "From " lines, and the end */
static struct error err;

/* Larger than what is in sight at a time, with quoted lines and empty messages. */
static struct mail_source *many(void)
{
	size_t len = 0;

	for (int i = 0; i < MESSAGES; i++) {
		places[i] = len;
		len += (size_t)snprintf(text + len, sizeof(text) - len, FROM);
		if (i % 7 != 0)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "N: %d\n\n>From x\n%*d\n", i, i * 700, i);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "\n");
	}
	places[MESSAGES] = len;
	put("mbox", text, len);
	return opened("mbox:mbox");
}

static void assert_message(struct mail_source *s, const struct mail_item *item, int i)
{
	struct buffer got;
	char want[16];

	assert_int_equal(item->offset, places[i] + FROM_LEN);
	assert_int_equal(item->size, places[i + 1] - 1 - item->offset);
	buffer_init(&got, SIZE_MAX / 2);
	assert_int_equal(content(&got, s, item, 100), 0);
	snprintf(want, sizeof(want), "N: %d\n\nFrom x\n", i);
	if (i % 7 != 0)
		assert_memory_equal(got.data, want, strlen(want));
	else
		assert_int_equal(got.len, 0);
	buffer_free(&got);
}

static void each_is_found_by_its_from_line_in_any_order(void **state)
{
	struct mail_source *s = many();
	struct mail_item item;

	(void)state;
	for (int turn = 0; turn < 3; turn++)
		for (int n = 0; n < MESSAGES; n++) {
			int i = turn == 0 ? n : turn == 1 ? MESSAGES - 1 - n : n * 17 % MESSAGES;

			assert_int_equal(mbox_from_at(&item, s, places[i], &err), 0);
			assert_message(s, &item, i);
			mail_item_free(&item);
		}
	mail_source_close(s);
}

static void where_no_from_line_begins_there_is_none(void **state)
{
	struct mail_source *s = many();
	struct mail_item item;
	const uint64_t wrong[] = { 1, 4, FROM_LEN, places[3] - 1, places[3] + 1, places[MESSAGES],
		places[MESSAGES] + 1, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(mbox_from_at(&item, s, wrong[i], &err), HSMIME_EIO);
		assert_null(item.name);
	}
	/* And that costs the others nothing. */
	assert_int_equal(mbox_from_at(&item, s, places[5], &err), 0);
	assert_message(s, &item, 5);
	mail_item_free(&item);
	mail_source_close(s);
}

static void some_are_found_in_order_by_where_they_begin(void **state)
{
	struct mail_source *s = many();
	struct mail_item item;

	(void)state;
	for (int i = 2; i < MESSAGES; i += 3) {
		assert_int_equal(mbox_next_at(&item, s, places[i] + FROM_LEN, &err), 0);
		assert_message(s, &item, i);
		mail_item_free(&item);
		/* Behind it already, and in the middle of the next. */
		assert_int_equal(mbox_next_at(&item, s, places[i] + FROM_LEN, &err), HSMIME_EIO);
	}
	assert_int_equal(mbox_next_at(&item, s, UINT64_MAX, &err), HSMIME_EIO);
	assert_null(item.name);
	mail_source_close(s);
}

static void an_empty_mbox_has_none(void **state)
{
	struct mail_source *s;
	struct mail_item item;

	(void)state;
	put("mbox", "", 0);
	s = opened("mbox:mbox");
	assert_int_equal(mbox_from_at(&item, s, 0, &err), HSMIME_EIO);
	assert_int_equal(mbox_next_at(&item, s, 0, &err), HSMIME_EIO);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    each_is_found_by_its_from_line_in_any_order, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    where_no_from_line_begins_there_is_none, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    some_are_found_in_order_by_where_they_begin, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    an_empty_mbox_has_none, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
