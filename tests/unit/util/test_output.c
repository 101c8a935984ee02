/* util/output.h and hsmime_output of hsmime/stream.h: to files, descriptors and callbacks. */
#include "outputs.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "util/atomic_file.h"
#include "util/file_body.h"

static void a_file_is_replaced_by_the_commit(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	file_put("out", "before");
	o = to_file("out");
	assert_int_equal(put(o, "af", 2), 0);
	assert_int_equal(put(o, "ter", 3), 0);
	assert_int_equal(output_size(o), 5);
	assert_file("out", "before");
	assert_int_equal(output_commit(o, &err), 0);
	assert_file("out", "after");
	hsmime_output_free(o);
	assert_file("out", "after");
	assert_int_equal(folder_count(), 1);
}

static void a_file_without_a_commit_is_as_before(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	file_put("out", "before");
	o = to_file("out");
	assert_int_equal(put(o, "after", 5), 0);
	hsmime_output_free(o);
	hsmime_output_free(to_file("other"));
	assert_int_equal(hsmime_output_file(&o, "never begun"), 0);
	hsmime_output_free(o);
	hsmime_output_free(NULL);
	assert_file("out", "before");
	assert_int_equal(folder_count(), 1);
}

static void files_that_are_not_committed_can_all_be_removed(void **state)
{
	hsmime_output *o = to_file("out");

	(void)state;
	assert_int_equal(folder_count(), 1);
	hsmime_output_remove_all();
	assert_int_equal(folder_count(), 0);
	hsmime_output_free(o);
}

static void a_file_that_can_not_be_written_is_named(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	assert_int_equal(hsmime_output_file(&o, "no/folder"), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, "no/folder"));
	hsmime_output_free(o);
}

static void a_full_disk_leaves_the_existing_file(void **state)
{
	unsigned char *data = octets(LARGE);
	struct rlimit old, small;
	hsmime_output *o = NULL;

	(void)state;
	file_put("out", "before");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 1000;
	o = to_file("out");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put(o, data, LARGE), HSMIME_EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_string_equal(err.message, "writing out: File too large");
	hsmime_output_free(o);
	assert_file("out", "before");
	assert_int_equal(folder_count(), 1);
	free(data);
}

static void beginning_again_drops_what_was_not_committed(void **state)
{
	struct catch c;
	hsmime_output *o = to_file("out");

	(void)state;
	assert_int_equal(put(o, "first", 5), 0);
	assert_int_equal(output_begin(o, false, NULL, 0, &err), 0);
	assert_int_equal(folder_count(), 1);
	assert_int_equal(output_size(o), 0);
	assert_int_equal(put(o, "2nd", 3), 0);
	assert_int_equal(output_size(o), 3);
	assert_int_equal(output_commit(o, &err), 0);
	hsmime_output_free(o);
	assert_file("out", "2nd");
	assert_int_equal(folder_count(), 1);
	o = to_catch(&c, true, 0);
	assert_int_equal(put(o, "first", 5), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "2nd", 3), 0);
	assert_int_equal(output_commit(o, &err), 0);
	assert_octets(&c.got, "2nd", 3);
	hsmime_output_free(o);
	catch_close(&c);
}

static void an_output_can_be_used_again_after_its_commit(void **state)
{
	hsmime_output *o = to_file("out");

	(void)state;
	assert_int_equal(put(o, "first", 5), 0);
	assert_int_equal(output_commit(o, &err), 0);
	assert_int_equal(output_begin(o, false, NULL, 0, &err), 0);
	assert_int_equal(put(o, "2nd", 3), 0);
	assert_file("out", "first");
	assert_int_equal(output_commit(o, &err), 0);
	hsmime_output_free(o);
	assert_file("out", "2nd");
	assert_int_equal(folder_count(), 1);
}

static void what_is_not_held_leaves_at_once(void **state)
{
	struct catch c;
	hsmime_output *o = to_catch(&c, false, 0);
	char buf[10];
	int ends[2];

	(void)state;
	assert_int_equal(put(o, "now", 3), 0);
	assert_octets(&c.got, "now", 3);
	assert_int_equal(output_commit(o, &err), 0);
	assert_octets(&c.got, "now", 3);
	hsmime_output_free(o);
	catch_close(&c);
	assert_int_equal(pipe(ends), 0);
	o = to_fd(ends[1], false);
	assert_int_equal(put(o, "now", 3), 0);
	assert_int_equal(read(ends[0], buf, sizeof(buf)), 3);
	assert_int_equal(output_commit(o, &err), 0);
	hsmime_output_free(o);
	assert_int_equal(write(ends[1], "x", 1), 1); /* it stayed the caller's */
	close(ends[0]);
	close(ends[1]);
}

static void a_callback_that_fails_ends_it_with_its_status(void **state)
{
	unsigned char *data = octets(LARGE);

	(void)state;
	for (int hold = 0; hold <= 1; hold++) {
		struct catch c;
		hsmime_output *o = to_catch(&c, hold, 0);
		int status;

		c.limit = 100;
		c.status = HSMIME_ETOKEN;
		assert_int_equal(put(o, data, 100), 0);
		status = put(o, data, LARGE - 100);
		assert_int_equal(status, hold ? 0 : HSMIME_ETOKEN);
		/* Words of an earlier failure do not hide this one. */
		error_set(&err, HSMIME_EUSAGE, "something earlier");
		if (hold) {
			assert_int_equal(output_commit(o, &err), HSMIME_ETOKEN);
			assert_string_equal(err.message, "writing the output failed");
			assert_int_equal(err.code, HSMIME_ETOKEN);
		}
		hsmime_output_free(o);
		catch_close(&c);
	}
	free(data);
}

static void a_descriptor_that_fails_says_why(void **state)
{
	hsmime_output *o = NULL;
	int ends[2];
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	o = to_fd(full, false);
	assert_int_equal(put(o, "abc", 3), HSMIME_EIO);
	assert_string_equal(err.message, "writing the output: No space left on device");
	hsmime_output_free(o);
	o = to_fd(full, true);
	assert_int_equal(put(o, "abc", 3), 0);
	assert_int_equal(output_commit(o, &err), HSMIME_EIO);
	assert_string_equal(err.message, "writing the output: No space left on device");
	hsmime_output_free(o);
	close(full);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	o = to_fd(ends[1], false);
	assert_int_equal(put(o, "abc", 3), HSMIME_EIO);
	assert_string_equal(err.message, "writing the output: Broken pipe");
	hsmime_output_free(o);
	close(ends[1]);
}

static void empty_the_pipe(void *arg)
{
	int *ends = arg;
	char buf[4096];

	close(ends[1]);
	while (read(ends[0], buf, sizeof(buf)) > 0)
		;
}

static void a_non_blocking_pipe_is_waited_for(void **state)
{
	unsigned char *data = octets(LARGE);
	hsmime_output *o = NULL;
	int ends[2], child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	child = when_parent_waits(empty_the_pipe, ends);
	o = to_fd(ends[1], false);
	assert_int_equal(put(o, data, LARGE), 0);
	hsmime_output_free(o);
	child_end(child);
	close(ends[0]);
	close(ends[1]);
	free(data);
}

static void a_staged_file_is_complete_before_it_has_its_name(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	assert_int_equal(output_staged(&o, "new", "stem"), 0);
	assert_int_equal(output_commit(o, &err), 0); /* of nothing that was begun */
	assert_false(output_is_complete(o));
	assert_int_equal(output_publish(o, &err), HSMIME_EUSAGE);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "content", 7), 0);
	assert_int_equal(output_publish(o, &err), HSMIME_EUSAGE);
	assert_int_equal(output_commit(o, &err), 0);
	assert_true(output_is_complete(o));
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(folder_count(), 1);
	assert_int_equal(output_publish(o, &err), 0);
	assert_file("new", "content");
	assert_int_equal(folder_count(), 1);
	hsmime_output_free(o);
	assert_int_equal(folder_count(), 1);
}

static void a_staged_file_without_a_name_is_removed_also_when_begun_again(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	assert_int_equal(output_staged(&o, "new", "stem"), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "first", 5), 0);
	assert_int_equal(output_commit(o, &err), 0);
	assert_int_equal(folder_count(), 1);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_false(output_is_complete(o));
	assert_int_equal(folder_count(), 0);
	assert_int_equal(output_size(o), 0);
	hsmime_output_free(o);
	assert_int_equal(folder_count(), 0);
}

static void a_staged_file_is_the_owners_and_replaces_a_symbolic_link(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	file_put("target", "before");
	assert_int_equal(symlink("target", "new"), 0);
	assert_int_equal(output_staged(&o, "new", "stem"), 0);
	assert_int_equal(output_begin(o, false, NULL, 0, &err), 0);
	assert_int_equal(put(o, "after", 5), 0);
	assert_int_equal(output_commit(o, &err), 0);
	assert_int_equal(atomic_file_synced(output_staged_file(o), &err), 0);
	assert_int_equal(output_publish(o, &err), 0);
	hsmime_output_free(o);
	assert_file("new", "after");
	assert_file("target", "before");
	assert_int_equal(file_mode("new"), 0600);
}

static size_t read_back(hsmime_output *o, unsigned char *out, size_t room)
{
	hsmime_source source;
	ptrdiff_t got = 1;
	size_t have = 0;

	output_source(&source, o);
	assert_int_equal(source.size, output_size(o));
	while (got > 0) {
		got = source.read(source.arg, out + have, room - have);
		assert_true(got >= 0);
		have += (size_t)got;
	}
	return have;
}

/* Octets of both sides of the size up to which a staged file stays in memory, in pieces. */
static void a_staged_file_is_the_same_small_or_large(void **state)
{
	static const size_t sizes[] = { 0, 1, FILE_BODY_SMALL - 1, FILE_BODY_SMALL,
		FILE_BODY_SMALL + 1, 3 * FILE_BODY_SMALL };
	static unsigned char data[3 * FILE_BODY_SMALL], back[3 * FILE_BODY_SMALL + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len = sizes[i / 2], piece = i % 2 ? 1000 : sizeof(data);
		hsmime_output *o = NULL;

		assert_int_equal(output_staged(&o, "new", "stem"), 0);
		assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
		assert_true(output_is_file(o));
		for (size_t at = 0; at < len; at += piece)
			assert_int_equal(put(o, data + at, len - at < piece ? len - at : piece), 0);
		assert_int_equal(folder_count(), len > FILE_BODY_SMALL);
		for (int step = 0; step < 3; step++) {
			assert_int_equal(read_back(o, back, sizeof(back)), len);
			assert_memory_equal(back, data, len);
			if (step == 0)
				assert_int_equal(output_commit(o, &err), 0);
			if (step == 1)
				output_settle(o);
			assert_int_equal(folder_count(), 1);
		}
		assert_int_equal(output_publish(o, &err), 0);
		hsmime_output_free(o);
		assert_int_equal(unlink("new"), 0);
	}
}

static void assert_digest(hsmime_output *o, const void *data, size_t len)
{
	unsigned char want[EVP_MAX_MD_SIZE], got[EVP_MAX_MD_SIZE];

	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, data, len, want, NULL), 1);
	assert_true(output_digest(got, o));
	assert_memory_equal(got, want, 32);
	/* Once. */
	assert_false(output_digest(got, o));
}

static void a_digest_is_made_along_of_what_counts(void **state)
{
	struct output_old *old = NULL;
	unsigned char none[EVP_MAX_MD_SIZE];
	hsmime_output *o = NULL;
	hsmime_source source;

	(void)state;
	assert_int_equal(output_staged(&o, "new", "stem"), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_false(output_digest(none, o));
	assert_int_equal(output_digest_along(o, EVP_sha256()), 0);
	assert_false(output_digest(none, o)); /* from the next beginning on */
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "dropped", 7), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "fir", 3), 0);
	assert_int_equal(put(o, "st", 2), 0);
	assert_int_equal(output_restart(&old, &source, o, &err), 0);
	assert_int_equal(put(o, "second", 6), 0);
	output_old_free(old);
	assert_digest(o, "second", 6);
	/* Of what is there again as it was nothing was kept. */
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "first", 5), 0);
	assert_int_equal(output_restart(&old, &source, o, &err), 0);
	assert_int_equal(put(o, "second", 6), 0);
	output_restore(o, old);
	assert_false(output_digest(none, o));
	hsmime_output_free(o);
}

static void a_staged_file_that_can_not_be_opened_is_told_once_it_is_complete(void **state)
{
	hsmime_output *o = NULL;

	(void)state;
	assert_int_equal(output_staged(&o, "new", "nowhere/stem"), 0);
	assert_int_equal(output_begin(o, true, NULL, 0, &err), 0);
	assert_int_equal(put(o, "content", 7), 0);
	assert_int_equal(output_commit(o, &err), HSMIME_EIO);
	assert_false(output_is_complete(o));
	assert_non_null(strstr(err.message, "new"));
	hsmime_output_free(o);
	assert_int_equal(folder_count(), 0);
}

#define test(name) cmocka_unit_test_teardown(name, outputs_empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_file_is_replaced_by_the_commit),
		test(a_file_without_a_commit_is_as_before),
		test(files_that_are_not_committed_can_all_be_removed),
		test(a_file_that_can_not_be_written_is_named),
		test(a_full_disk_leaves_the_existing_file),
		test(what_is_not_held_leaves_at_once),
		test(beginning_again_drops_what_was_not_committed),
		test(an_output_can_be_used_again_after_its_commit),
		test(a_callback_that_fails_ends_it_with_its_status),
		test(a_descriptor_that_fails_says_why),
		test(a_non_blocking_pipe_is_waited_for),
		test(a_staged_file_is_complete_before_it_has_its_name),
		test(a_staged_file_without_a_name_is_removed_also_when_begun_again),
		test(a_staged_file_is_the_same_small_or_large),
		test(a_digest_is_made_along_of_what_counts),
		test(a_staged_file_that_can_not_be_opened_is_told_once_it_is_complete),
		test(a_staged_file_is_the_owners_and_replaces_a_symbolic_link),
	};

	return cmocka_run_group_tests(tests, outputs_setup, folder_leave);
}
