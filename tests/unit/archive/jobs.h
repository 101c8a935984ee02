/*
 * jobs: a journal to test, in a scratch folder or in a database, and messages for it. Tests that hold for every kind
 * of journal take their place from job_place, and are run by job_test once for each kind.
 */
#ifndef TESTS_ARCHIVE_JOBS_H
#define TESTS_ARCHIVE_JOBS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/journal.h"
#include "scratch.h"

#define SETTINGS "{\"in\":\"maildir:a\",\"out\":\"maildir:b\",\"keys\":[\"k1\",\"k2\"]}"

/* job_place(): the name of this test's journal; nothing is there at first. journal_is_shared(): it is of several hosts. */
const char *job_place(void);
bool journal_is_shared(void);

/* JOB_TEST(name): a test, in a scratch folder of its own, and with a place of its own. */
int job_enter(void **state);
#define JOB_TEST(name) cmocka_unit_test_setup_teardown(name, job_enter, scratch_leave)

/*
 * job_test(name, tests, count): with every kind of journal; how many failed. job_in_database(name, tests, count): with
 * PostgreSQL alone, where hsmime is built with it; its server is this program's. job_server_do(what): as
 * tests/postgresql has it; 0, or -1.
 */
int job_test(const char *name, const struct CMUnitTest *tests, size_t count);
int job_in_database(const char *name, const struct CMUnitTest *tests, size_t count);
int job_server_do(const char *what);

/* job_open(settings): at job_place, which has to go well. job_refused(settings): its status, which is not 0, and words. */
struct journal *job_open(const char *settings);
int job_refused(const char *settings, struct error *err);

/* job_try(status, err): prints what err says where status is not 0, and gives it back. */
int job_try(int status, const struct error *err);

/* job_add(j, from, count): messages of key "m000000042" and name "cur/m000000042:2,S", of size 100 + number, the first of that number. */
void job_add(struct journal *j, uint64_t from, uint64_t count);

/* job_take(entries, j, max): how many. */
size_t job_take(struct journal_entry *entries, struct journal *j, size_t max);

/* job_commit(j, max, state): takes max and commits them all alike; cause "no-key" for failures. How many there were. */
size_t job_commit(struct journal *j, size_t max, enum journal_state state);

/* job_outcome(number, state): as it is committed, cause "malformed" for failures; not to be freed. */
struct journal_entry job_outcome(uint64_t number, enum journal_state state);

void job_free(struct journal_entry *entries, size_t count);

/* job_count(j, state): of the totals. */
uint64_t job_count(struct journal *j, enum journal_state state);

#endif
