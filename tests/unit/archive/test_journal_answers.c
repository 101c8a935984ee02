/*
 * A connection that breaks at any place: what was asked may have been done, and is neither lost nor done twice. This
 * program stands between the module and libpq, and cuts the connection before or behind the call of its choice.
 */
#include "jobs.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef POSTGRESQL_RIG
#include <dlfcn.h>
#include <libpq-fe.h>

static struct error err;

#define DO(call) assert_int_equal(job_try((call), &err), 0)

static int cut_at = -1; /* calls until then */
static bool cut_behind; /* it was done, and its answer is lost */
static unsigned cuts;

/* The module finds this one before libpq's. */
__attribute__((visibility("default"))) PGresult *PQexecPrepared(PGconn *conn, const char *name,
    int count, const char *const *values, const int *lengths, const int *formats, int format)
{
	static PGresult *(*real)(
	    PGconn *, const char *, int, const char *const *, const int *, const int *, int);
	bool cut = cut_at >= 0 && cut_at-- == 0;
	PGresult *r;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "PQexecPrepared");
	if (!cut)
		return real(conn, name, count, values, lengths, formats, format);
	cuts++;
	if (cut_behind)
		PQclear(real(conn, name, count, values, lengths, formats, format));
	(void)shutdown(PQsocket(conn), SHUT_RDWR);
	r = real(conn, name, count, values, lengths, formats, format);
	assert_int_not_equal(PQstatus(conn), CONNECTION_OK);
	return r;
}

static void break_at(int call, bool behind)
{
	cut_at = call;
	cut_behind = behind;
	cuts = 0;
}

static struct journal *patient(void)
{
	struct journal *j = job_open(SETTINGS);

	j->watch.patience = 30;
	return j;
}

/* One round of all that is done, cut off at one place; how many calls there were before it is over. */
static bool round_is_cut(int call, bool behind)
{
	struct journal *j = patient();
	struct journal_entry e[8];
	uint64_t count = 0, n;

	job_free(e, job_take(e, j, 1)); /* it is a host by now */
	break_at(call, behind);
	job_add(j, 1, 8);
	n = job_take(e, j, 8);
	for (size_t i = 0; i < n; i++) {
		e[i].state = i % 2 == 0 ? JOURNAL_DONE : JOURNAL_FAILED;
		e[i].cause = strdup("no-key");
	}
	assert_int_equal(n, 8);
	DO(j->kind->commit(j, e, 8, 0, &err));
	job_free(e, 8);
	DO(j->kind->listed(j, &err));
	DO(j->kind->finished(j, &err));
	assert_int_equal(job_count(j, JOURNAL_WAITING), 0);
	assert_int_equal(job_count(j, JOURNAL_DONE), 4);
	assert_int_equal(job_count(j, JOURNAL_FAILED), 4);
	DO(j->kind->retry(&count, j, NULL, &err));
	assert_int_equal(job_count(j, JOURNAL_WAITING), 4);
	assert_int_equal(job_count(j, JOURNAL_FAILED), 0);
	assert_int_equal(job_take(e, j, 8), 4);
	job_free(e, 4);
	cut_at = -1;
	journal_close(j);
	return cuts > 0;
}

/* The same job is begun for each place, under another name. */
static void at_every_call(bool behind)
{
	void *state = NULL;
	int call = 0;

	while (round_is_cut(call, behind)) {
		assert_int_equal(scratch_leave(&state), 0);
		assert_int_equal(job_enter(&state), 0);
		call++;
	}
	assert_true(call > 30);
}

static void a_call_that_did_not_arrive_is_made_again(void **state)
{
	(void)state;
	at_every_call(false);
}

static void a_call_whose_answer_was_lost_is_not_made_twice(void **state)
{
	(void)state;
	at_every_call(true);
}

static unsigned said;

static void start_server(void *arg, const char *words)
{
	(void)arg;
	said++;
	assert_non_null(strstr(words, "waiting"));
	assert_int_equal(job_server_do("start"), 0);
}

static void a_server_that_is_killed_and_comes_back_is_waited_for(void **state)
{
	struct journal *j = patient();
	struct journal_entry e[5];

	(void)state;
	j->watch.say = start_server;
	job_add(j, 1, 10);
	assert_int_equal(job_take(e, j, 5), 5);
	assert_int_equal(job_server_do("kill"), 0);
	for (size_t i = 0; i < 5; i++)
		e[i].state = JOURNAL_DONE;
	said = 0;
	DO(j->kind->commit(j, e, 5, 0, &err));
	assert_int_equal(said, 1);
	job_free(e, 5);
	assert_int_equal(job_count(j, JOURNAL_DONE), 5);
	assert_int_equal(job_commit(j, 10, JOURNAL_DONE), 5);
	journal_close(j);
}

static bool over(void *arg)
{
	return *(bool *)arg;
}

static void a_server_that_stays_away_ends_the_wait(void **state)
{
	struct journal *j = job_open(SETTINGS);
	bool stop = true;
	struct journal_totals t;

	(void)state;
	job_add(j, 1, 10);
	assert_int_equal(job_server_do("stop"), 0);
	j->watch.patience = 0;
	assert_int_equal(j->kind->totals(&t, j, &err), HSMIME_EIO);
	assert_int_equal(err.code, HSMIME_EIO);
	assert_non_null(strstr(err.hint, "go on"));
	assert_int_equal(j->kind->beat(j, &err), HSMIME_EIO);
	/* Whoever does not want to wait does not. */
	j->watch = (struct journal_watch){ .patience = 100000, .over = over, .arg = &stop };
	assert_int_equal(j->kind->totals(&t, j, &err), HSMIME_EIO);
	assert_int_equal(job_server_do("start"), 0);
	assert_int_equal(job_count(j, JOURNAL_WAITING), 10);
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(a_call_that_did_not_arrive_is_made_again),
		JOB_TEST(a_call_whose_answer_was_lost_is_not_made_twice),
		JOB_TEST(a_server_that_is_killed_and_comes_back_is_waited_for),
		JOB_TEST(a_server_that_stays_away_ends_the_wait),
	};

	return job_in_database("test_journal_answers", tests, sizeof(tests) / sizeof(tests[0]));
}
#else
int main(void)
{
	return 0;
}
#endif
