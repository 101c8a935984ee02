/* archive/source_mbox.c: files that change, many messages, many threads. */
#include "mbox_support.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MANY 100000

static void append(const char *text)
{
	FILE *file = fopen("mbox", "ab");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void a_file_that_grew_is_read_as_it_was_opened(void **state)
{
	static const char text[] = FROM "A: b\n\n" FROM ">From c\n";
	struct listing l;
	struct mail_source *s;

	(void)state;
	put_text("mbox", text);
	s = opened("mbox");
	append("more of it\n\n" FROM "A: new\n");
	l = list_all(s);
	assert_int_equal(l.count, 2);
	/* Whose last message goes on is another one. */
	assert_content(s, &l.items[0], "A: b\n", 5);
	assert_unreadable(s, &l.items[1], "not there any more");
	listing_free(&l);
	mail_source_close(s);
	put_text("mbox", text);
	s = opened("mbox");
	append("\n" FROM "A: new\n");
	l = list_all(s);
	assert_int_equal(l.count, 2);
	assert_content(s, &l.items[0], "A: b\n", 5);
	assert_content(s, &l.items[1], "From c\n", 7);
	listing_free(&l);
	mail_source_close(s);
}

static void a_file_that_changed_is_not_read(void **state)
{
	static const char text[] = FROM "A: b\n\n" FROM ">From c\n\n";

	(void)state;
	for (int how = 0; how < 2; how++) {
		struct listing l;
		struct mail_source *s = mbox_listed(&l, text, sizeof(text) - 1);
		struct mail_octets o[2];
		char buf[100];

		assert_int_equal(l.count, 2);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(mail_source_read(&o[i], s, &l.items[i], NULL), 0);
		if (how == 0)
			assert_int_equal(truncate("mbox", FROM_LEN + 3), 0);
		else
			touch("mbox", 5);
		for (size_t i = 0; i < 2; i++) {
			ptrdiff_t got;

			assert_unreadable(s, &l.items[i], "was changed");
			assert_int_equal(o[i].source.seek(o[i].source.arg, 0), HSMIME_EIO);
			/* Nor does what began before it was end well. */
			while ((got = o[i].source.read(o[i].source.arg, buf, sizeof(buf))) > 0)
				;
			assert_int_equal(got, HSMIME_EIO);
			mail_octets_close(&o[i], s);
		}
		listing_free(&l);
		mail_source_close(s);
	}
}

static void a_file_that_got_shorter_ends_its_listing(void **state)
{
	char *text = calloc(1, 2 * ROOM_LIST);
	struct mail_source *s;
	struct listing l;

	(void)state;
	memcpy(text, FROM, FROM_LEN);
	put("mbox", text, 2 * ROOM_LIST);
	s = opened("mbox");
	assert_int_equal(truncate("mbox", ROOM_LIST + 1), 0);
	l = list_all(s);
	assert_int_equal(l.count, 0);
	assert_int_equal(l.failures, 1);
	assert_int_equal(l.err.code, HSMIME_EIO);
	assert_non_null(strstr(l.err.message, "changed while"));
	listing_free(&l);
	mail_source_close(s);
	free(text);
}

static void an_item_of_an_earlier_listing_is_read_where_it_still_is(void **state)
{
	static const char text[] = FROM "A: b\n\n" FROM "C: d\n\n";
	struct listing l;
	struct mail_source *s = mbox_listed(&l, text, sizeof(text) - 1);
	static const struct {
		uint64_t offset, size, quoted;
	} wrong[] = { { FROM_LEN + 1, 4, 0 }, { FROM_LEN - 1, 6, 0 }, { FROM_LEN, 4, 0 },
		{ FROM_LEN, 1000, 0 }, { 1000, 1, 0 }, { 0, 5, 0 }, { 4, 5, 0 },
		{ FROM_LEN, UINT64_MAX, 0 }, { UINT64_MAX, 1, 0 }, { FROM_LEN, 5, 6 } };

	(void)state;
	mail_source_close(s);
	s = opened("mbox");
	assert_content(s, &l.items[1], "C: d\n", 5);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct mail_item item = { .name = (char[]){ "x" },
			.offset = wrong[i].offset,
			.size = wrong[i].size,
			.modified = l.items[0].modified,
			.quoted = wrong[i].quoted };

		assert_unreadable(s, &item, "not there any more");
	}
	listing_free(&l);
	mail_source_close(s);
}

/* The first of messages of one size was taken out by another program: no other is read in its place. */
static void what_moved_into_the_place_of_another_is_not_read_for_it(void **state)
{
#define LATER "From a@example.org Fri Jul  1 09:13:10 1994\n"
	static const char text[] = FROM "A: b\n\n" LATER "C: d\n\n" FROM "E: f\n";
	struct listing l;
	struct mail_source *s = mbox_listed(&l, text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(l.count, 3);
	mail_source_close(s);
	put_text("mbox", LATER "C: d\n\n" FROM "E: f\n");
	s = opened("mbox");
	assert_unreadable(s, &l.items[0], "not there any more");
	assert_unreadable(s, &l.items[1], "not there any more");
	listing_free(&l);
	mail_source_close(s);
}

/* An item that says of more or fewer quoted lines than there are. */
static void another_number_of_quoted_lines_is_another_message(void **state)
{
	static const char text[] = FROM ">From b\n>From c\n\n";
	struct listing l;
	struct mail_source *s = mbox_listed(&l, text, sizeof(text) - 1);

	(void)state;
	for (uint64_t quoted = 1; quoted <= 3; quoted++) {
		struct buffer b;

		l.items[0].quoted = quoted;
		assert_int_equal(content(&b, s, l.items, 10), quoted == 2 ? 0 : HSMIME_EIO);
		buffer_free(&b);
	}
	listing_free(&l);
	mail_source_close(s);
}

struct reader {
	struct mail_source *s;
	const struct listing *l;
	bool same;
};

static void *read_them(void *arg)
{
	struct reader *r = arg;
	char want[64];

	r->same = true;
	for (size_t i = 0; i < r->l->count; i++) {
		struct mail_octets o;
		char got[64] = "";
		size_t len = 0;
		ptrdiff_t n = 1;

		if (mail_source_read(&o, r->s, &r->l->items[i], NULL) != 0)
			r->same = false;
		while (r->same && n > 0 && len < sizeof(got) - 1) {
			n = o.source.read(o.source.arg, got + len, 5);
			len += n > 0 ? (size_t)n : 0;
		}
		snprintf(want, sizeof(want), "A: %zu\n\nFrom %zu\n", i, i);
		r->same = r->same && n == 0 && strcmp(got, want) == 0;
		mail_octets_close(&o, r->s);
	}
	return NULL;
}

static void several_threads_read_at_a_time(void **state)
{
	struct buffer text;
	struct listing l;
	struct mail_source *s;
	struct reader readers[4];
	pthread_t threads[4];

	(void)state;
	buffer_init(&text, SIZE_MAX / 2);
	for (int i = 0; i < 2000; i++)
		buffer_printf(&text, FROM "A: %d\n\n>From %d\n\n", i, i);
	s = mbox_listed(&l, text.data, text.len);
	assert_int_equal(l.count, 2000);
	for (size_t i = 0; i < 4; i++) {
		readers[i] = (struct reader){ s, &l, false };
		assert_int_equal(pthread_create(&threads[i], NULL, read_them, &readers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(readers[i].same);
	}
	listing_free(&l);
	mail_source_close(s);
	buffer_free(&text);
}

static void a_hundred_thousand_take_no_more_memory_than_one(void **state)
{
	FILE *file = fopen("mbox", "wb");
	struct mail_item item;
	struct mail_source *s;
	size_t first = 0, count = 0;
	bool more;

	(void)state;
	assert_non_null(file);
	for (int i = 0; i < MANY; i++)
		fprintf(file, FROM "A: %d\n\n>From \n\n", i);
	assert_int_equal(fclose(file), 0);
	s = opened("mbox");
	while (mail_source_next(&item, &more, s, NULL) == 0 && more) {
		assert_int_equal(item.quoted, 1);
		mail_item_free(&item);
		if (++count == 1)
			first = mallinfo2().uordblks;
		if (count % 10000 == 0)
			assert_true(mallinfo2().uordblks <= first + 1000);
	}
	assert_int_equal(count, MANY);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_file_that_grew_is_read_as_it_was_opened, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_file_that_changed_is_not_read, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_file_that_got_shorter_ends_its_listing, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    an_item_of_an_earlier_listing_is_read_where_it_still_is, scratch_enter,
		    scratch_leave),
		cmocka_unit_test_setup_teardown(
		    what_moved_into_the_place_of_another_is_not_read_for_it, scratch_enter,
		    scratch_leave),
		cmocka_unit_test_setup_teardown(another_number_of_quoted_lines_is_another_message,
		    scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    several_threads_read_at_a_time, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_hundred_thousand_take_no_more_memory_than_one, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
