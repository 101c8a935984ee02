/* util/output.h: what is held back until the commit. */
#include "outputs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void what_is_held_leaves_with_the_commit(void **state)
{
	unsigned char *data = octets(LARGE);
	static const size_t sizes[] = { 0, 5, LARGE };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct catch c;
		hsmime_output *o = to_catch(&c, true, 0);
		int fd = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
		struct buffer b;

		assert_int_equal(put(o, data, sizes[i]), 0);
		assert_int_equal(c.writes, 0);
		assert_int_equal(output_size(o), sizes[i]);
		assert_int_equal(output_commit(o, &err), 0);
		assert_octets(&c.got, data, sizes[i]);
		hsmime_output_free(o);
		catch_close(&c);
		o = to_fd(fd, true);
		assert_int_equal(put(o, data, sizes[i]), 0);
		assert_int_equal(lseek(fd, 0, SEEK_END), 0);
		assert_int_equal(output_commit(o, &err), 0);
		hsmime_output_free(o);
		fd_content(&b, fd);
		assert_octets(&b, data, sizes[i]);
		buffer_free(&b);
		close(fd);
	}
	free(data);
}

static void what_is_held_and_not_committed_never_leaves(void **state)
{
	unsigned char *data = octets(LARGE);
	struct catch c;
	hsmime_output *o = to_catch(&c, true, 0);

	(void)state;
	assert_int_equal(put(o, data, LARGE), 0);
	hsmime_output_free(o);
	assert_int_equal(c.writes, 0);
	catch_close(&c);
	free(data);
}

static void no_more_is_held_than_allowed(void **state)
{
	struct catch c;
	hsmime_output *o = to_catch(&c, true, 5);

	(void)state;
	assert_int_equal(put(o, "12345", 5), 0);
	assert_int_equal(put(o, "6", 1), HSMIME_EPOLICY);
	assert_string_equal(err.message, "the output is larger than the spool may be");
	assert_int_equal(output_size(o), 5);
	hsmime_output_free(o);
	assert_int_equal(c.writes, 0);
	catch_close(&c);
}

static void a_commit_needs_nobody_to_listen(void **state)
{
	struct catch c;
	hsmime_output *o = to_catch(&c, true, 0);

	(void)state;
	c.limit = 0;
	assert_int_equal(put(o, "abc", 3), 0);
	assert_int_equal(output_commit(o, NULL), HSMIME_EIO);
	hsmime_output_free(o);
	catch_close(&c);
}

static void what_is_held_can_be_read_back(void **state)
{
	unsigned char *data = octets(LARGE), octet;

	(void)state;
	for (int file = 0; file <= 1; file++) {
		struct catch c = { .writes = 0 };
		hsmime_output *o = file ? to_file("out") : to_catch(&c, true, 0);
		hsmime_source back;

		assert_int_equal(put(o, data, LARGE), 0);
		output_source(&back, o);
		assert_reads_back(&back, data, LARGE);
		assert_int_equal(source_seek(&back, 7), 0);
		assert_int_equal(back.read(back.arg, &octet, 1), 1);
		assert_int_equal(octet, data[7]);
		output_source(&back, o); /* from the start again */
		assert_reads_back(&back, data, LARGE);
		assert_int_equal(put(o, "more", 4), 0);
		assert_int_equal(output_size(o), LARGE + 4);
		hsmime_output_free(o);
		catch_close(&c);
	}
	free(data);
}

static void after_a_restart_only_the_new_content_leaves(void **state)
{
	unsigned char *data = octets(LARGE);

	(void)state;
	for (int file = 0; file <= 1; file++) {
		struct catch c = { .writes = 0 };
		hsmime_output *o = file ? to_file("out") : to_catch(&c, true, 0);
		struct output_old *old = NULL;
		hsmime_source back;

		assert_int_equal(put(o, data, LARGE), 0);
		assert_int_equal(output_restart(&old, &back, o, &err), 0);
		assert_int_equal(output_size(o), 0);
		assert_int_equal(put(o, "new", 3), 0);
		assert_reads_back(&back, data, LARGE);
		assert_int_equal(source_seek(&back, LARGE - 1), 0);
		assert_int_equal(put(o, "er", 2), 0);
		output_old_free(old);
		assert_int_equal(output_commit(o, &err), 0);
		if (file)
			assert_file("out", "newer");
		else
			assert_octets(&c.got, "newer", 5);
		hsmime_output_free(o);
		catch_close(&c);
	}
	assert_int_equal(folder_count(), 1);
	output_old_free(NULL);
	free(data);
}

static void a_restart_without_a_commit_leaves_nothing(void **state)
{
	hsmime_output *o = NULL;
	struct output_old *old = NULL;
	hsmime_source back;

	(void)state;
	file_put("out", "before");
	o = to_file("out");
	assert_int_equal(put(o, "one", 3), 0);
	assert_int_equal(output_restart(&old, &back, o, &err), 0);
	assert_int_equal(put(o, "two", 3), 0);
	assert_int_equal(folder_count(), 3);
	hsmime_output_free(o);
	output_old_free(old);
	assert_file("out", "before");
	assert_int_equal(folder_count(), 1);
}

static void a_path_that_is_no_file_is_held_too(void **state)
{
	hsmime_output *o = NULL;
	char buf[10];
	int reader;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	assert_int_equal(hsmime_output_file(&o, "fifo"), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "later", 5), 0);
	assert_int_equal(read(reader, buf, sizeof(buf)), -1); /* nothing there yet */
	assert_int_equal(output_commit(o, &err), 0);
	assert_int_equal(read(reader, buf, sizeof(buf)), 5);
	hsmime_output_free(o);
	close(reader);
}

#define test(name) cmocka_unit_test_teardown(name, outputs_empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_is_held_leaves_with_the_commit),
		test(what_is_held_and_not_committed_never_leaves),
		test(no_more_is_held_than_allowed),
		test(a_commit_needs_nobody_to_listen),
		test(what_is_held_can_be_read_back),
		test(after_a_restart_only_the_new_content_leaves),
		test(a_restart_without_a_commit_leaves_nothing),
		test(a_path_that_is_no_file_is_held_too),
	};

	return cmocka_run_group_tests(tests, outputs_setup, folder_leave);
}
