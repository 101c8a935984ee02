/* archive/source_list.c: paths, one a line. */
#include "mailbox.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void lines_are_paths_in_their_order(void **state)
{
	struct mail_source *s;
	struct mail_item item;
	bool more;

	(void)state;
	put_text("b", "2");
	put_text("a", "1");
	put_text("list", "b\na\nb\n");
	s = opened("list:list");
	for (const char *want = "bab"; *want != '\0'; want++) {
		assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
		assert_true(more);
		assert_int_equal(item.name[0], *want);
		assert_content(s, &item, *want == 'a' ? "1" : "2", 1);
		mail_item_free(&item);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
		assert_false(more);
	}
	mail_source_close(s);
}

static void assert_list(const char *octets, size_t len, const char *first, const char *second)
{
	put("list", octets, len);
	assert_names("list:list", first, second, NULL);
}

#define LIST(text) text, sizeof(text) - 1

static void lines_end_in_any_way(void **state)
{
	(void)state;
	assert_list(LIST("a b\nc\n"), "a b", "c");
	assert_list(LIST("a b\r\nc\r\n"), "a b", "c");
	assert_list(LIST("a\nb"), "a", "b");
	assert_list(LIST("a\r\nb\r"), "a", "b");
	assert_list(LIST("\n\na\n\r\nb\n\n"), "a", "b");
	assert_list(LIST("a\rb\n\xff\x01\n"), "a\rb", "\xff\x01");
	assert_list(LIST("a"), "a", NULL);
	assert_list(LIST(""), NULL, NULL);
	assert_list(LIST("\n\r\n"), NULL, NULL);
}

static void nul_separates_where_the_first_separator_is_one(void **state)
{
	(void)state;
	assert_list(LIST("a\0b\0"), "a", "b");
	assert_list(LIST("a\0b\nc\r\n\0"), "a", "b\nc\r\n");
	assert_list(LIST("a\0\0b"), "a", "b");
	assert_list(LIST("a\r\0b\r"), "a\r", "b\r");
}

static void a_line_that_is_no_path_is_named_and_costs_itself_alone(void **state)
{
	static const size_t lengths[] = { PATH_MAX, PATH_MAX + 1, 65535, 65536, 65537, 300000 };
	char *text = malloc(300100);

	(void)state;
	for (size_t i = 0; i <= 6; i++) {
		/* The last ones are where the list ends. */
		for (int end = 0; end < 2; end++) {
			size_t len = i < 6 ? lengths[i] : 3;
			size_t n = 3;
			struct mail_source *s;
			struct listing l;

			memcpy(text, "a\n\n", 3);
			memset(text + n, 'x', len);
			if (i == 6)
				text[n + 1] = '\0';
			n += len;
			memcpy(text + n, "\r\nb\n", 4);
			n += end ? 0 : 4;
			put("list", text, n);
			s = opened("list:list");
			l = list_all(s);
			assert_int_equal(l.failures, 1);
			assert_int_equal(l.err.code, HSMIME_EUSAGE);
			assert_non_null(strstr(l.err.message, "line 3 "));
			assert_int_equal(l.count, end ? 1 : 2);
			assert_string_equal(l.items[l.count - 1].name, end ? "a" : "b");
			listing_free(&l);
			mail_source_close(s);
		}
	}
	free(text);
}

static void a_path_may_be_as_long_as_the_system_takes(void **state)
{
	char text[PATH_MAX + 8];
	size_t n = PATH_MAX - 1;

	(void)state;
	for (int cr = 0; cr < 2; cr++) {
		struct mail_source *s;
		struct listing l;

		memset(text, 'x', n);
		memcpy(text + n, "\r\n", 2);
		if (!cr)
			text[n] = '\n';
		put("list", text, n + 1 + (size_t)cr);
		s = opened("list:list");
		l = list_all(s);
		assert_int_equal(l.failures, 0);
		assert_int_equal(l.count, 1);
		assert_int_equal(strlen(l.items[0].name), n);
		listing_free(&l);
		mail_source_close(s);
	}
}

static void lines_may_lie_at_the_buffer_s_edge(void **state)
{
	const size_t len = 4000, lines = 40;
	char *text = malloc(lines * (len + 1));
	struct mail_source *s;
	struct listing l;

	(void)state;
	memset(text, 'x', lines * (len + 1));
	for (size_t i = 0; i < lines; i++)
		text[i * (len + 1) + len] = '\n';
	put("list", text, lines * (len + 1));
	s = opened("list:list");
	l = list_all(s);
	assert_int_equal(l.failures, 0);
	assert_int_equal(l.count, lines);
	for (size_t i = 0; i < lines; i++)
		assert_int_equal(strlen(l.items[i].name), len);
	listing_free(&l);
	mail_source_close(s);
	free(text);
}

static void what_is_no_file_fails_when_it_is_read(void **state)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "missing", "missing is not there" },
		{ "folder", "folder is not a file" },
		{ "fifo", "fifo is not a file" },
		{ "loop", "loop is not a file" },
		{ "file/below", "is not there" },
	};
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_folder("folder");
	put_text("file", "x");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_text("list", rows[i].name);
		s = opened("list:list");
		l = list_all(s);
		assert_int_equal(l.failures, 0);
		assert_int_equal(l.count, 1);
		assert_unreadable(s, l.items, rows[i].words);
		listing_free(&l);
		mail_source_close(s);
	}
}

static void a_link_that_a_person_names_is_followed(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	put_text("file", "x");
	assert_int_equal(symlink("file", "link"), 0);
	put_text("list", "link\nfile\n");
	s = opened("list:list");
	l = list_all(s);
	assert_int_equal(l.count, 2);
	assert_content(s, &l.items[1], "x", 1);
	touch("file", 5);
	assert_unreadable(s, &l.items[1], "was changed");
	assert_int_equal(unlink("file"), 0);
	assert_unreadable(s, &l.items[0], "is not there any more");
	listing_free(&l);
	mail_source_close(s);
}

static void standard_input_gives_a_path_as_soon_as_it_is_there(void **state)
{
	static const char *const names[] = { "-", "list:-" };
	struct mail_item item;
	bool more;
	int pipes[2], was = dup(STDIN_FILENO);

	(void)state;
	put_text("a", "x");
	for (size_t i = 0; i < 2; i++) {
		struct mail_source *s;

		assert_int_equal(pipe(pipes), 0);
		assert_int_equal(dup2(pipes[0], STDIN_FILENO), STDIN_FILENO);
		close(pipes[0]);
		s = opened(names[i]);
		/* The writer waits for what comes of the first before it gives the second. */
		assert_int_equal(write(pipes[1], "a\nb", 3), 3);
		assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
		assert_string_equal(item.name, "a");
		mail_item_free(&item);
		close(pipes[1]);
		assert_int_equal(mail_source_next(&item, &more, s, NULL), 0);
		assert_string_equal(item.name, "b");
		mail_item_free(&item);
		mail_source_close(s);
		assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	}
	assert_int_equal(dup2(was, STDIN_FILENO), STDIN_FILENO);
	close(was);
}

static void a_list_that_can_not_be_read_on_ends(void **state)
{
	struct mail_source *s;
	struct listing l;

	(void)state;
	/* Its first page is not mapped. */
	s = opened("list:/proc/self/mem");
	l = list_all(s);
	assert_int_equal(l.failures, 1);
	assert_int_equal(l.err.code, HSMIME_EIO);
	assert_int_equal(l.count, 0);
	listing_free(&l);
	mail_source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    lines_are_paths_in_their_order, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(lines_end_in_any_way, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    nul_separates_where_the_first_separator_is_one, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_line_that_is_no_path_is_named_and_costs_itself_alone, scratch_enter,
		    scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_path_may_be_as_long_as_the_system_takes, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    what_is_no_file_fails_when_it_is_read, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_link_that_a_person_names_is_followed, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(standard_input_gives_a_path_as_soon_as_it_is_there,
		    scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    a_list_that_can_not_be_read_on_ends, scratch_enter, scratch_leave),
		cmocka_unit_test_setup_teardown(
		    lines_may_lie_at_the_buffer_s_edge, scratch_enter, scratch_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
