#include "jobs.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static bool in_database; /* this round's kind */
static char place[512] = "journal";
static char server[256]; /* the folder of one that runs */

const char *job_place(void)
{
	return place;
}

bool journal_is_shared(void)
{
	return in_database;
}

/* Each test has a name of its own in the database. */
int job_enter(void **state)
{
	static unsigned count;

	if (in_database)
		snprintf(place, sizeof(place), "postgresql:///postgres?host=%s&user=hsmime#test%u",
		    server, ++count);
	else
		snprintf(place, sizeof(place), "journal");
	return scratch_enter(state);
}

#ifdef POSTGRESQL_RIG
static int run(char *const arguments[])
{
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int rig(const char *what)
{
	char script[] = POSTGRESQL_RIG, *word = strdup(what);
	char *const arguments[] = { script, word, server, NULL };
	int status = run(arguments);

	free(word);
	return status;
}

static void remove_server(void)
{
	char rm[] = "rm", all[] = "-rf";
	char *const arguments[] = { rm, all, server, NULL };

	(void)rig("stop");
	(void)run(arguments);
}

int job_server_do(const char *what)
{
	return rig(what);
}

static int make_server(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	in_database = true;
	snprintf(
	    server, sizeof(server), "%s/journal-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
	return mkdtemp(server) != NULL ? rig("make") : -1;
}

static int leave_server(void **state)
{
	(void)state;
	remove_server();
	in_database = false;
	return 0;
}

int job_in_database(const char *name, const struct CMUnitTest *tests, size_t count)
{
	return _cmocka_run_group_tests(name, tests, count, make_server, leave_server);
}
#else
int job_in_database(const char *name, const struct CMUnitTest *tests, size_t count)
{
	(void)name;
	(void)tests;
	(void)count;
	return 0;
}
#endif

int job_test(const char *name, const struct CMUnitTest *tests, size_t count)
{
	char words[128];
	int failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);

	snprintf(words, sizeof(words), "%s, in PostgreSQL", name);
	return failed + job_in_database(words, tests, count);
}

int job_try(int status, const struct error *err)
{
	if (status != 0)
		print_error("%d: %s (%s)\n", status, err->message, err->hint);
	return status;
}

struct journal *job_open(const char *settings)
{
	struct journal *j = NULL;
	struct error err = { .code = 0 };

	assert_int_equal(job_try(journal_open(&j, job_place(), settings, &err), &err), 0);
	assert_non_null(j);
	return j;
}

int job_refused(const char *settings, struct error *err)
{
	struct journal *j = NULL;
	int status;

	*err = (struct error){ .code = 0 };
	status = journal_open(&j, job_place(), settings, err);
	assert_null(j);
	assert_int_not_equal(status, 0);
	assert_int_equal(err->code, status);
	assert_string_not_equal(err->message, "");
	return status;
}

void job_add(struct journal *j, uint64_t from, uint64_t count)
{
	char names[256][32], keys[256][32];
	struct mail_item items[256];
	struct error err;
	uint64_t at = from;

	while (at < from + count) {
		size_t n = 0;

		for (; n < 256 && at < from + count; n++, at++) {
			snprintf(
			    names[n], sizeof(names[n]), "cur/m%09llu:2,S", (unsigned long long)at);
			snprintf(keys[n], sizeof(keys[n]), "m%09llu", (unsigned long long)at);
			items[n] = (struct mail_item){ .name = names[n],
				.key = keys[n],
				.size = 100 + at,
				.modified = -(int64_t)at,
				.offset = at * 3,
				.quoted = at % 5 };
		}
		assert_int_equal(job_try(j->kind->add(j, items, n, &err), &err), 0);
	}
}

size_t job_take(struct journal_entry *entries, struct journal *j, size_t max)
{
	struct error err;
	size_t count = 99;

	assert_int_equal(job_try(j->kind->take(entries, &count, max, j, &err), &err), 0);
	assert_true(count <= max);
	return count;
}

struct journal_entry job_outcome(uint64_t number, enum journal_state state)
{
	static char cause[] = "malformed";

	return (struct journal_entry){
		.number = number, .state = state, .cause = state == JOURNAL_FAILED ? cause : NULL
	};
}

void job_free(struct journal_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		journal_entry_free(&entries[i]);
}

size_t job_commit(struct journal *j, size_t max, enum journal_state state)
{
	struct journal_entry *entries = calloc(max, sizeof(*entries));
	struct error err;
	size_t count = job_take(entries, j, max);

	for (size_t i = 0; i < count; i++) {
		entries[i].state = state;
		entries[i].cause = state == JOURNAL_FAILED ? strdup("no-key") : NULL;
	}
	assert_int_equal(job_try(j->kind->commit(j, entries, count, 0, &err), &err), 0);
	job_free(entries, count);
	free(entries);
	return count;
}

uint64_t job_count(struct journal *j, enum journal_state state)
{
	struct journal_totals t;
	struct error err;

	assert_int_equal(job_try(j->kind->totals(&t, j, &err), &err), 0);
	return t.counts[state];
}
