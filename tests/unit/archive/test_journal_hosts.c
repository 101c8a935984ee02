/* Several hosts on one journal: each of these tests opens it more than once. */
#include "jobs.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef POSTGRESQL_RIG
static struct error err;

#define DO(call) assert_int_equal(job_try((call), &err), 0)

#define MANY 2000

struct host {
	struct journal *j;
	char tag[JOURNAL_TAG];
};

static struct host host(unsigned lease)
{
	struct host h = { .j = job_open(SETTINGS) };

	DO(h.j->kind->join(h.tag, h.j, lease, &err));
	assert_string_not_equal(h.tag, "");
	return h;
}

/* Takes up to max, and gives their numbers. */
static size_t take(uint64_t *numbers, struct host *h, size_t max)
{
	struct journal_entry e[32];
	size_t n = job_take(e, h->j, max);

	for (size_t i = 0; i < n; i++)
		numbers[i] = e[i].number;
	job_free(e, n);
	return n;
}

static int commit(struct host *h, const uint64_t *numbers, size_t count)
{
	struct journal_entry e[32];

	for (size_t i = 0; i < count; i++)
		e[i] = job_outcome(numbers[i], JOURNAL_DONE);
	return h->j->kind->commit(h->j, e, count, 0, &err);
}

/* The one that is gone is told of once its time has run out; the database's clock says when. */
static void reap_until(char tag[JOURNAL_TAG], struct host *by, time_t seconds)
{
	time_t until = time(NULL) + seconds;

	do
		DO(by->j->kind->reap(tag, by->j, &err));
	while (tag[0] == '\0' && time(NULL) <= until);
}

static void no_two_hosts_get_the_same_message(void **state)
{
	struct host a = host(60), b = host(60);
	uint64_t from_a[10], from_b[10];

	(void)state;
	job_add(a.j, 1, 30);
	assert_int_equal(take(from_a, &a, 10), 10);
	assert_int_equal(take(from_b, &b, 10), 10);
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(from_a[i / 10], from_b[i % 10]);
	assert_int_equal(commit(&b, from_b, 10), 0);
	assert_int_equal(commit(&a, from_a, 10), 0);
	assert_int_equal(take(from_b, &b, 20), 10);
	assert_int_equal(take(from_a, &a, 10), 0);
	assert_int_equal(job_count(a.j, JOURNAL_DONE), 20);
	/* What is another's is not recorded. */
	assert_int_equal(commit(&a, from_b, 1), HSMIME_EINTERNAL);
	assert_int_equal(job_count(a.j, JOURNAL_DONE), 20);
	journal_close(a.j);
	journal_close(b.j);
}

static void who_leaves_gives_back_what_it_had(void **state)
{
	struct host a = host(60), b = host(60);
	uint64_t numbers[10];

	(void)state;
	job_add(a.j, 1, 10);
	assert_int_equal(take(numbers, &a, 10), 10);
	assert_int_equal(take(numbers, &b, 10), 0);
	journal_close(a.j);
	assert_int_equal(take(numbers, &b, 10), 10);
	journal_close(b.j);
}

static void what_a_host_that_is_gone_had_is_given_out_again_once_its_files_are(void **state)
{
	struct host slow = host(1), other = host(60);
	uint64_t numbers[10], again[10];
	char tag[JOURNAL_TAG];

	(void)state;
	job_add(slow.j, 1, 10);
	assert_int_equal(take(numbers, &slow, 10), 10);
	assert_int_equal(commit(&slow, numbers, 3), 0);
	reap_until(tag, &other, 30);
	assert_string_equal(tag, slow.tag);
	/* From here on it can record nothing, and nobody else has it yet. */
	assert_int_equal(commit(&slow, numbers + 3, 7), JOURNAL_LOST);
	assert_int_equal(slow.j->kind->hold(slow.j, &err), JOURNAL_LOST);
	assert_int_equal(slow.j->kind->beat(slow.j, &err), JOURNAL_LOST);
	assert_int_equal(take(again, &other, 10), 0);
	/* Who reaps may die as well. */
	DO(other.j->kind->reap(tag, other.j, &err));
	assert_string_equal(tag, slow.tag);
	DO(other.j->kind->release(other.j, tag, &err));
	DO(other.j->kind->reap(tag, other.j, &err));
	assert_string_equal(tag, "");
	assert_int_equal(take(again, &other, 10), 7);
	assert_int_equal(commit(&other, again, 4), 0);
	assert_int_equal(commit(&slow, numbers + 3, 7), JOURNAL_LOST);
	assert_int_equal(job_count(other.j, JOURNAL_DONE), 7);
	/* It begins anew, as another one, and what it had before is not its own. */
	DO(slow.j->kind->join(slow.tag, slow.j, 60, &err));
	assert_string_not_equal(slow.tag, tag);
	assert_int_equal(commit(&slow, numbers + 9, 1), HSMIME_EINTERNAL);
	assert_int_equal(commit(&other, again + 4, 3), 0);
	assert_int_equal(job_count(other.j, JOURNAL_DONE), 10);
	journal_close(slow.j);
	journal_close(other.j);
}

static void who_says_that_it_is_there_keeps_what_it_has(void **state)
{
	struct host a = host(2), other = host(60);
	time_t until = time(NULL) + 5;
	uint64_t numbers[10];
	char tag[JOURNAL_TAG];

	(void)state;
	job_add(a.j, 1, 10);
	assert_int_equal(take(numbers, &a, 10), 10);
	while (time(NULL) < until) {
		assert_int_equal(a.j->kind->beat(a.j, &err), 0);
		DO(other.j->kind->reap(tag, other.j, &err));
		assert_string_equal(tag, "");
	}
	assert_int_equal(commit(&a, numbers, 10), 0);
	journal_close(a.j);
	journal_close(other.j);
}

/* Nobody noticed: nothing was lost. */
static void who_is_late_and_was_not_missed_goes_on(void **state)
{
	struct host a = host(1), other = host(1);
	uint64_t numbers[10];
	char tag[JOURNAL_TAG];

	(void)state;
	job_add(a.j, 1, 10);
	assert_int_equal(take(numbers, &a, 10), 10);
	/* Another that is late too: the time of both has run out. */
	reap_until(tag, &a, 30);
	assert_string_equal(tag, other.tag);
	assert_int_equal(commit(&a, numbers, 10), 0);
	journal_close(a.j);
	journal_close(other.j);
}

static bool claims(struct host *h, enum journal_duty duty)
{
	bool mine = false;

	DO(h->j->kind->claim(&mine, h->j, duty, &err));
	return mine;
}

static void one_at_a_time_has_a_duty(void **state)
{
	struct host a = host(60), b = host(60), late = host(1);
	char tag[JOURNAL_TAG];

	(void)state;
	assert_true(claims(&a, JOURNAL_LISTS));
	assert_true(claims(&a, JOURNAL_LISTS));
	assert_false(claims(&b, JOURNAL_LISTS));
	assert_true(claims(&late, JOURNAL_FINISHES));
	assert_false(claims(&b, JOURNAL_FINISHES));
	journal_close(a.j);
	assert_true(claims(&b, JOURNAL_LISTS));
	reap_until(tag, &b, 30);
	assert_string_equal(tag, late.tag);
	assert_true(claims(&b, JOURNAL_FINISHES));
	journal_close(b.j);
	journal_close(late.j);
}

static void that_it_is_finished_is_told_until_something_is_tried_again(void **state)
{
	struct host a = host(60), b = host(60);
	struct journal_totals t;
	uint64_t count;

	(void)state;
	job_add(a.j, 1, 2);
	assert_int_equal(job_commit(a.j, 2, JOURNAL_FAILED), 2);
	DO(b.j->kind->totals(&t, b.j, &err));
	assert_false(t.finished);
	assert_true(claims(&a, JOURNAL_FINISHES));
	DO(a.j->kind->finished(a.j, &err));
	DO(b.j->kind->totals(&t, b.j, &err));
	assert_true(t.finished);
	/* Not while another is there. */
	assert_int_equal(b.j->kind->retry(&count, b.j, NULL, &err), HSMIME_EIO);
	assert_non_null(strstr(err.message, "in use by process"));
	journal_close(a.j);
	DO(b.j->kind->retry(&count, b.j, NULL, &err));
	assert_int_equal(count, 2);
	DO(b.j->kind->totals(&t, b.j, &err));
	assert_false(t.finished);
	assert_true(claims(&b, JOURNAL_FINISHES));
	journal_close(b.j);
}

static void hosts_are_told_with_what_they_have(void **state)
{
	struct host a = host(60), b = host(60);
	struct journal *reader = job_open(NULL);
	struct journal_host *hosts = NULL;
	uint64_t numbers[10];
	char name[256];
	size_t count = 0;

	(void)state;
	job_add(a.j, 1, 10);
	assert_int_equal(take(numbers, &a, 8), 8);
	assert_int_equal(commit(&a, numbers, 5), 0);
	journal_close(b.j);
	DO(reader->kind->hosts(&hosts, &count, reader, &err));
	assert_int_equal(count, 2);
	assert_int_equal(gethostname(name, sizeof(name)), 0);
	assert_string_equal(hosts[0].name, name);
	assert_int_equal(hosts[0].process, getpid());
	assert_int_equal(hosts[0].presence, JOURNAL_PRESENT);
	assert_int_equal(hosts[0].held, 3);
	assert_int_equal(hosts[0].done, 5);
	assert_true(hosts[0].since <= hosts[0].seen && hosts[0].seen - time(NULL) < 60);
	assert_int_equal(hosts[1].presence, JOURNAL_LEFT);
	for (size_t i = 0; i < count; i++)
		free(hosts[i].name);
	free(hosts);
	journal_close(a.j);
	journal_close(reader);
}

static void two_names_in_a_database_are_two_jobs(void **state)
{
	struct journal *one = job_open(SETTINGS), *two = NULL;
	char other[600];

	(void)state;
	snprintf(other, sizeof(other), "%s_other", job_place());
	DO(journal_open(&two, other, "{\"in\":\"x\"}", &err));
	job_add(one, 1, 5);
	assert_int_equal(job_count(two, JOURNAL_WAITING), 0);
	job_add(two, 1, 3);
	assert_int_equal(job_count(one, JOURNAL_WAITING), 5);
	journal_close(one);
	journal_close(two);
}

/* Works until nothing waits, beside others. */
static void work(int number)
{
	struct journal *j = NULL;
	struct journal_entry e[32];
	struct error own = { 0 };
	size_t n = 1;

	if (job_try(journal_open(&j, job_place(), SETTINGS, &own), &own) != 0)
		_exit(2);
	if (number == 0)
		job_add(j, 1, MANY);
	while (n > 0 || job_count(j, JOURNAL_WAITING) > 0) {
		if (j->kind->take(e, &n, 32, j, &own) != 0)
			_exit(3);
		for (size_t i = 0; i < n; i++)
			e[i].state = JOURNAL_DONE;
		if (n > 0 && j->kind->commit(j, e, n, 0, &own) != 0)
			_exit(4);
		job_free(e, n);
	}
	journal_close(j);
	_exit(0);
}

/* They make the job at the same time, too. */
static void six_processes_do_everything_once(void **state)
{
	struct journal *j;
	pid_t pids[6];
	int status;

	(void)state;
	for (int i = 0; i < 6; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			work(i);
	}
	for (int i = 0; i < 6; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	j = job_open(NULL);
	assert_int_equal(job_count(j, JOURNAL_DONE), MANY);
	assert_int_equal(job_count(j, JOURNAL_WAITING), 0);
	journal_close(j);
}

static void a_uri_with_a_password_is_refused_and_not_repeated(void **state)
{
	static const char *const uris[] = { "postgresql://me:Zq7@localhost/x#n",
		"postgres://me:Zq7@/x#n", "postgresql:///x?password=Zq7#n",
		"postgresql:///x?p%61ssword=Zq7#n", "postgresql:///x?sslpassword=Zq7#n" };
	struct journal *j = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		assert_int_equal(journal_check(uris[i], false, &err), HSMIME_EUSAGE);
		assert_null(strstr(err.message, "Zq7"));
		assert_null(strstr(err.hint, "Zq7"));
		assert_non_null(strstr(err.hint, "pgpass"));
		assert_int_equal(journal_open(&j, uris[i], SETTINGS, &err), HSMIME_EUSAGE);
		assert_null(j);
	}
	assert_int_equal(journal_check("postgresql://[", false, &err), HSMIME_EUSAGE);
	DO(journal_check("postgresql://me@localhost/x", false, &err));
}

static void a_server_that_is_not_there_is_told_at_once(void **state)
{
	struct journal *j = NULL;

	(void)state;
	assert_int_equal(
	    journal_open(&j, "postgresql:///x?host=/nowhere#n", SETTINGS, &err), HSMIME_EIO);
	assert_null(j);
	assert_non_null(strstr(err.message, "/nowhere"));
	assert_string_not_equal(err.hint, "");
	assert_int_equal(journal_check("postgresql:///x?host=/nowhere", true, &err), HSMIME_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(no_two_hosts_get_the_same_message),
		JOB_TEST(who_leaves_gives_back_what_it_had),
		JOB_TEST(what_a_host_that_is_gone_had_is_given_out_again_once_its_files_are),
		JOB_TEST(who_says_that_it_is_there_keeps_what_it_has),
		JOB_TEST(who_is_late_and_was_not_missed_goes_on),
		JOB_TEST(one_at_a_time_has_a_duty),
		JOB_TEST(that_it_is_finished_is_told_until_something_is_tried_again),
		JOB_TEST(hosts_are_told_with_what_they_have),
		JOB_TEST(two_names_in_a_database_are_two_jobs),
		JOB_TEST(six_processes_do_everything_once),
		JOB_TEST(a_uri_with_a_password_is_refused_and_not_repeated),
		JOB_TEST(a_server_that_is_not_there_is_told_at_once),
	};

	return job_in_database("test_journal_hosts", tests, sizeof(tests) / sizeof(tests[0]));
}
#else
int main(void)
{
	return 0;
}
#endif
