/* archive/source_tree.c: files *.eml and *.p7m below a folder. */
#include "mailbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/walk.h"

#define MANY 100000

static void files_are_taken_by_their_names_ends(void **state)
{
	(void)state;
	put_text("t/a.eml", "1");
	put_text("t/B.EML", "2");
	put_text("t/c.p7m", "3");
	put_text("t/d.P7m", "4");
	put_text("t/.eml", "5");
	put_text("t/e.mht", "no");
	put_text("t/f.eml.bak", "no");
	put_text("t/eml", "no");
	put_text("t/gp7m", "no");
	assert_names("eml:t", ".eml", "B.EML", "a.eml", "c.p7m", "d.P7m", NULL);
}

static void folders_are_gone_into(void **state)
{
	(void)state;
	put_text("t/a/b/c/1.eml", "1");
	put_text("t/a/2.eml", "2");
	put_text("t/folder.eml/3.eml", "3");
	put_text("t/\xff\n/4.eml", "4");
	put_folder("t/empty");
	assert_names("t", "a/2.eml", "a/b/c/1.eml", "folder.eml/3.eml", "\xff\n/4.eml", NULL);
}

static void an_empty_tree_has_no_message(void **state)
{
	(void)state;
	put_folder("t");
	assert_names("t", NULL);
	assert_names("eml:t/", NULL);
}

static void the_octets_are_those_of_the_file(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put("t/a/0.eml", "", 0);
	put("t/a/1.eml", "\0\r\n>From \n", 10);
	s = opened("t");
	l = list_all(s);
	assert_int_equal(l.count, 2);
	assert_content(s, &l.items[0], "", 0);
	assert_content(s, &l.items[1], "\0\r\n>From \n", 10);
	assert_string_equal(l.items[1].key, "a/1.eml");
	listing_free(&l);
	mail_source_close(s);
}

static void links_and_fifos_are_passed_over_and_counted(void **state)
{
	(void)state;
	put_text("t/1.eml", "1");
	put_text("elsewhere/2.eml", "2");
	assert_int_equal(symlink("1.eml", "t/link.eml"), 0);
	assert_int_equal(symlink("nowhere", "t/dangling.eml"), 0);
	assert_int_equal(symlink("..", "t/loop"), 0);
	assert_int_equal(symlink("../elsewhere", "t/away"), 0);
	assert_int_equal(symlink("1.eml", "t/no-message"), 0);
	assert_int_equal(mkfifo("t/fifo.eml", 0600), 0);
	assert_int_equal(mkfifo("t/fifo", 0600), 0);
	assert_int_equal(passed_over("t"), 5);
}

static void what_vanished_or_changed_is_not_read(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_text("t/a/1.eml", "1");
	s = opened("t");
	l = list_all(s);
	assert_int_equal(l.count, 1);
	assert_changes_seen(s, l.items, "t/a/1.eml");
	listing_free(&l);
	mail_source_close(s);
}

static void what_a_link_in_its_place_leads_to_is_not_read(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_text("t/a/1.eml", "1");
	put_text("elsewhere/1.eml", "1");
	touch("t/a/1.eml", 5);
	touch("elsewhere/1.eml", 5);
	s = opened("t");
	l = list_all(s);
	assert_int_equal(l.count, 1);
	assert_content(s, l.items, "1", 1);
	assert_int_equal(unlink("t/a/1.eml"), 0);
	assert_int_equal(symlink("../../elsewhere/1.eml", "t/a/1.eml"), 0);
	assert_unreadable(s, l.items, "is not a file");
	assert_int_equal(rename("t/a", "t/b"), 0);
	assert_int_equal(symlink("../elsewhere", "t/a"), 0);
	assert_unreadable(s, l.items, "is not there any more");
	listing_free(&l);
	mail_source_close(s);
}

static void a_name_that_leads_out_of_the_tree_is_not_read(void **state)
{
	struct mail_item item = { .name = (char[]){ "a/../../out.eml" }, .size = 3 };
	struct mail_source *s;

	(void)state;
	put_text("t/a/1.eml", "1");
	put_text("out.eml", "out");
	s = opened("t");
	assert_unreadable(s, &item, "is not there");
	mail_source_close(s);
}

/* In the current folder, folders of that name in one another, and a message in the last. */
static void put_deep(const char *name, int depth)
{
	int at = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd;

	for (int i = 0; i < depth; i++) {
		assert_int_equal(mkdirat(at, name, 0700), 0);
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(fd >= 0);
		close(at);
		at = fd;
	}
	fd = openat(at, "1.eml", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "deep", 4), 4);
	close(fd);
	close(at);
}

static void a_path_may_be_longer_than_the_system_takes(void **state)
{
	char name[251];
	struct mail_source *s;
	struct listing l;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	put_folder("t");
	assert_int_equal(chdir("t"), 0);
	put_deep(name, WALK_DEPTH - 1);
	assert_int_equal(chdir(".."), 0);
	s = opened("t");
	l = list_all(s);
	assert_int_equal(l.failures, 0);
	assert_int_equal(l.count, 1);
	assert_true(strlen(l.items[0].name) > 15000);
	assert_content(s, l.items, "deep", 4);
	listing_free(&l);
	mail_source_close(s);
}

static void a_tree_that_is_too_deep_costs_what_lies_too_deep(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_text("t/1.eml", "1");
	assert_int_equal(chdir("t"), 0);
	put_deep("d", WALK_DEPTH);
	assert_int_equal(chdir(".."), 0);
	put_text("t/e/2.eml", "2");
	s = opened("t");
	l = list_all(s);
	assert_int_equal(l.failures, 1);
	assert_non_null(strstr(l.err.message, "folders deep"));
	assert_int_equal(l.count, 2);
	listing_free(&l);
	mail_source_close(s);
}

static int open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n;
}

static void a_hundred_thousand_take_no_more_memory_than_one(void **state)
{
	char path[64], first_path[64];
	struct mail_item item;
	struct mail_source *s;
	size_t first = 0, count = 0;
	int files = 0;
	bool more;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "t/%d/%d.eml", i % 100, i);
		snprintf(first_path, sizeof(first_path), "t/%d/%d.eml", i % 100, i % 100);
		if (i < 100)
			put_text(path, "x");
		else
			assert_int_equal(link(first_path, path), 0);
	}
	s = opened("t");
	while (mail_source_next(&item, &more, s, NULL) == 0 && more) {
		mail_item_free(&item);
		if (++count == 1) {
			first = mallinfo2().uordblks;
			files = open_files();
		}
		if (count % 10000 == 0) {
			assert_true(mallinfo2().uordblks <= first + 1000);
			assert_true(open_files() <= files + 1);
		}
	}
	assert_int_equal(count, MANY);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    files_are_taken_by_their_names_ends, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    folders_are_gone_into, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    an_empty_tree_has_no_message, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    the_octets_are_those_of_the_file, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    links_and_fifos_are_passed_over_and_counted, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    what_vanished_or_changed_is_not_read, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_name_that_leads_out_of_the_tree_is_not_read, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_path_may_be_longer_than_the_system_takes, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_tree_that_is_too_deep_costs_what_lies_too_deep, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_hundred_thousand_take_no_more_memory_than_one, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    what_a_link_in_its_place_leads_to_is_not_read, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
