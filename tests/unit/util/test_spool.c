/* util/spool.h */
#include "folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/sink.h"
#include "util/spool.h"

#define IN_MEMORY (64 * 1024) /* octets before there is a file */

static struct error err;

static int setup(void **state)
{
	int status = folder_enter(state);

	return status == 0 ? setenv("TMPDIR", folder_path(), 1) : status;
}

static int fill(struct spool *s, const unsigned char *data, size_t len, size_t step)
{
	hsmime_sink sink;
	int status = 0;

	spool_sink(&sink, s);
	for (size_t at = 0; status == 0 && at < len;) {
		size_t n = len - at < step ? len - at : step;

		status = sink_write(&sink, data + at, n);
		at += n;
	}
	return status;
}

static struct spool *spool_with(const unsigned char *data, size_t len)
{
	struct spool *s = NULL;

	assert_int_equal(spool_new(&s, NULL, 0, &err), 0);
	assert_int_equal(fill(s, data, len, 10007), 0);
	return s;
}

static void assert_spooled(struct spool *s, const unsigned char *data, size_t len)
{
	hsmime_source source;
	struct catch c;
	hsmime_sink sink = catch_open(&c);

	spool_source(&source, s);
	assert_int_equal(source.size, len);
	assert_int_equal(source_copy(&sink, &source), 0);
	assert_octets(&c.got, data, len);
	catch_close(&c);
}

static void what_goes_in_comes_out(void **state)
{
	static const size_t sizes[] = { 0, 1, IN_MEMORY - 1, IN_MEMORY, IN_MEMORY + 1,
		3 * IN_MEMORY, 3 * IN_MEMORY + 5, 1000000 };
	static const size_t steps[] = { 999, IN_MEMORY, SIZE_MAX };
	unsigned char *data = octets(1000000);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t k = 0; k < 3; k++) {
			struct spool *s = NULL;

			assert_int_equal(spool_new(&s, NULL, 0, &err), 0);
			assert_int_equal(fill(s, data, sizes[i], steps[k]), 0);
			assert_spooled(s, data, sizes[i]);
			assert_spooled(s, data, sizes[i]); /* and again */
			spool_free(s);
		}
	}
	free(data);
}

static void a_small_one_makes_no_file(void **state)
{
	unsigned char *data = octets(IN_MEMORY + 1);
	struct spool *s = spool_with(data, IN_MEMORY);

	(void)state;
	assert_int_equal(fd_unlinked(), -1);
	assert_int_equal(fill(s, data, 1, 1), 0);
	assert_true(fd_unlinked() >= 0);
	spool_free(s);
	free(data);
}

static void the_file_has_no_name_and_is_the_owners_alone(void **state)
{
	unsigned char *data = octets(200000);
	struct spool *s = spool_with(data, 200000);
	int fd = fd_unlinked();
	struct stat st;

	(void)state;
	assert_int_equal(folder_count(), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	spool_free(s);
	assert_int_equal(fd_unlinked(), -1);
	free(data);
}

/* Whether any 16 octets in a row of data, at a multiple of 16, are in the file. */
static bool shows(const struct buffer *file, const unsigned char *data, size_t len)
{
	for (size_t at = 0; at + 16 <= len; at += 16) {
		if (memmem(file->data, file->len, data + at, 16) != NULL)
			return true;
	}
	return false;
}

static void what_is_on_disk_is_not_what_was_written(void **state)
{
	unsigned char *data = octets(IN_MEMORY + 1);
	struct spool *s = spool_with(data, IN_MEMORY + 1);
	struct buffer file;

	(void)state;
	fd_content(&file, fd_unlinked());
	assert_int_equal(file.len, IN_MEMORY);
	assert_false(shows(&file, data, IN_MEMORY));
	assert_spooled(s, data, IN_MEMORY + 1);
	buffer_free(&file);
	spool_free(s);
	free(data);
}

static void equal_blocks_and_equal_spools_look_different_on_disk(void **state)
{
	unsigned char *zero = calloc(4, IN_MEMORY);
	struct buffer file, other;
	struct spool *s = spool_with(zero, 4 * IN_MEMORY);

	(void)state;
	fd_content(&file, fd_unlinked());
	spool_free(s);
	assert_true(file.len >= 3 * IN_MEMORY);
	assert_memory_not_equal(file.data, file.data + IN_MEMORY, IN_MEMORY);
	assert_memory_not_equal(file.data + IN_MEMORY, file.data + 2 * IN_MEMORY, IN_MEMORY);
	for (size_t at = 16; at + 16 <= 4096; at += 16) /* no keystream twice in a block either */
		assert_memory_not_equal(file.data, file.data + at, 16);
	s = spool_with(zero, 4 * IN_MEMORY);
	fd_content(&other, fd_unlinked());
	spool_free(s);
	assert_int_equal(file.len, other.len);
	assert_memory_not_equal(file.data, other.data, IN_MEMORY); /* a key of its own */
	buffer_free(&file);
	buffer_free(&other);
	free(zero);
}

static void any_octet_can_be_sought(void **state)
{
	unsigned char *data = octets(300000), buf[100];
	struct spool *s = spool_with(data, 300000);
	hsmime_source source;
	uint64_t at = 0;

	(void)state;
	spool_source(&source, s);
	for (int i = 0; i < 500; i++) {
		size_t done = 0;

		at = (at * 7919 + 65535) % 299900;
		assert_int_equal(source_seek(&source, at), 0);
		while (done < sizeof(buf)) {
			ptrdiff_t got = source.read(source.arg, buf + done, sizeof(buf) - done);

			assert_true(got > 0);
			done += (size_t)got;
		}
		assert_memory_equal(buf, data + at, sizeof(buf));
	}
	assert_int_equal(source_seek(&source, 300000), 0);
	assert_int_equal(source.read(source.arg, buf, 1), 0);
	assert_int_equal(source_seek(&source, 300001), HSMIME_EIO);
	spool_free(s);
	free(data);
}

static void more_can_be_written_after_reading(void **state)
{
	unsigned char *data = octets(500000);
	struct spool *s = spool_with(data, 100000);

	(void)state;
	assert_spooled(s, data, 100000);
	assert_int_equal(fill(s, data + 100000, 400000, 777), 0);
	assert_spooled(s, data, 500000);
	spool_free(s);
	free(data);
}

static void nothing_goes_past_the_limit(void **state)
{
	static const uint64_t limits[] = { 1, 100, IN_MEMORY, IN_MEMORY + 1, 200000 };
	unsigned char *data = octets(200001);

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct spool *s = NULL;

		assert_int_equal(spool_new(&s, NULL, limits[i], &err), 0);
		assert_int_equal(fill(s, data, (size_t)limits[i], 50), 0);
		assert_int_equal(fill(s, data, 1, 1), HSMIME_EPOLICY);
		assert_spooled(s, data, (size_t)limits[i]);
		spool_free(s);
		assert_int_equal(spool_new(&s, NULL, limits[i], &err), 0);
		assert_int_equal(fill(s, data, (size_t)limits[i] + 1, SIZE_MAX), HSMIME_EPOLICY);
		spool_free(s);
	}
	free(data);
}

static void where_no_file_can_be_made_it_fails(void **state)
{
	unsigned char *data = octets(IN_MEMORY + 1);
	struct spool *s = spool_with(data, IN_MEMORY);
	hsmime_source source;

	(void)state;
	assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
	assert_int_equal(fill(s, data, 1, 1), HSMIME_EIO);
	assert_int_equal(setenv("TMPDIR", folder_path(), 1), 0);
	assert_int_equal(fill(s, data, 1, 1), HSMIME_EIO); /* and stays failed: octets are lost */
	spool_source(&source, s);
	assert_int_equal(source_drain(&source), HSMIME_EIO);
	spool_free(s);
	free(data);
}

static void a_disk_that_is_full_fails_at_every_block(void **state)
{
	unsigned char *data = octets(4 * IN_MEMORY);
	struct rlimit old, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (rlim_t blocks = 0; blocks < 3; blocks++) {
		struct spool *s = NULL;
		hsmime_source source;

		small = old;
		small.rlim_cur = blocks * IN_MEMORY + 100;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(spool_new(&s, NULL, 0, &err), 0);
		assert_int_equal(fill(s, data, 4 * IN_MEMORY, 1000), HSMIME_EIO);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(fill(s, data, IN_MEMORY, 1000), HSMIME_EIO);
		spool_source(&source, s);
		assert_int_equal(source_drain(&source), HSMIME_EIO);
		spool_free(s);
	}
	free(data);
}

static void a_file_that_lost_octets_is_not_read_as_shorter(void **state)
{
	unsigned char *data = octets(3 * IN_MEMORY);
	struct spool *s = spool_with(data, 3 * IN_MEMORY);
	hsmime_source source;

	(void)state;
	assert_int_equal(ftruncate(fd_unlinked(), IN_MEMORY + 100), 0);
	spool_source(&source, s);
	assert_int_equal(source_drain(&source), HSMIME_EIO);
	spool_free(s);
	free(data);
}

static void input_that_can_seek_is_taken_as_it_is(void **state)
{
	struct feed f;
	hsmime_source in = feed_open(&f, "abc", 3), out;
	struct spool *s = (struct spool *)&f;

	(void)state;
	assert_int_equal(spool_input(&out, &s, &in, NULL, 1, &err), 0);
	assert_null(s);
	assert_ptr_equal(out.arg, &f);
	assert_int_equal(f.reads, 0);
}

static void other_input_is_spooled_and_can_seek_then(void **state)
{
	unsigned char *data = octets(200000), octet;
	struct feed f;
	hsmime_source in = feed_open(&f, data, 200000), out;
	struct spool *s = NULL;

	(void)state;
	in.seek = NULL;
	f.step = 1234;
	assert_int_equal(spool_input(&out, &s, &in, NULL, 200000, &err), 0);
	assert_int_equal(out.size, 200000);
	assert_spooled(s, data, 200000);
	assert_int_equal(source_seek(&out, 123456), 0);
	assert_int_equal(out.read(out.arg, &octet, 1), 1);
	assert_int_equal(octet, data[123456]);
	spool_free(s);
	free(data);
}

static void input_over_the_limit_or_failing_leaves_nothing(void **state)
{
	struct feed f;
	hsmime_source in = feed_open(&f, "abcdef", 6), out;
	struct spool *s = NULL;

	(void)state;
	in.seek = NULL;
	assert_int_equal(spool_input(&out, &s, &in, NULL, 5, &err), HSMIME_EPOLICY);
	assert_null(s);
	assert_string_equal(err.message, "the input is larger than the spool may be");
	for (size_t at = 0; at <= 6; at++) {
		in = feed_open(&f, "abcdef", 6);
		in.seek = NULL;
		f.fail_at = at;
		f.status = HSMIME_ETOKEN;
		assert_int_equal(spool_input(&out, &s, &in, NULL, 0, &err), HSMIME_ETOKEN);
		assert_null(s);
		assert_int_equal(err.code, HSMIME_ETOKEN);
	}
	spool_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_small_one_makes_no_file),
		cmocka_unit_test(the_file_has_no_name_and_is_the_owners_alone),
		cmocka_unit_test(what_is_on_disk_is_not_what_was_written),
		cmocka_unit_test(equal_blocks_and_equal_spools_look_different_on_disk),
		cmocka_unit_test(any_octet_can_be_sought),
		cmocka_unit_test(more_can_be_written_after_reading),
		cmocka_unit_test(nothing_goes_past_the_limit),
		cmocka_unit_test(where_no_file_can_be_made_it_fails),
		cmocka_unit_test(a_disk_that_is_full_fails_at_every_block),
		cmocka_unit_test(a_file_that_lost_octets_is_not_read_as_shorter),
		cmocka_unit_test(input_that_can_seek_is_taken_as_it_is),
		cmocka_unit_test(other_input_is_spooled_and_can_seek_then),
		cmocka_unit_test(input_over_the_limit_or_failing_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, setup, folder_leave);
}
