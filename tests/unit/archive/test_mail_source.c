/* archive/mail_source.h: which mailbox a name is. */
#include "mailbox.h"

#include <sys/stat.h>
#include <unistd.h>

#define MAIL "From a Fri Jul  8 12:08:34 2011\nSubject: x\n\nbody\n\n"

static void assert_kind(const char *name, const char *scheme)
{
	struct mail_source *s = opened(name);

	assert_string_equal(s->kind->scheme, scheme);
	mail_source_close(s);
}

static void a_mailbox_is_recognised_by_what_it_is(void **state)
{
	(void)state;
	put_maildir("maildir");
	put_maildir("nested/inbox");
	put_text("tree/a.eml", "x");
	put_text("an.mbox", MAIL);
	put_text("empty.mbox", "");
	assert_kind("maildir", "maildir");
	assert_kind("nested", "maildir");
	assert_kind("tree", "eml");
	assert_kind("an.mbox", "mbox");
	assert_kind("empty.mbox", "mbox");
	assert_kind("-", "list");
}

static void a_scheme_says_what_it_is(void **state)
{
	(void)state;
	put_text("list", "a\n");
	put_maildir("maildir");
	assert_kind("list:list", "list");
	assert_kind("list:-", "list");
	assert_kind("eml:maildir", "eml");
}

static void a_name_with_a_colon_is_a_path_where_there_is_one(void **state)
{
	(void)state;
	put_text("2019:all.mbox", MAIL);
	assert_kind("2019:all.mbox", "mbox");
	assert_refused("2020:all.mbox", HSMIME_EUSAGE, "no mailbox that hsmime knows");
}

static void what_is_none_of_its_kind_is_refused(void **state)
{
	(void)state;
	put_text("text", "Subject: no mbox\n");
	put_text("almost", "From: a@example.org\n");
	put_folder("folder");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_refused("text", HSMIME_EUSAGE, "is not an mbox");
	assert_refused("mbox:almost", HSMIME_EUSAGE, "is not an mbox");
	assert_refused("mbox:folder", HSMIME_EUSAGE, "is not an mbox");
	assert_refused("mbox:fifo", HSMIME_EUSAGE, "is not an mbox");
	assert_refused("fifo", HSMIME_EUSAGE, "no mailbox");
	assert_refused("maildir:folder", HSMIME_EUSAGE, "is not a Maildir");
	assert_refused("maildir:text", HSMIME_EUSAGE, "is not a Maildir");
	assert_refused("eml:text", HSMIME_EUSAGE, "is not a tree");
	assert_refused("list:folder", HSMIME_EUSAGE, "is not a list");
	assert_refused("maildir:", HSMIME_EUSAGE, "names no mailbox");
	assert_refused("", HSMIME_EIO, "can't open");
}

static void what_is_missing_is_said_to_be(void **state)
{
	static const char *const names[] = { "none", "maildir:none", "eml:none", "mbox:none",
		"list:none" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_refused(names[i], HSMIME_EIO, "No such file");
}

static void nothing_is_closed_and_freed(void **state)
{
	struct mail_item item = { 0 };

	(void)state;
	mail_source_close(NULL);
	mail_item_free(&item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_mailbox_is_recognised_by_what_it_is, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_scheme_says_what_it_is, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_name_with_a_colon_is_a_path_where_there_is_one, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    what_is_none_of_its_kind_is_refused, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    what_is_missing_is_said_to_be, scratch_enter, scratch_leave),
		cmocka_unit_test(nothing_is_closed_and_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
