/* What is asked of settings and records by name: for every kind of journal. */
#include "jobs.h"

static struct error err;

#define DO(call) assert_int_equal(job_try((call), &err), 0)

static void assert_setting(struct journal *j, const char *name, const char *wanted)
{
	char *text = NULL;

	DO(j->kind->setting(&text, j, name, &err));
	if (wanted == NULL)
		assert_null(text);
	else
		assert_string_equal(text, wanted);
	free(text);
}

static void a_setting_is_told_as_text(void **state)
{
	struct journal *j = job_open("{\"in\":\"maildir:a\",\"limit\":18446744073709551615,\"yes\":"
				     "true,\"no\":false,\"none\":null,\"a.b\":\"c\"}");

	(void)state;
	assert_setting(j, "in", "maildir:a");
	assert_setting(j, "yes", "1");
	assert_setting(j, "no", "0");
	assert_setting(j, "none", NULL);
	assert_setting(j, "other", NULL);
	assert_setting(j, "a.b", "c");
	journal_close(j);
}

static void commit_one(
    struct journal *j, uint64_t number, enum journal_state state, const char *record)
{
	struct journal_entry e = job_outcome(number, state);

	e.record = (char *)(uintptr_t)record;
	DO(j->kind->commit(j, &e, 1, 0, &err));
}

static struct journal *with_outcomes(void)
{
	struct journal_entry e[8];
	struct journal *j = job_open(SETTINGS);

	job_add(j, 1, 8);
	assert_int_equal(job_take(e, j, 8), 8);
	job_free(e, 8);
	commit_one(j, 1, JOURNAL_DONE, "{\"date\":\"2019-01-01T00:00:00Z\",\"key\":\"b\"}");
	commit_one(j, 2, JOURNAL_DONE, "{\"date\":\"2019-12-31T00:00:00Z\",\"key\":\"a\"}");
	commit_one(j, 3, JOURNAL_FAILED,
	    "{\"date\":\"2018-01-01T00:00:00Z\",\"key\":null,\"problem\":\"why \\\"not\\\"\"}");
	commit_one(j, 4, JOURNAL_FAILED, "no JSON");
	commit_one(j, 5, JOURNAL_COPIED, NULL);
	commit_one(j, 6, JOURNAL_DONE, "{\"date\":\"2018-06-01T00:00:00Z\",\"key\":\"b\"}");
	return j;
}

static void free_rows(struct journal_tally *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(rows[i].value);
	free(rows);
}

static void outcomes_are_counted_by_what_their_records_say(void **state)
{
	struct journal *j = with_outcomes();
	struct journal_tally *rows = NULL;
	size_t count = 0;

	(void)state;
	DO(j->kind->tally(&rows, &count, j, "key", 0, &err));
	assert_int_equal(count, 3);
	assert_null(rows[0].value);
	assert_int_equal(rows[0].counts[JOURNAL_FAILED], 2);
	assert_int_equal(rows[0].counts[JOURNAL_COPIED], 1);
	assert_int_equal(rows[0].counts[JOURNAL_DONE], 0);
	assert_string_equal(rows[1].value, "a");
	assert_int_equal(rows[1].counts[JOURNAL_DONE], 1);
	assert_string_equal(rows[2].value, "b");
	assert_int_equal(rows[2].counts[JOURNAL_DONE], 2);
	free_rows(rows, count);
	journal_close(j);
}

static void the_beginning_may_be_what_counts(void **state)
{
	struct journal *j = with_outcomes();
	struct journal_tally *rows = NULL;
	size_t count = 0;

	(void)state;
	DO(j->kind->tally(&rows, &count, j, "date", 4, &err));
	assert_int_equal(count, 3);
	assert_null(rows[0].value);
	assert_string_equal(rows[1].value, "2018");
	assert_int_equal(rows[1].counts[JOURNAL_DONE], 1);
	assert_int_equal(rows[1].counts[JOURNAL_FAILED], 1);
	assert_string_equal(rows[2].value, "2019");
	assert_int_equal(rows[2].counts[JOURNAL_DONE], 2);
	free_rows(rows, count);
	journal_close(j);
}

static int note_problem(void *arg, const struct journal_entry *e)
{
	const char **wanted = arg;

	if (e->number == 3)
		assert_string_equal(e->problem, wanted[0]);
	else
		assert_null(e->problem);
	return 0;
}

static void a_failure_comes_with_its_problem(void **state)
{
	struct journal *j = with_outcomes();
	const char *wanted[] = { "why \"not\"" };

	(void)state;
	DO(j->kind->each(j, true, note_problem, wanted, &err));
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(a_setting_is_told_as_text),
		JOB_TEST(outcomes_are_counted_by_what_their_records_say),
		JOB_TEST(the_beginning_may_be_what_counts),
		JOB_TEST(a_failure_comes_with_its_problem),
	};

	return job_test("test_journal_tally", tests, sizeof(tests) / sizeof(tests[0]));
}
