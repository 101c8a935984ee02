/* archive/source_mbox.c: what is a message of an mbox, and what its octets are. */
#include "mbox_support.h"

#include <stdio.h>

#include "archive/mbox_from.h"

/* The mbox has these messages (NULL: no more). */
static void assert_mbox(const char *text, const char *first, const char *second, const char *third)
{
	const char *want[] = { first, second, third, NULL };
	struct listing l;
	struct mail_source *s = mbox_listed(&l, text, strlen(text));
	size_t i;

	for (i = 0; want[i] != NULL; i++) {
		if (i >= l.count)
			fail_msg("%zu messages in %s", l.count, text);
		assert_content(s, &l.items[i], want[i], strlen(want[i]));
	}
	if (l.count != i)
		fail_msg("%zu messages in %s", l.count, text);
	listing_free(&l);
	mail_source_close(s);
}

static void messages_lie_between_from_lines(void **state)
{
	(void)state;
	assert_mbox(FROM "A: b\n\nbody\n\n" FROM "C: d\n\n\n" FROM "E: f\n\ng\n", "A: b\n\nbody\n",
	    "C: d\n\n", "E: f\n\ng\n");
	assert_mbox(CRLF "A: b\r\n\r\nbody\r\n\r\n" CRLF "C: d\r\n\r\n", "A: b\r\n\r\nbody\r\n",
	    "C: d\r\n", NULL);
	assert_mbox(FROM "A: b\r\n\n" FROM "C: d\n\r\n" FROM, "A: b\r\n", "C: d\n", "");
}

static void an_empty_file_has_no_message(void **state)
{
	(void)state;
	assert_mbox("", NULL, NULL, NULL);
}

static void a_message_may_have_no_octet(void **state)
{
	(void)state;
	assert_mbox(FROM, "", NULL, NULL);
	assert_mbox("From ", "", NULL, NULL);
	assert_mbox(FROM "\n", "", NULL, NULL);
	assert_mbox(FROM "\n\n", "\n", NULL, NULL);
	assert_mbox(CRLF "\r\n" CRLF "\r\n", "", "", NULL);
	assert_mbox(FROM "\n" FROM "\n" FROM "\n", "", "", "");
}

static void the_last_line_may_lack_its_end(void **state)
{
	(void)state;
	assert_mbox(FROM "A: b", "A: b", NULL, NULL);
	assert_mbox(FROM "A: b\n\nFro", "A: b\n\nFro", NULL, NULL);
	assert_mbox(FROM "A: b\n\nFrom ", "A: b\n\nFrom ", NULL, NULL);
	assert_mbox(FROM "A: b\r", "A: b\r", NULL, NULL);
	assert_mbox(FROM "\r", "\r", NULL, NULL);
	assert_mbox(FROM "A: b\n\n>From", "A: b\n\n>From", NULL, NULL);
}

static void a_from_line_wants_an_empty_line_before_it(void **state)
{
	(void)state;
	assert_mbox(FROM "A: b\n" FROM "c\n\n", "A: b\n" FROM "c\n", NULL, NULL);
	assert_mbox(FROM FROM "c\n\n", FROM "c\n", NULL, NULL);
	assert_mbox(FROM "A: b\n \n" FROM, "A: b\n \n" FROM, NULL, NULL);
	assert_mbox(FROM "A: b\n\r\r\n" FROM, "A: b\n\r\r\n" FROM, NULL, NULL);
	assert_mbox(FROM "A: b\n\r" FROM, "A: b\n\r" FROM, NULL, NULL);
	assert_mbox(FROM "A: b\n\n" FROM FROM "c", "A: b\n", FROM "c", NULL);
	assert_mbox(FROM "A: b\n\n " FROM, "A: b\n\n " FROM, NULL, NULL);
}

static void prose_behind_an_empty_line_begins_no_message(void **state)
{
	(void)state;
	assert_mbox(FROM "A: b\n\nFrom time to time\nwe do\n\nFrom Fri on: never\n",
	    "A: b\n\nFrom time to time\nwe do\n\nFrom Fri on: never\n", NULL, NULL);
	assert_mbox(FROM "A: b\n\nFrom - \nC: d\n", "A: b\n", "C: d\n", NULL);
}

static void one_arrow_is_taken_off_quoted_lines(void **state)
{
	(void)state;
	assert_mbox(FROM "A: b\n\n>From c\n>>From d\n>>>From e\n",
	    "A: b\n\nFrom c\n>From d\n>>From e\n", NULL, NULL);
	assert_mbox(FROM ">From a\n" FROM "\n" CRLF ">>From a\r\n\r\n", "From a\n" FROM,
	    ">From a\r\n", NULL);
	assert_mbox(FROM ">From ", "From ", NULL, NULL);
	assert_mbox(FROM ">From >From >From ", "From >From >From ", NULL, NULL);
	assert_mbox(FROM "A: b\n\n>From c\n\n" FROM "C: d\n\n>From x\n\n", "A: b\n\nFrom c\n",
	    "C: d\n\nFrom x\n", NULL);
}

static void other_lines_with_arrows_stay_as_they_are(void **state)
{
	static const char body[] = "A: b\n\n>from c\n> From d\n>From\n>From:\n >From e\nx>From f\n"
				   ">>Fro\n>>>>\n>\n>\r>From g\n>Frog\n>>>>>x>From \n";

	(void)state;
	assert_mbox("From a\nA: b\n\n>from c\n> From d\n>From\n>From:\n >From e\nx>From f\n"
		    ">>Fro\n>>>>\n>\n>\r>From g\n>Frog\n>>>>>x>From \n",
	    body, NULL, NULL);
}

static void an_item_says_where_it_is_and_of_when(void **state)
{
	static const char text[] = FROM "A: b\n\n>From c\n\n"
					"From x\nC: d\n";
	struct listing l;
	struct mail_source *s = mbox_listed(&l, text, sizeof(text) - 1);
	char name[30];

	(void)state;
	assert_int_equal(l.count, 2);
	assert_int_equal(l.items[0].offset, FROM_LEN);
	assert_int_equal(l.items[0].size, 14);
	assert_int_equal(l.items[0].quoted, 1);
	assert_int_equal(l.items[0].modified, 773053989 * INT64_C(1000000000));
	assert_int_equal(l.items[1].offset, sizeof(text) - 1 - 5);
	assert_int_equal(l.items[1].quoted, 0);
	assert_int_equal(l.items[1].modified, 0);
	snprintf(name, sizeof(name), "%zu", sizeof(text) - 1 - 5);
	assert_string_equal(l.items[1].name, name);
	assert_string_equal(l.items[1].key, name);
	listing_free(&l);
	mail_source_close(s);
}

static void nothing_is_given_behind_a_message_s_end(void **state)
{
	static const char text[] = FROM "A: b\n\n" FROM ">From c\n\n";
	struct listing l;
	struct mail_source *s = mbox_listed(&l, text, sizeof(text) - 1);
	struct mail_octets o;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(mail_source_read(&o, s, &l.items[i], NULL), 0);
		assert_int_equal(o.source.seek(o.source.arg, o.source.size), 0);
		for (int turn = 0; turn < 2; turn++)
			assert_int_equal(o.source.read(o.source.arg, &(char){ 0 }, 1), 0);
		assert_int_equal(o.source.seek(o.source.arg, o.source.size + 1), HSMIME_EIO);
		assert_int_equal(o.source.seek(o.source.arg, UINT64_MAX), HSMIME_EIO);
		mail_octets_close(&o, s);
	}
	listing_free(&l);
	mail_source_close(s);
}

static void a_first_line_that_is_too_long_is_no_mbox(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "From ", 5);
	put("mbox", text, sizeof(text));
	assert_refused("mbox", HSMIME_EUSAGE, "is not an mbox");
}

static void a_from_line_may_be_as_long_as_is_taken(void **state)
{
	char text[FROM_LEN + 6 + MBOX_FROM_MAX + 5];
	struct listing l;
	struct mail_source *s;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, FROM "A: b\n\nFrom ", FROM_LEN + 11);
	memcpy(text + sizeof(text) - 6, "\nC: d\n", 6);
	s = mbox_listed(&l, text, sizeof(text));
	assert_int_equal(l.count, 2);
	assert_content(s, &l.items[1], "C: d\n", 5);
	listing_free(&l);
	mail_source_close(s);
}

static void octets_of_any_value_are_kept(void **state)
{
	char text[FROM_LEN + 256 + 9];
	struct listing l;
	struct mail_source *s;

	(void)state;
	memcpy(text, FROM, FROM_LEN);
	for (int i = 0; i < 256; i++)
		text[FROM_LEN + (size_t)i] = (char)i;
	memcpy(text + FROM_LEN + 256, "\n>From \0\n", 9);
	s = mbox_listed(&l, text, sizeof(text));
	assert_int_equal(l.count, 1);
	memmove(text + FROM_LEN + 257, text + FROM_LEN + 258, 7);
	assert_content(s, l.items, text + FROM_LEN, 256 + 8);
	listing_free(&l);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    messages_lie_between_from_lines, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    an_empty_file_has_no_message, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_message_may_have_no_octet, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    the_last_line_may_lack_its_end, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_from_line_wants_an_empty_line_before_it, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    prose_behind_an_empty_line_begins_no_message, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    one_arrow_is_taken_off_quoted_lines, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    other_lines_with_arrows_stay_as_they_are, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    an_item_says_where_it_is_and_of_when, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    nothing_is_given_behind_a_message_s_end, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_first_line_that_is_too_long_is_no_mbox, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_from_line_may_be_as_long_as_is_taken, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    octets_of_any_value_are_kept, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
