/* archive/source_maildir.c: mailboxes that other programs write to meanwhile. */
#include "mailbox.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT "Subject: a\r\n\r\nwith \0 and \xff, and no line end"

static void put_mail(const char *path)
{
	put(path, TEXT, sizeof(TEXT) - 1);
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
		assert_int_equal(scratch_leave(state), 0);
		assert_int_equal(scratch_enter(state), 0);
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
	assert_changes_seen(s, &item, "m/cur/1:2,S");
	mail_item_free(&item);
	mail_source_close(s);
}

/* One that is cut, or written anew, between its opening and its end. */
static void a_message_that_changes_while_it_is_read_does_not_end_well(void **state)
{
	for (int how = 0; how < 2; how++) {
		struct mail_item item;
		struct mail_source *s = with_one(&item, "m/cur/1:2,S");
		struct mail_octets o;
		char buf[100];
		ptrdiff_t got;

		assert_int_equal(mail_source_read(&o, s, &item, NULL), 0);
		assert_int_equal(o.source.read(o.source.arg, buf, 5), 5);
		if (how == 0)
			assert_int_equal(truncate("m/cur/1:2,S", 8), 0);
		else
			touch("m/cur/1:2,S", 5);
		while ((got = o.source.read(o.source.arg, buf, sizeof(buf))) > 0)
			;
		assert_int_equal(got, HSMIME_EIO);
		mail_octets_close(&o, s);
		mail_item_free(&item);
		mail_source_close(s);
		assert_int_equal(scratch_leave(state), 0);
		assert_int_equal(scratch_enter(state), 0);
	}
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

#define MANY 4000

/* Of a folder that is read in parts: some new names come before where the reading is, and some behind. */
static void no_message_is_missed_whose_flags_change_meanwhile(void **state)
{
	static unsigned seen[MANY];
	struct mail_source *s;
	struct mail_item item;
	struct listing l;
	char was[64], is[64];
	bool more;

	(void)state;
	memset(seen, 0, sizeof(seen));
	put_maildir("m");
	for (int i = 0; i < MANY; i++) {
		snprintf(was, sizeof(was), "m/cur/%d.host:2,", i);
		put_text(was, "x");
	}
	s = opened("m");
	assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
	seen[strtoul(item.key, NULL, 10)]++;
	mail_item_free(&item);
	for (int i = 0; i < MANY; i++) {
		snprintf(was, sizeof(was), "m/cur/%d.host:2,", i);
		snprintf(is, sizeof(is), "m/cur/%d.host:2,S", i);
		assert_int_equal(rename(was, is), 0);
	}
	l = list_all(s);
	assert_int_equal(l.failures, 0);
	for (size_t i = 0; i < l.count; i++)
		seen[strtoul(l.items[i].key, NULL, 10)]++;
	for (int i = 0; i < MANY; i++)
		assert_true(seen[i] > 0);
	listing_free(&l);
	mail_source_close(s);
}

/* Nobody waits for ever for a folder to rest, and nobody takes what was seen of it for all. */
static void a_folder_that_changes_all_the_time_is_an_error(void **state)
{
	struct mail_source *s;
	struct mail_item item;
	bool more = true;
	int status = 0;
	struct error err = { 0 };

	(void)state;
	put_maildir("m");
	put_maildir("m/.A");
	put_mail("m/cur/1:2,");
	put_mail("m/.A/cur/2:2,");
	s = opened("m");
	for (int i = 0; status == 0 && more && i < 1000; i++) {
		status = mail_source_next(&item, &more, s, &err);
		mail_item_free(&item);
		touch("m/cur", 1000 + i);
	}
	assert_int_equal(status, HSMIME_EIO);
	assert_non_null(strstr(err.message, "changes all the time"));
	assert_true(more);
	assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
	assert_string_equal(item.key, ".A/2");
	mail_item_free(&item);
	mail_source_close(s);
}

static unsigned folders_read;

/* The archive's calls come here, as this program has the name first. */
DIR *fdopendir(int fd) __attribute__((visibility("default")));

DIR *fdopendir(int fd)
{
	static DIR *(*real)(int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fdopendir");
	folders_read++;
	return real(fd);
}

static void a_folder_is_not_read_for_each_message_that_was_marked(void **state)
{
	static const char *const now[] = { "cur/1.host:2,a", "cur/1.host:2,Sa", "cur/1.host:2,RSTa",
		"cur/1.host:2,DFPRSTa", "new/1.host" };
	struct mail_item item;
	struct mail_source *s = with_one(&item, "m/cur/1.host:2,Fa");
	char was[64] = "m/cur/1.host:2,Fa", is[64];

	(void)state;
	for (size_t i = 0; i < sizeof(now) / sizeof(now[0]); i++) {
		struct buffer b;

		snprintf(is, sizeof(is), "m/%s", now[i]);
		assert_int_equal(rename(was, is), 0);
		snprintf(was, sizeof(was), "%s", is);
		folders_read = 0;
		assert_int_equal(content(&b, s, &item, 100), 0);
		assert_int_equal(b.len, sizeof(TEXT) - 1);
		buffer_free(&b);
		/* From cur to new no program moves them. */
		assert_int_equal(folders_read, i == 4);
	}
	mail_item_free(&item);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_found_again_by_its_unique_part),
		TEST(a_message_that_vanished_is_said_to_have),
		TEST(a_message_that_changed_is_not_read),
		TEST(a_message_that_changes_while_it_is_read_does_not_end_well),
		TEST(a_folder_that_vanishes_costs_itself_alone),
		TEST(no_message_is_missed_that_moves_meanwhile),
		TEST(no_message_is_missed_whose_flags_change_meanwhile),
		TEST(a_folder_that_changes_all_the_time_is_an_error),
		TEST(a_folder_is_not_read_for_each_message_that_was_marked),
		TEST(a_message_that_vanishes_meanwhile_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
