/* util/atomic_file.h */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/atomic_file.h"

static struct error err;

static struct atomic_file *begin(const char *path, const char *content)
{
	struct atomic_file *f = NULL;
	size_t len = strlen(content);

	assert_int_equal(atomic_file_new(&f, path, &err), 0);
	assert_int_equal(write(atomic_file_fd(f), content, len), len);
	return f;
}

static void write_whole(const char *path, const char *content)
{
	struct atomic_file *f = begin(path, content);

	assert_int_equal(atomic_file_commit(f, &err), 0);
	atomic_file_free(f);
}

static int empty(void **state)
{
	return folder_leave(state) != 0 ? -1 : folder_enter(state);
}

static void a_file_appears_when_it_is_committed(void **state)
{
	struct atomic_file *f = begin("new", "content");

	(void)state;
	assert_false(atomic_file_is_direct(f));
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(atomic_file_commit(f, &err), 0);
	assert_file("new", "content");
	atomic_file_free(f);
	assert_file("new", "content");
	assert_int_equal(folder_count(), 1);
}

static void what_was_there_stays_until_then(void **state)
{
	struct atomic_file *f = NULL;

	(void)state;
	file_put("old", "before");
	f = begin("old", "after");
	assert_file("old", "before");
	assert_int_equal(folder_count(), 2);
	assert_int_equal(atomic_file_commit(f, &err), 0);
	assert_file("old", "after");
	atomic_file_free(f);
	assert_int_equal(folder_count(), 1);
}

static void without_a_commit_nothing_has_changed(void **state)
{
	(void)state;
	file_put("old", "before");
	atomic_file_free(begin("old", "after"));
	atomic_file_free(begin("new", "after"));
	atomic_file_free(NULL);
	assert_file("old", "before");
	assert_int_equal(folder_count(), 1);
}

static void the_temporary_file_is_the_owners_alone(void **state)
{
	struct atomic_file *f = begin("new", "secret");
	struct stat st;

	(void)state;
	assert_int_equal(fstat(atomic_file_fd(f), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(atomic_file_fd(f), F_GETFD) & FD_CLOEXEC);
	atomic_file_free(f);
}

static int fchmod_errno;

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
	errno = fchmod_errno;
	return fchmod_errno != 0 ? -1 : __real_fchmod(fd, mode);
}

static void a_file_system_without_modes_will_do(void **state)
{
	static const int without[] = { EPERM, ENOSYS, EOPNOTSUPP };
	struct atomic_file *f = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		fchmod_errno = without[i];
		write_whole("new", "content");
		assert_file("new", "content");
	}
	fchmod_errno = EIO;
	f = begin("new", "other");
	assert_int_equal(atomic_file_commit(f, &err), HSMIME_EIO);
	atomic_file_free(f);
	fchmod_errno = 0;
	assert_file("new", "content");
}

static void an_existing_files_mode_is_kept_and_a_new_one_has_the_umasks(void **state)
{
	mode_t old = umask(027);

	(void)state;
	file_put("old", "before");
	assert_int_equal(chmod("old", 0604), 0);
	write_whole("old", "after");
	write_whole("new", "content");
	assert_int_equal(file_mode("old"), 0604);
	assert_int_equal(file_mode("new"), 0640);
	assert_int_equal(umask(old), 027);
}

static void a_symbolic_link_stays_one(void **state)
{
	struct stat st;

	(void)state;
	file_put("target", "before");
	assert_int_equal(symlink("target", "link"), 0);
	write_whole("link", "after");
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file("target", "after");
	assert_int_equal(folder_count(), 2);
}

static void a_symbolic_link_to_nothing_stays_one_and_its_target_is_made(void **state)
{
	char target[600];
	struct stat st;

	(void)state;
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(symlink("../new", "folder/second"), 0);
	assert_int_equal(symlink("folder/second", "first"), 0);
	write_whole("first", "content");
	assert_int_equal(lstat("first", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat("folder/second", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file("new", "content");
	snprintf(target, sizeof(target), "%s/whole", folder_path());
	assert_int_equal(symlink(target, "absolute"), 0);
	write_whole("absolute", "2");
	assert_int_equal(lstat("absolute", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file("whole", "2");
	assert_int_equal(folder_count(), 5);
	assert_int_equal(unlink("folder/second"), 0);
	assert_int_equal(rmdir("folder"), 0);
}

static void a_symbolic_link_to_no_folder_or_to_itself_fails(void **state)
{
	struct atomic_file *f = NULL;

	(void)state;
	assert_int_equal(symlink("missing/new", "away"), 0);
	assert_int_equal(symlink("around", "around"), 0);
	assert_int_equal(atomic_file_new(&f, "away", &err), HSMIME_EIO);
	assert_string_equal(err.message, "writing missing/new: No such file or directory");
	assert_int_equal(atomic_file_new(&f, "around", &err), HSMIME_EIO);
	assert_string_equal(err.message, "writing around: Too many levels of symbolic links");
	assert_null(f);
	assert_int_equal(folder_count(), 2);
}

static void the_bits_that_lend_rights_are_not_kept(void **state)
{
	(void)state;
	file_put("old", "before");
	assert_int_equal(chmod("old", 06755), 0);
	write_whole("old", "after");
	assert_int_equal(file_mode("old"), 0755);
}

static void a_path_may_have_a_folder_or_none(void **state)
{
	char path[600];

	(void)state;
	write_whole("plain", "1");
	write_whole("./dotted", "2");
	snprintf(path, sizeof(path), "%s/absolute", folder_path());
	write_whole(path, "3");
	assert_file("plain", "1");
	assert_file("dotted", "2");
	assert_file("absolute", "3");
	assert_int_equal(folder_count(), 3);
}

static void the_longest_name_that_a_file_can_have_will_do(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	write_whole(name, "content");
	assert_file(name, "content");
	assert_int_equal(folder_count(), 1);
}

static void where_no_file_can_be_it_fails_with_the_name(void **state)
{
	struct atomic_file *f = (struct atomic_file *)&err;

	(void)state;
	assert_int_equal(atomic_file_new(&f, "missing/new", &err), HSMIME_EIO);
	assert_null(f);
	assert_string_equal(err.message, "writing missing/new: No such file or directory");
	assert_int_equal(atomic_file_new(&f, ".", &err), HSMIME_EIO);
	assert_null(f);
	file_put("file", "x");
	assert_int_equal(atomic_file_new(&f, "file/new", &err), HSMIME_EIO);
	assert_null(f);
	assert_int_equal(folder_count(), 1);
}

static void a_commit_that_fails_leaves_what_was_there(void **state)
{
	struct atomic_file *f = begin("new", "content");

	(void)state;
	assert_int_equal(mkdir("new", 0700), 0); /* in the way of the rename */
	assert_int_equal(atomic_file_commit(f, &err), HSMIME_EIO);
	atomic_file_free(f);
	assert_int_equal(folder_count(), 1);
	assert_int_equal(rmdir("new"), 0);
}

static void what_is_no_regular_file_is_written_directly(void **state)
{
	struct atomic_file *f = NULL;
	char buf[10];
	int reader;

	(void)state;
	f = begin("/dev/null", "gone");
	assert_true(atomic_file_is_direct(f));
	assert_int_equal(atomic_file_commit(f, &err), 0);
	atomic_file_free(f);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	f = begin("fifo", "now");
	assert_int_equal(read(reader, buf, sizeof(buf)), 3); /* before any commit */
	atomic_file_free(f);
	close(reader);
	assert_int_equal(folder_count(), 1);
}

static void what_was_written_can_be_read_back(void **state)
{
	struct atomic_file *f = begin("new", "content");
	char buf[10];

	(void)state;
	assert_int_equal(pread(atomic_file_fd(f), buf, sizeof(buf), 3), 4);
	assert_memory_equal(buf, "tent", 4);
	assert_int_equal(pwrite(atomic_file_fd(f), "C", 1, 0), 1);
	assert_int_equal(atomic_file_commit(f, &err), 0);
	assert_file("new", "Content");
	atomic_file_free(f);
}

static void all_that_are_open_are_removed_at_once_however_many(void **state)
{
	struct atomic_file *files[300], *done = NULL;
	char name[20];

	(void)state;
	file_put("old", "before");
	done = begin("done", "whole");
	for (size_t i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		files[i] = begin(i == 0 ? "old" : name, "part");
	}
	assert_int_equal(atomic_file_commit(done, &err), 0);
	assert_int_equal(folder_count(), 302);
	atomic_file_remove_all();
	assert_int_equal(folder_count(), 2);
	assert_file("old", "before");
	assert_file("done", "whole");
	assert_int_equal(atomic_file_commit(files[0], &err), HSMIME_EIO);
	for (size_t i = 0; i < 300; i++)
		atomic_file_free(files[i]);
	atomic_file_free(done);
	assert_file("old", "before");
}

static void end_by(int signal)
{
	(void)signal;
	atomic_file_remove_all();
	_exit(7);
}

static void a_signals_handler_can_remove_them(void **state)
{
	pid_t child;
	int status;

	(void)state;
	file_put("old", "before");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct atomic_file *f = NULL;

		signal(SIGTERM, end_by);
		if (atomic_file_new(&f, "old", &err) == 0 && folder_count() == 2)
			raise(SIGTERM);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_file("old", "before");
	assert_int_equal(folder_count(), 1);
}

static void *many(void *arg)
{
	const char *name = arg;

	for (int i = 0; i < 50; i++) {
		struct atomic_file *f = NULL;
		struct error own;

		if (atomic_file_new(&f, name, &own) != 0)
			return arg;
		if (write(atomic_file_fd(f), name, 1) != 1 ||
		    (i % 2 == 0 && atomic_file_commit(f, &own) != 0))
			abort();
		atomic_file_free(f);
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	static char names[][2] = { "a", "b", "c", "d" };
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, names[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
		assert_file(names[i], names[i]);
	}
	assert_int_equal(folder_count(), 4);
	atomic_file_remove_all();
	assert_int_equal(folder_count(), 4);
}

#define test(name) cmocka_unit_test_teardown(name, empty)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_file_appears_when_it_is_committed),
		test(what_was_there_stays_until_then),
		test(without_a_commit_nothing_has_changed),
		test(the_temporary_file_is_the_owners_alone),
		test(a_file_system_without_modes_will_do),
		test(an_existing_files_mode_is_kept_and_a_new_one_has_the_umasks),
		test(a_symbolic_link_stays_one),
		test(a_symbolic_link_to_nothing_stays_one_and_its_target_is_made),
		test(a_symbolic_link_to_no_folder_or_to_itself_fails),
		test(the_bits_that_lend_rights_are_not_kept),
		test(a_path_may_have_a_folder_or_none),
		test(the_longest_name_that_a_file_can_have_will_do),
		test(where_no_file_can_be_it_fails_with_the_name),
		test(a_commit_that_fails_leaves_what_was_there),
		test(what_is_no_regular_file_is_written_directly),
		test(what_was_written_can_be_read_back),
		test(all_that_are_open_are_removed_at_once_however_many),
		test(a_signals_handler_can_remove_them),
		test(threads_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, folder_enter, folder_leave);
}
