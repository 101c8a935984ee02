/* What holds for the journal that is a file: the disk, its locks and what else may be found there. */
#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

static struct error err;

/* SQLite's calls come here, as this program has the name first. */
static unsigned syncs;
static bool sync_fails;

int fdatasync(int fd) __attribute__((visibility("default")));

int fdatasync(int fd)
{
	syncs++;
	if (sync_fails) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void it_is_for_its_owner_alone(void **state)
{
	struct journal *j;
	struct stat st;
	mode_t before = umask(0);

	(void)state;
	j = job_open(SETTINGS);
	job_add(j, 1, 10);
	umask(before);
	assert_int_equal(stat("journal", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat("journal-wal", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat("journal-lock", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	journal_close(j);
	assert_int_equal(stat("journal", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void closed_it_is_one_file(void **state)
{
	struct journal *j = job_open(SETTINGS);

	(void)state;
	job_add(j, 1, 10);
	journal_close(j);
	assert_int_equal(access("journal-wal", F_OK), -1);
	assert_int_equal(access("journal-shm", F_OK), -1);
	assert_int_equal(access("journal-lock", F_OK), -1);
	j = job_open(NULL);
	assert_int_equal(job_count(j, JOURNAL_WAITING), 10);
	assert_int_equal(access("journal-wal", F_OK), -1);
	journal_close(j);
}

static void each_commit_is_synced_and_no_adding(void **state)
{
	struct journal *j = job_open(SETTINGS);
	unsigned before;

	(void)state;
	job_add(j, 1, 10);
	before = syncs;
	job_add(j, 11, 200);
	assert_int_equal(syncs, before);
	for (int i = 0; i < 5; i++) {
		before = syncs;
		assert_int_equal(job_commit(j, 10, JOURNAL_DONE), 10);
		assert_true(syncs > before);
	}
	before = syncs;
	assert_int_equal(j->kind->listed(j, &err), 0);
	assert_true(syncs > before);
	journal_close(j);
}

/* One failure of a sync is told once; a later one would be well, with what was to be synced gone. */
static void nothing_is_recorded_after_a_sync_that_failed(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[2];

	(void)state;
	job_add(j, 1, 10);
	assert_int_equal(job_take(e, j, 2), 2);
	e[0].state = e[1].state = JOURNAL_DONE;
	sync_fails = true;
	assert_int_equal(j->kind->commit(j, e, 1, 0, &err), HSMIME_EIO);
	sync_fails = false;
	assert_int_equal(j->kind->commit(j, e, 1, 0, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, "failed before"));
	assert_int_equal(job_count(j, JOURNAL_DONE), 0);
	job_free(e, 2);
	journal_close(j);
	j = job_open(SETTINGS);
	assert_int_equal(job_count(j, JOURNAL_WAITING) + job_count(j, JOURNAL_DONE), 10);
	job_commit(j, 10, JOURNAL_DONE);
	assert_int_equal(job_count(j, JOURNAL_DONE), 10);
	journal_close(j);
}

/* A file that can't grow stands for a disk that is full; SQLite is told EFBIG in place of ENOSPC. */
static void on_a_full_disk_nothing_is_lost(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[50];
	struct stat st;
	uint64_t done = 0;
	int status = 0;

	(void)state;
	job_add(j, 1, 5000);
	assert_int_equal(stat("journal-wal", &st), 0);
	limit_files((uint64_t)st.st_size + 300000);
	while (status == 0) {
		assert_int_equal(job_take(e, j, 50), 50);
		for (int i = 0; i < 50; i++) {
			e[i].state = JOURNAL_DONE;
			assert_true(asprintf(&e[i].record, "{\"pad\":\"%0500d\"}", i) > 0);
		}
		status = j->kind->commit(j, e, 50, 0, &err);
		done += status == 0 ? 50 : 0;
		if (status == 0)
			job_free(e, 50);
	}
	assert_int_equal(status, HSMIME_EIO);
	assert_string_not_equal(err.hint, "");
	assert_true(done > 0);
	assert_int_equal(job_count(j, JOURNAL_DONE), done);
	limit_files(0);
	assert_int_equal(job_try(j->kind->commit(j, e, 50, 0, &err), &err), 0);
	job_free(e, 50);
	assert_int_equal(job_count(j, JOURNAL_DONE), done + 50);
	journal_close(j);
	j = job_open(SETTINGS);
	assert_int_equal(job_count(j, JOURNAL_DONE), done + 50);
	assert_int_equal(job_commit(j, 5000, JOURNAL_DONE), 5000 - done - 50);
	journal_close(j);
}

static void on_a_full_disk_none_is_begun(void **state)
{
	(void)state;
	limit_files(2000);
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EIO);
	limit_files(0);
	journal_close(job_open(SETTINGS));
}

static void put(const char *name, const char *text, size_t len)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void what_is_no_journal_stays_as_it_is(void **state)
{
	const char text[] =
	    "Dear journal, this is a letter, and longer than the header that SQLite reads "
	    "of a file of its own: one hundred octets.";
	char back[sizeof(text)] = "";
	FILE *file;

	(void)state;
	put("journal", text, sizeof(text));
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EFORMAT);
	assert_int_equal(job_refused(NULL, &err), HSMIME_EFORMAT);
	assert_non_null(strstr(err.message, "is no journal"));
	file = fopen("journal", "rb");
	assert_int_equal(fread(back, 1, sizeof(back), file), sizeof(back));
	fclose(file);
	assert_memory_equal(back, text, sizeof(text));
	assert_int_equal(access("journal-lock", F_OK), -1);
}

static void change(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open("journal", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void another_programs_database_is_no_journal(void **state)
{
	(void)state;
	change("CREATE TABLE bookmark (url TEXT)");
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EFORMAT);
	change("INSERT INTO bookmark VALUES ('x')");
}

static void a_newer_schema_is_not_touched(void **state)
{
	(void)state;
	journal_close(job_open(SETTINGS));
	change("PRAGMA user_version = 2");
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EUNSUPPORTED);
	assert_int_equal(job_refused(NULL, &err), HSMIME_EUNSUPPORTED);
	assert_non_null(strstr(err.message, "newer hsmime"));
	change("PRAGMA user_version = 1");
	journal_close(job_open(SETTINGS));
}

/* A process that has recorded something, and dies. */
static void leave_a_log(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct journal *j = job_open(SETTINGS);

		job_add(j, 1, 100);
		job_commit(j, 50, JOURNAL_DONE);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(access("journal-wal", F_OK), 0);
}

/* Who removes it to begin anew does not know of the log beside it. */
static void a_journal_that_was_removed_does_not_come_back_by_half(void **state)
{
	struct journal *j;

	(void)state;
	leave_a_log();
	assert_int_equal(unlink("journal"), 0);
	j = job_open(SETTINGS);
	assert_int_equal(job_count(j, JOURNAL_DONE) + job_count(j, JOURNAL_WAITING), 0);
	journal_close(j);
}

static void a_lock_of_another_program_stays_as_it_is(void **state)
{
	static const char text[] =
	    "a list of the locks in this house, and of who has a key to which";
	struct stat st;

	(void)state;
	put("journal-lock", text, sizeof(text));
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, "journal-lock"));
	assert_int_equal(stat("journal-lock", &st), 0);
	assert_int_equal(st.st_size, sizeof(text));
}

static void an_empty_file_is_a_job_not_begun(void **state)
{
	(void)state;
	put("journal", "", 0);
	assert_int_equal(job_refused(NULL, &err), HSMIME_EIO);
	journal_close(job_open(SETTINGS));
	journal_close(job_open(NULL));
}

static void a_folder_or_a_place_in_none_is_an_error(void **state)
{
	struct journal *j = NULL;

	(void)state;
	assert_int_equal(mkdir("journal", 0700), 0);
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EIO);
	assert_int_equal(job_refused(NULL, &err), HSMIME_EIO);
	assert_int_equal(journal_open(&j, "none/journal", SETTINGS, &err), HSMIME_EIO);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(journal_open(&j, "fifo", SETTINGS, &err), HSMIME_EIO);
	assert_null(j);
}

/* Root may write anywhere but in /proc. */
static void a_folder_that_cant_be_written_is_an_error(void **state)
{
	struct journal *j = NULL;

	(void)state;
	assert_int_equal(journal_open(&j, "/proc/journal", SETTINGS, &err), HSMIME_EIO);
	assert_null(j);
}

static void by_another_name_it_is_the_same_journal(void **state)
{
	struct journal *j = job_open(SETTINGS), *other = NULL;

	(void)state;
	assert_int_equal(symlink("journal", "link"), 0);
	assert_int_equal(journal_open(&other, "link", SETTINGS, &err), HSMIME_EIO);
	assert_null(other);
	assert_non_null(strstr(err.message, "in use"));
	/* The one that was refused takes no lock away. */
	assert_int_equal(job_refused(SETTINGS, &err), HSMIME_EIO);
	journal_close(j);
}

/* In a child, where every lock is refused as by a file system that has none. */
static int open_without_locks(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_OFD_SETLK, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETLK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(rows) / sizeof(rows[0]), rows };
	struct journal *j = NULL;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 77;
	if (journal_open(&j, job_place(), SETTINGS, &err) != HSMIME_EIO ||
	    strstr(err.message, "lock") == NULL || strstr(err.hint, "can lock files") == NULL)
		return 1;
	return journal_open(&j, job_place(), NULL, &err) == HSMIME_EIO &&
		       strstr(err.hint, "can lock files") != NULL
		   ? 0
		   : 2;
}

static void where_files_cant_be_locked_it_is_an_error(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	journal_close(job_open(SETTINGS));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(open_without_locks());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
	journal_close(job_open(SETTINGS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_for_its_owner_alone),
		TEST(closed_it_is_one_file),
		TEST(each_commit_is_synced_and_no_adding),
		TEST(nothing_is_recorded_after_a_sync_that_failed),
		TEST(on_a_full_disk_nothing_is_lost),
		TEST(on_a_full_disk_none_is_begun),
		TEST(what_is_no_journal_stays_as_it_is),
		TEST(another_programs_database_is_no_journal),
		TEST(a_newer_schema_is_not_touched),
		TEST(a_journal_that_was_removed_does_not_come_back_by_half),
		TEST(a_lock_of_another_program_stays_as_it_is),
		TEST(an_empty_file_is_a_job_not_begun),
		TEST(a_folder_or_a_place_in_none_is_an_error),
		TEST(a_folder_that_cant_be_written_is_an_error),
		TEST(by_another_name_it_is_the_same_journal),
		TEST(where_files_cant_be_locked_it_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
