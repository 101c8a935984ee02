/* util/source.h: sources, slices of them, and what is done with a whole one. */
#include "streams.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int drain_into(struct catch *c, const hsmime_source *source)
{
	hsmime_sink sink = catch_open(c);

	return source_copy(&sink, source);
}

static void memory_is_read_and_read_again(void **state)
{
	hsmime_memory memory = { "hello world", 11, 0 };
	hsmime_source source;
	char buf[20];

	(void)state;
	hsmime_source_memory(&source, &memory);
	assert_int_equal(source.size, 11);
	assert_int_equal(source.read(source.arg, buf, 5), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(source.read(source.arg, buf, 20), 6);
	assert_int_equal(source.read(source.arg, buf, 20), 0);
	assert_int_equal(source_seek(&source, 6), 0);
	assert_int_equal(source.read(source.arg, buf, 20), 5);
	assert_memory_equal(buf, "world", 5);
	assert_int_equal(source_seek(&source, 11), 0);
	assert_int_equal(source.read(source.arg, buf, 20), 0);
	assert_int_equal(source_seek(&source, 12), HSMIME_EIO);
}

static void no_memory_at_all_is_an_end(void **state)
{
	hsmime_memory memory = { NULL, 0, 0 };
	hsmime_source source;
	char octet;

	(void)state;
	hsmime_source_memory(&source, &memory);
	assert_int_equal(source.read(source.arg, &octet, 1), 0);
}

static int scratch_file(const char *content)
{
	char path[] = "source-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void a_file_can_seek_and_knows_its_size(void **state)
{
	int fd = scratch_file("0123456789");
	hsmime_source source;
	hsmime_file file;
	char buf[20];

	(void)state;
	hsmime_source_fd(&source, &file, fd);
	assert_int_equal(source.size, 10);
	assert_int_equal(source.read(source.arg, buf, 20), 10);
	assert_int_equal(source_seek(&source, 7), 0);
	assert_int_equal(source.read(source.arg, buf, 20), 3);
	assert_memory_equal(buf, "789", 3);
	assert_int_equal(source_seek(&source, UINT64_MAX), HSMIME_EIO);
	close(fd);
}

static void a_file_that_changed_is_not_read_again(void **state)
{
	hsmime_source source;
	hsmime_file file;
	struct catch c;

	(void)state;
	for (int grown = 0; grown < 2; grown++) {
		int fd = scratch_file("0123456789");
		const struct timespec times[2] = { { 0, UTIME_OMIT }, { 1000000000, 0 } };

		hsmime_source_fd(&source, &file, fd);
		assert_int_equal(drain_into(&c, &source), 0);
		catch_close(&c);
		assert_int_equal(source_seek(&source, 0), 0);
		if (grown)
			assert_int_equal(pwrite(fd, "x", 1, 10), 1);
		else
			assert_int_equal(futimens(fd, times), 0);
		assert_int_equal(drain_into(&c, &source), HSMIME_EIO);
		catch_close(&c);
		assert_int_equal(source_seek(&source, 0), HSMIME_EIO);
		close(fd);
	}
}

static void a_file_that_stands_elsewhere_is_read_from_there(void **state)
{
	int fd = scratch_file("0123456789");
	hsmime_source source;
	hsmime_file file;
	struct catch c;

	(void)state;
	assert_int_equal(lseek(fd, 4, SEEK_SET), 4);
	hsmime_source_fd(&source, &file, fd);
	assert_int_equal(source.size, HSMIME_SIZE_UNKNOWN);
	assert_int_equal(source_seek(&source, 0), HSMIME_EUSAGE);
	assert_int_equal(drain_into(&c, &source), 0);
	assert_octets(&c.got, "456789", 6);
	catch_close(&c);
	close(fd);
}

static void a_pipe_can_not_seek(void **state)
{
	hsmime_source source;
	hsmime_file file;
	struct catch c;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	close(ends[1]);
	hsmime_source_fd(&source, &file, ends[0]);
	assert_null(source.seek);
	assert_int_equal(source.size, HSMIME_SIZE_UNKNOWN);
	assert_int_equal(drain_into(&c, &source), 0);
	assert_octets(&c.got, "abc", 3);
	catch_close(&c);
	close(ends[0]);
}

static void write_and_close(void *arg)
{
	int *ends = arg;

	if (write(ends[1], "late", 4) != 4)
		abort();
}

static void a_non_blocking_pipe_is_waited_for(void **state)
{
	hsmime_source source;
	hsmime_file file;
	char buf[10];
	int ends[2], child;

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	hsmime_source_fd(&source, &file, ends[0]);
	child = when_parent_waits(write_and_close, ends);
	assert_int_equal(source.read(source.arg, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "late", 4);
	child_end(child);
	close(ends[0]);
	close(ends[1]);
}

static void what_is_no_descriptor_fails(void **state)
{
	hsmime_source source;
	hsmime_file file;
	int fd = -1;
	char octet;

	(void)state;
	hsmime_source_fd(&source, &file, fd);
	assert_int_equal(source.read(source.arg, &octet, 1), HSMIME_EIO);
	fd = open(".", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	hsmime_source_fd(&source, &file, fd);
	assert_null(source.seek);
	assert_int_equal(source.read(source.arg, &octet, 1), HSMIME_EIO);
	close(fd);
}

static void a_slice_is_those_octets_and_no_other(void **state)
{
	struct feed f;
	hsmime_source base = feed_open(&f, "0123456789", 10), out;

	(void)state;
	for (size_t step = 0; step <= 3; step++) {
		for (uint64_t start = 0; start <= 10; start++) {
			for (uint64_t end = start; end <= 10; end++) {
				struct source_slice slice;
				struct catch c;

				f.step = step;
				source_slice_open(&out, &slice, &base, start, end);
				assert_int_equal(out.size, end - start);
				assert_int_equal(drain_into(&c, &out), 0);
				assert_octets(&c.got, f.data + start, (size_t)(end - start));
				catch_close(&c);
			}
		}
	}
}

static void a_slice_to_the_end_ends_where_its_base_does(void **state)
{
	struct feed f;
	hsmime_source base = feed_open(&f, "0123456789", 10), out;
	struct source_slice slice;
	struct catch c;

	(void)state;
	source_slice_open(&out, &slice, &base, 7, HSMIME_SIZE_UNKNOWN);
	assert_int_equal(out.size, 3);
	assert_int_equal(drain_into(&c, &out), 0);
	assert_octets(&c.got, "789", 3);
	catch_close(&c);
	base.size = HSMIME_SIZE_UNKNOWN;
	source_slice_open(&out, &slice, &base, 7, HSMIME_SIZE_UNKNOWN);
	assert_int_equal(out.size, HSMIME_SIZE_UNKNOWN);
}

static void a_slice_seeks_within_itself(void **state)
{
	struct feed f;
	hsmime_source base = feed_open(&f, "0123456789", 10), out;
	struct source_slice slice;
	char buf[10];

	(void)state;
	source_slice_open(&out, &slice, &base, 2, 6);
	assert_int_equal(out.read(out.arg, buf, 10), 4);
	assert_int_equal(source_seek(&out, 1), 0);
	assert_int_equal(out.read(out.arg, buf, 2), 2);
	assert_memory_equal(buf, "34", 2);
	assert_int_equal(source_seek(&out, 4), 0);
	assert_int_equal(out.read(out.arg, buf, 10), 0);
	assert_int_equal(source_seek(&out, 5), HSMIME_EIO);
}

static void two_slices_take_turns(void **state)
{
	struct feed f;
	hsmime_source base = feed_open(&f, "0123456789", 10), a, b;
	struct source_slice first, second;
	char buf[10];

	(void)state;
	source_slice_open(&a, &first, &base, 0, 3);
	source_slice_open(&b, &second, &base, 5, 8);
	assert_int_equal(a.read(a.arg, buf, 10), 3);
	assert_memory_equal(buf, "012", 3);
	assert_int_equal(b.read(b.arg, buf, 10), 3);
	assert_memory_equal(buf, "567", 3);
}

static void a_slice_needs_a_base_that_seeks(void **state)
{
	struct feed f;
	hsmime_source base = feed_open(&f, "0123456789", 10), out;
	struct source_slice slice;
	char octet;

	(void)state;
	base.seek = NULL;
	source_slice_open(&out, &slice, &base, 2, 6);
	assert_int_equal(out.read(out.arg, &octet, 1), HSMIME_EUSAGE);
}

static void a_slice_passes_a_failure_on(void **state)
{
	struct feed f;
	hsmime_source base = feed_open(&f, "0123456789", 10), out;
	struct source_slice slice;
	char buf[10];

	(void)state;
	f.fail_at = 5;
	f.status = HSMIME_EFORMAT;
	source_slice_open(&out, &slice, &base, 2, 9);
	assert_int_equal(out.read(out.arg, buf, 10), 3);
	assert_int_equal(out.read(out.arg, buf, 10), HSMIME_EFORMAT);
}

static void copying_stops_at_the_first_failure_of_either(void **state)
{
	unsigned char *data = octets(1000);

	(void)state;
	for (size_t at = 0; at < 1000; at += 37) {
		struct feed f;
		hsmime_source source = feed_open(&f, data, 1000);
		struct catch c;
		hsmime_sink sink = catch_open(&c);

		f.step = 10;
		f.fail_at = at;
		f.status = HSMIME_ETOKEN;
		assert_int_equal(source_copy(&sink, &source), HSMIME_ETOKEN);
		assert_octets(&c.got, data, at);
		catch_close(&c);
		source = feed_open(&f, data, 1000);
		f.step = 10;
		sink = catch_open(&c);
		c.limit = at;
		c.status = HSMIME_EPOLICY;
		assert_int_equal(source_copy(&sink, &source), HSMIME_EPOLICY);
		assert_octets(&c.got, data, at - at % 10);
		assert_int_equal(f.reads, at / 10 + 1); /* nothing is read for nothing */
		catch_close(&c);
	}
	free(data);
}

static void a_whole_source_is_copied_or_drained(void **state)
{
	unsigned char *data = octets(300000);
	struct feed f;
	hsmime_source source = feed_open(&f, data, 300000);
	struct catch c;

	(void)state;
	assert_int_equal(drain_into(&c, &source), 0);
	assert_octets(&c.got, data, 300000);
	catch_close(&c);
	source = feed_open(&f, data, 300000);
	assert_int_equal(source_drain(&source), 0);
	assert_int_equal(f.pos, 300000);
	source = feed_open(&f, data, 300000);
	f.fail_at = 299999;
	f.status = HSMIME_EIO;
	assert_int_equal(source_drain(&source), HSMIME_EIO);
	free(data);
}

static void a_size_that_does_not_hold_is_a_failure_and_no_more_than_it_is_copied(void **state)
{
	(void)state;
	for (uint64_t size = 0; size <= 20; size++) {
		struct feed f;
		hsmime_source source = feed_open(&f, "0123456789", 10);
		struct catch c;

		f.step = 3;
		source.size = size;
		assert_int_equal(drain_into(&c, &source), size == 10 ? 0 : HSMIME_EIO);
		assert_true(c.got.len <= size);
		catch_close(&c);
	}
}

static void a_file_without_a_size_may_have_content(void **state)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	hsmime_source source;
	hsmime_file file;
	struct catch c;

	(void)state;
	assert_true(fd >= 0);
	hsmime_source_fd(&source, &file, fd);
	assert_int_equal(source.size, HSMIME_SIZE_UNKNOWN);
	assert_int_equal(drain_into(&c, &source), 0);
	assert_true(c.got.len > 0);
	catch_close(&c);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_read_and_read_again),
		cmocka_unit_test(no_memory_at_all_is_an_end),
		cmocka_unit_test(a_file_can_seek_and_knows_its_size),
		cmocka_unit_test(a_file_that_changed_is_not_read_again),
		cmocka_unit_test(a_file_that_stands_elsewhere_is_read_from_there),
		cmocka_unit_test(a_pipe_can_not_seek),
		cmocka_unit_test(a_non_blocking_pipe_is_waited_for),
		cmocka_unit_test(what_is_no_descriptor_fails),
		cmocka_unit_test(a_slice_is_those_octets_and_no_other),
		cmocka_unit_test(a_slice_to_the_end_ends_where_its_base_does),
		cmocka_unit_test(a_slice_seeks_within_itself),
		cmocka_unit_test(two_slices_take_turns),
		cmocka_unit_test(a_slice_needs_a_base_that_seeks),
		cmocka_unit_test(a_slice_passes_a_failure_on),
		cmocka_unit_test(copying_stops_at_the_first_failure_of_either),
		cmocka_unit_test(a_whole_source_is_copied_or_drained),
		cmocka_unit_test(
		    a_size_that_does_not_hold_is_a_failure_and_no_more_than_it_is_copied),
		cmocka_unit_test(a_file_without_a_size_may_have_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
