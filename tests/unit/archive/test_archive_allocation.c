/*
 * Each allocation of this layer fails in turn: out of memory is what comes back, and no message is
 * passed over in silence.
 */
#include "failing_allocation.h"
#include "mbox_support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define TURNS_MAX 500

DIR *__real_fdopendir(int fd);
DIR *__real_opendir(const char *name);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_opendir(const char *name);

DIR *__wrap_fdopendir(int fd)
{
	return allocation_fails() ? NULL : __real_fdopendir(fd);
}

DIR *__wrap_opendir(const char *name)
{
	return allocation_fails() ? NULL : __real_opendir(name);
}

static int read_one(struct mail_source *s, const struct mail_item *item, struct error *err)
{
	struct mail_octets o;
	int status = mail_source_read(&o, s, item, err);
	ptrdiff_t got = 1;
	size_t len = 0;
	char buf[100];

	while (status == 0 && got > 0) {
		got = o.source.read(o.source.arg, buf, sizeof(buf));
		assert_true(got >= 0);
		len += (size_t)got;
	}
	assert_true(status != 0 || len == o.source.size);
	mail_octets_close(&o, s);
	return status;
}

/* The mailbox listed and read: 0 and *count, or what failed. */
static int use(size_t *count, const char *name, struct error *err)
{
	struct mail_source *s = NULL;
	struct mail_item item;
	bool more = true;
	int status = mail_source_open(&s, name, err);

	*count = 0;
	assert_int_equal(s != NULL, status == 0);
	while (status == 0 && more) {
		status = mail_source_next(&item, &more, s, err);
		/* Nobody goes on behind a message that there was no memory for. */
		assert_true(status == 0 || !more);
		if (status == 0 && more) {
			*count += 1;
			status = read_one(s, &item, err);
		}
		mail_item_free(&item);
	}
	mail_source_close(s);
	return status;
}

static int open_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void in_turn(const char *name, size_t want)
{
	int files = open_files();
	unsigned turn;

	for (turn = 1; turn < TURNS_MAX; turn++) {
		struct error err = { .code = 0 };
		size_t count;
		int status;

		allocation_fail(turn);
		status = use(&count, name, &err);
		allocation_fail(0);
		assert_int_equal(open_files(), files);
		if (!allocation_failed()) {
			assert_int_equal(status, 0);
			assert_int_equal(count, want);
			break;
		}
		if (status != HSMIME_ENOMEM || err.code != HSMIME_ENOMEM)
			fail_msg("%s, turn %u: %d, %s", name, turn, status, err.message);
	}
	assert_in_range(turn, 5, TURNS_MAX - 1);
}

static void a_mailbox_is_read_or_memory_is_short(void **state)
{
	(void)state;
	put_maildir("maildir");
	put_text("maildir/new/1", "1");
	put_text("maildir/cur/2:2,S", "2");
	put_maildir("maildir/.Sent");
	put_text("maildir/.Sent/cur/3:2,S", "3");
	put_text("tree/1.eml", "1");
	put_text("tree/a/b/2.p7m", "2");
	put_text("mbox", FROM "A: b\n\n" FROM ">From c\n");
	put_text("list", "tree/1.eml\nmbox\n");
	in_turn("maildir:maildir", 3);
	in_turn("maildir", 3);
	in_turn("eml:tree", 2);
	in_turn("tree", 2);
	in_turn("mbox", 2);
	in_turn("list:list", 2);
}

static void a_message_that_moved_is_found_or_memory_is_short(void **state)
{
	struct mail_source *s;
	struct listing l;
	unsigned turn;

	(void)state;
	put_maildir("maildir");
	put_text("maildir/new/1", "1");
	s = opened("maildir");
	l = list_all(s);
	assert_int_equal(l.count, 1);
	assert_int_equal(rename("maildir/new/1", "maildir/cur/1:2,S"), 0);
	for (turn = 1; turn == 1 || allocation_failed(); turn++) {
		struct error err = { .code = 0 };
		int status;

		allocation_fail(turn);
		status = read_one(s, l.items, &err);
		allocation_fail(0);
		assert_int_equal(status, allocation_failed() ? HSMIME_ENOMEM : 0);
	}
	assert_in_range(turn, 4, TURNS_MAX);
	listing_free(&l);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_mailbox_is_read_or_memory_is_short, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_message_that_moved_is_found_or_memory_is_short, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
