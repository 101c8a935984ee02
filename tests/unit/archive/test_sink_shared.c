/* Several writers of one mailbox, each with a tag of its own: what one leaves, and what another may remove. */
#include "sink_support.h"

#include <unistd.h>

#include "util/output.h"

static struct error err;

#define DO(call) assert_int_equal((call), 0)

static const char *const kinds[] = { "maildir:out", "eml:tree" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct mail_sink *writer(const char *name, const char *tag)
{
	struct mail_sink *s = NULL;

	DO(mail_sink_open_shared(&s, name, JOB, tag, &err));
	return s;
}

/* Ended, and not yet named. */
static struct mail_draft draft_of(struct mail_sink *s, const char *name)
{
	struct mail_item item = item_of(name, NULL, 0);
	struct mail_draft d = { 0 };

	DO(draft_data(&d, s, &item, NULL, "A: b\n", 5, &err));
	return d;
}

static int settle(struct mail_sink *s, struct mail_draft *d)
{
	uint64_t committed = 0;

	return mail_sink_settle(s, d, 1, &committed, &err);
}

static void who_comes_later_leaves_the_files_of_the_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct mail_sink *one = writer(kinds[i], "1"), *two;
		struct mail_draft d = draft_of(one, "a.eml"), e;

		two = writer(kinds[i], "12");
		e = draft_of(two, "b.eml");
		assert_int_equal(settle(one, &d), 0);
		assert_int_equal(settle(two, &e), 0);
		mail_sink_drop(&d);
		mail_sink_drop(&e);
		mail_sink_close(one);
		mail_sink_close(two);
	}
}

static void what_was_cleared_gets_no_name_any_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct mail_sink *late = writer(kinds[i], "1"), *other = writer(kinds[i], "12");
		struct mail_draft d = draft_of(late, "a.eml"), e = draft_of(other, "b.eml");

		/* Of the one whose tag begins like the other's. */
		DO(mail_sink_clear(other, "1", &err));
		assert_int_equal(settle(other, &e), 0);
		assert_int_equal(settle(late, &d), HSMIME_EIO);
		assert_int_equal(d.status, HSMIME_EIO);
		mail_sink_drop(&d);
		mail_sink_drop(&e);
		mail_sink_close(late);
		mail_sink_close(other);
	}
}

static void all_of_them_are_cleared_at_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct mail_sink *late = writer(kinds[i], "7"), *last = writer(kinds[i], "8");
		struct mail_draft d = draft_of(late, "a.eml");

		DO(mail_sink_clear(last, NULL, &err));
		assert_int_equal(settle(late, &d), HSMIME_EIO);
		mail_sink_drop(&d);
		mail_sink_close(late);
		mail_sink_close(last);
	}
}

static void a_writer_that_is_alone_removes_what_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct mail_sink *shared = writer(kinds[i], "7"), *alone;
		struct mail_draft d = draft_of(shared, "a.eml");

		alone = sink_of(kinds[i], 0);
		assert_int_equal(settle(shared, &d), HSMIME_EIO);
		mail_sink_drop(&d);
		mail_sink_close(shared);
		mail_sink_close(alone);
	}
}

static void an_mbox_has_no_several_writers(void **state)
{
	struct mail_sink *s = NULL;

	(void)state;
	assert_int_equal(mail_sink_open_shared(&s, "mbox:x", JOB, "1", &err), HSMIME_EUSAGE);
	assert_null(s);
	assert_int_not_equal(access("x", F_OK), 0);
	assert_non_null(strstr(err.hint, "maildir:"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_comes_later_leaves_the_files_of_the_others),
		TEST(what_was_cleared_gets_no_name_any_more),
		TEST(all_of_them_are_cleared_at_the_end),
		TEST(a_writer_that_is_alone_removes_what_is_left),
		TEST(an_mbox_has_no_several_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
