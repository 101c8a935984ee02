/* The journal that is a file, damaged or without memory: an error, no crash, and nothing lost. */
#include "jobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

static struct error err;

/* Nothing is to outlive the machine here, and there are many runs. */
int fdatasync(int fd) __attribute__((visibility("default")));

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* Octets of each page in turn are overwritten: an error, or all as before, and no crash. */
static void a_damaged_journal_is_an_error(void **state)
{
	struct journal *j = job_open(SETTINGS);
	unsigned refused = 0;
	char junk[300];
	struct stat st;

	(void)state;
	memset(junk, 0xa5, sizeof(junk));
	job_add(j, 1, 500);
	assert_int_equal(job_commit(j, 100, JOURNAL_FAILED), 100);
	journal_close(j);
	assert_int_equal(stat("journal", &st), 0);
	for (off_t at = 4096; at < st.st_size; at += 4096) {
		int fd = open("journal", O_RDWR | O_CLOEXEC), status;
		struct journal_cause *causes = NULL;
		struct journal_totals t;
		char old[300];
		size_t count = 0;

		assert_int_equal(pread(fd, old, sizeof(old), at), sizeof(old));
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
		status = journal_open(&j, job_place(), NULL, &err);
		if (status == 0)
			status = j->kind->totals(&t, j, &err);
		if (status == 0)
			status = j->kind->causes(&causes, &count, j, &err);
		assert_true(status == 0 || status == HSMIME_EFORMAT || status == HSMIME_EINTERNAL);
		refused += status != 0;
		while (count > 0)
			free(causes[--count].cause);
		free(causes);
		journal_close(j);
		j = NULL;
		assert_int_equal(pwrite(fd, old, sizeof(old), at), sizeof(old));
		close(fd);
	}
	assert_true(refused > 0);
	journal_close(job_open(SETTINGS));
}

/* SQLite's allocation that fails, counted down; 0: none. */
static sqlite3_mem_methods plain;
static unsigned countdown;
static bool failed;

static void *failing_malloc(int len)
{
	if (countdown > 0 && --countdown == 0) {
		failed = true;
		return NULL;
	}
	return plain.xMalloc(len);
}

static void *failing_realloc(void *old, int len)
{
	if (countdown > 0 && --countdown == 0) {
		failed = true;
		return NULL;
	}
	return plain.xRealloc(old, len);
}

static void release_all(struct journal_entry *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		journal_entry_free(&e[i]);
}

static int whole_life(void)
{
	struct journal *j = NULL;
	char name[] = "name";
	struct mail_item item = { .name = name, .size = 4 };
	struct journal_entry e[1] = { { 0 } };
	struct journal_totals t;
	size_t n = 0;
	uint64_t count = 0;
	int status = journal_open(&j, job_place(), SETTINGS, &err);

	if (status == 0)
		status = j->kind->add(j, &item, 1, &err);
	if (status == 0)
		status = j->kind->listed(j, &err);
	if (status == 0)
		status = j->kind->take(e, &n, 1, j, &err);
	if (status == 0 && n == 1) {
		e[0].state = JOURNAL_FAILED;
		e[0].cause = strdup("no-key");
		status = j->kind->commit(j, e, 1, 0, &err);
	}
	if (status == 0)
		status = j->kind->totals(&t, j, &err);
	if (status == 0)
		status = j->kind->retry(&count, j, NULL, &err);
	release_all(e, n);
	journal_close(j);
	return status;
}

static void each_allocation_of_sqlites_may_fail(void **state)
{
	unsigned turn;

	(void)state;
	assert_int_equal(whole_life(), 0);
	for (turn = 1; turn < 20000; turn += turn < 1500 ? 1 : 7) {
		struct journal *j;
		int status;

		failed = false;
		countdown = turn;
		status = whole_life();
		countdown = 0;
		if (!failed)
			break;
		assert_true(status == 0 || status == HSMIME_ENOMEM);
		j = job_open(SETTINGS);
		assert_int_equal(job_count(j, JOURNAL_WAITING) + job_count(j, JOURNAL_FAILED), 1);
		journal_close(j);
	}
	assert_in_range(turn, 50, 19999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_enter, scratch_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_damaged_journal_is_an_error),
		TEST(each_allocation_of_sqlites_may_fail),
	};
	sqlite3_mem_methods failing;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) != SQLITE_OK)
		return 1;
	failing = plain;
	failing.xMalloc = failing_malloc;
	failing.xRealloc = failing_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
