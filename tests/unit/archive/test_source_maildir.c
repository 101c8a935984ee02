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

/* The mailbox m with one message, listed: *item, to be freed. */
static struct mail_source *with_one(struct mail_item *item, const char *path)
{
	struct mail_source *s;
	bool more;

	put_maildir("m");
	put_maildir("m/.Sent");
	put_mail(path);
	s = opened("maildir:m");
	assert_int_equal(mail_source_next(item, &more, s, NULL), 0);
	assert_true(more);
	return s;
}

static void a_message_is_found_again_by_its_unique_part(void **state)
{
	static const struct {
		const char *was, *is, *key;
	} rows[] = {
		{ "m/cur/1.host:2,S", "m/cur/1.host:2,RS", "1.host" },
		{ "m/cur/1.host:2,S", "m/cur/1.host", "1.host" },
		{ "m/cur/1.host:2,S", "m/new/1.host", "1.host" },
		{ "m/new/1.host", "m/cur/1.host:2,", "1.host" },
		{ "m/.Sent/new/1.host,S=5", "m/.Sent/cur/1.host,S=5:2,FS", ".Sent/1.host,S=5" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mail_item item;
		struct mail_source *s = with_one(&item, rows[i].was);

		put_text("m/cur/1.hos", "another");
		put_text("m/cur/1.host2:2,S", "another");
		put_text("m/.Sent/cur/1.host", "another");
		assert_string_equal(item.key, rows[i].key);
		assert_int_equal(rename(rows[i].was, rows[i].is), 0);
		assert_content(s, &item, TEXT, sizeof(TEXT) - 1);
		assert_int_equal(unlink(rows[i].is), 0);
		mail_item_free(&item);
		mail_source_close(s);
		assert_int_equal(mailbox_leave(state), 0);
		assert_int_equal(mailbox_enter(state), 0);
	}
}

static void a_message_that_vanished_is_said_to_have(void **state)
{
	struct mail_item item;
	struct mail_source *s = with_one(&item, "m/.Sent/cur/1.host:2,S");

	(void)state;
	put_mail("m/.Sent/cur/1.host2:2,S");
	put_mail("m/cur/1.host:2,S");
	assert_int_equal(unlink("m/.Sent/cur/1.host:2,S"), 0);
	assert_unreadable(s, &item, "is not there any more");
	assert_int_equal(rename("m/.Sent", "m/.Was"), 0);
	assert_unreadable(s, &item, "is not there any more");
	mail_item_free(&item);
	mail_source_close(s);
}

static void a_message_that_changed_is_not_read(void **state)
{
	struct mail_item item;
	struct mail_source *s = with_one(&item, "m/cur/1:2,S");

	(void)state;
	touch("m/cur/1:2,S", 5);
	assert_unreadable(s, &item, "was changed");
	put_text("m/cur/1:2,S", "shorter");
	assert_unreadable(s, &item, "was changed");
	assert_int_equal(unlink("m/cur/1:2,S"), 0);
	assert_int_equal(mkfifo("m/cur/1:2,S", 0600), 0);
	assert_unreadable(s, &item, "is not a file");
	assert_int_equal(unlink("m/cur/1:2,S"), 0);
	put_folder("m/cur/1:2,S");
	assert_unreadable(s, &item, "is not a file");
	assert_int_equal(rmdir("m/cur/1:2,S"), 0);
	put_mail("elsewhere");
	assert_int_equal(symlink("../../elsewhere", "m/cur/1:2,S"), 0);
	assert_unreadable(s, &item, "is not a file");
	mail_item_free(&item);
	mail_source_close(s);
}

static void what_is_no_file_is_passed_over_and_counted(void **state)
{
	struct mail_source *s;
	struct listing l;

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
	s = opened("m");
	l = list_all(s);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.failures, 0);
	assert_int_equal(s->passed_over, 5);
	listing_free(&l);
	mail_source_close(s);
}

static void a_folder_that_vanishes_costs_itself_alone(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_maildir("m");
	put_maildir("m/.A");
	put_mail("m/cur/1");
	put_mail("m/.A/cur/2");
	s = opened("m");
	assert_int_equal(rename("m/new", "m/gone"), 0);
	l = list_all(s);
	assert_int_equal(l.failures, 1);
	assert_non_null(strstr(l.err.message, "new"));
	assert_int_equal(l.count, 2);
	listing_free(&l);
	mail_source_close(s);
}

/* What moves from new to cur while it is listed. */
static void no_message_is_missed_that_moves_meanwhile(void **state)
{
	struct mail_source *s;
	struct mail_item item;
	unsigned seen = 0;
	bool more;

	(void)state;
	put_maildir("m");
	put_mail("m/new/1");
	put_mail("m/new/2");
	s = opened("m");
	assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
	mail_item_free(&item);
	/* Both, of which one was not listed yet; what the open folder still gives is not there. */
	assert_int_equal(rename("m/new/1", "m/cur/1:2,S"), 0);
	assert_int_equal(rename("m/new/2", "m/cur/2:2,S"), 0);
	while (mail_source_next(&item, &more, s, NULL) == 0 && more) {
		assert_true(strcmp(item.key, "1") == 0 || strcmp(item.key, "2") == 0);
		assert_memory_equal(item.name, "cur/", 4);
		seen |= 1U << (item.key[0] - '1');
		mail_item_free(&item);
	}
	assert_int_equal(seen, 3);
	mail_source_close(s);
}

static void a_message_that_vanishes_meanwhile_is_none(void **state)
{
	struct mail_source *s;
	struct mail_item item;
	struct listing l;
	bool more;

	(void)state;
	put_maildir("m");
	put_mail("m/cur/1");
	put_mail("m/cur/2");
	put_mail("m/cur/3");
	s = opened("m");
	assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
	for (char name[] = "m/cur/1"; name[6] <= '3'; name[6]++)
		assert_int_equal(unlink(name), 0);
	/* One that is there again, and no message. */
	put_folder(item.key[0] == '1' ? "m/cur/2:2,S" : "m/cur/1:2,S");
	l = list_all(s);
	assert_int_equal(l.count, 0);
	assert_int_equal(l.failures, 0);
	assert_int_equal(s->passed_over, 1);
	listing_free(&l);
	mail_item_free(&item);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    messages_of_new_and_cur_are_listed, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    sub_folders_are_listed_dotted_and_nested, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    folders_beside_each_other_are_a_maildir_too, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    an_empty_maildir_has_no_message, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    the_octets_are_those_of_the_file, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    names_may_hold_any_octet, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    a_message_is_found_again_by_its_unique_part, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    a_message_that_vanished_is_said_to_have, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    a_message_that_changed_is_not_read, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    what_is_no_file_is_passed_over_and_counted, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    a_folder_that_vanishes_costs_itself_alone, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    no_message_is_missed_that_moves_meanwhile, mailbox_enter, mailbox_leave),
		cmocka_unit_test_setup_teardown(
		    a_message_that_vanishes_meanwhile_is_none, mailbox_enter, mailbox_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
