/* archive/source_maildir.c: Maildir and Maildir++. */
#include "mailbox.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT "Subject: a\r\n\r\nwith \0 and \xff, and no line end"

static void put_mail(const char *path)
{
	put(path, TEXT, sizeof(TEXT) - 1);
}

static void messages_of_new_and_cur_are_listed(void **state)
{
	(void)state;
	put_maildir("m");
	put_mail("m/new/1.host");
	put_mail("m/cur/2.host:2,S");
	put_mail("m/cur/3.host");
	put_mail("m/tmp/4.host");
	put_mail("m/cur/.nfs0001");
	put_mail("m/dovecot-uidlist");
	assert_names("m", "cur/2.host:2,S", "cur/3.host", "new/1.host", NULL);
}

static void sub_folders_are_listed_dotted_and_nested(void **state)
{
	(void)state;
	put_maildir("m");
	put_maildir("m/.Sent");
	put_maildir("m/.Sent.2019");
	put_maildir("m/Archive/2020/tmp");
	put_mail("m/.Sent/cur/1.host:2,S");
	put_mail("m/.Sent.2019/new/2.host");
	put_mail("m/Archive/2020/tmp/cur/3.host:2,");
	put_mail("m/Archive/2020/no.message");
	put_mail("m/tmp/deep/cur/4.host");
	put_mail("m/.Sent/tmp/5.host");
	assert_names("maildir:m", ".Sent.2019/new/2.host", ".Sent/cur/1.host:2,S",
	    "Archive/2020/tmp/cur/3.host:2,", NULL);
}

static void folders_beside_each_other_are_a_maildir_too(void **state)
{
	(void)state;
	put_maildir("m/inbox");
	put_maildir("m/sent");
	put_mail("m/inbox/new/1.host");
	put_mail("m/sent/cur/1.host:2,S");
	put_folder("m/half/cur");
	put_mail("m/half/cur/2.host:2,S");
	assert_names("maildir:m", "inbox/new/1.host", "sent/cur/1.host:2,S", NULL);
}

static void an_empty_maildir_has_no_message(void **state)
{
	(void)state;
	put_maildir("m");
	assert_names("maildir:m", NULL);
}

static void the_octets_are_those_of_the_file(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_maildir("m");
	put("m/new/0", "", 0);
	put_mail("m/new/1");
	touch("m/new/1", 1000000000);
	s = opened("maildir:m");
	l = list_all(s);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.items[0].size, 0);
	assert_content(s, &l.items[0], "", 0);
	assert_int_equal(l.items[1].size, sizeof(TEXT) - 1);
	assert_int_equal(l.items[1].modified, 1000000000 * INT64_C(1000000000) + 5);
	assert_content(s, &l.items[1], TEXT, sizeof(TEXT) - 1);
	listing_free(&l);
	mail_source_close(s);
}

static void names_may_hold_any_octet(void **state)
{
	(void)state;
	put_maildir("m");
	put_mail("m/cur/a\nb\xff\x1b[m:2,S");
	put_mail("m/new/ ");
	assert_names("m", "cur/a\nb\xff\x1b[m:2,S", "new/ ", NULL);
}

static void what_is_no_file_is_passed_over_and_counted(void **state)
{
	(void)state;
	put_maildir("m");
	put_maildir("other");
	put_mail("other/cur/9");
	put_mail("m/cur/1");
	put_folder("m/cur/folder");
	assert_int_equal(mkfifo("m/new/fifo", 0600), 0);
	assert_int_equal(symlink("1", "m/cur/link"), 0);
	assert_int_equal(symlink("../other", "m/.Other"), 0);
	assert_int_equal(symlink("..", "m/loop"), 0);
	assert_int_equal(symlink("nowhere", "m/dangling"), 0);
	assert_int_equal(passed_over("m"), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_of_new_and_cur_are_listed),
		TEST(sub_folders_are_listed_dotted_and_nested),
		TEST(folders_beside_each_other_are_a_maildir_too),
		TEST(an_empty_maildir_has_no_message),
		TEST(the_octets_are_those_of_the_file),
		TEST(names_may_hold_any_octet),
		TEST(what_is_no_file_is_passed_over_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
