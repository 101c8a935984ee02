/* What became of messages, and what a reader is told of it: for every kind of journal. */
#include "jobs.h"

#include <time.h>

static struct error err;

#define DO(call) assert_int_equal(job_try((call), &err), 0)

static int commit_refused(struct journal *j, const struct journal_entry *e, size_t count)
{
	int status = j->kind->commit(j, e, count, 0, &err);

	assert_string_not_equal(err.message, "");
	return status;
}

/* With one of the batch refused, none of it is recorded. */
static void an_outcome_that_cant_be_is_refused_with_its_batch(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[4], batch[2];

	(void)state;
	job_add(j, 1, 10);
	assert_int_equal(job_take(e, j, 4), 4);
	job_free(e, 4);
	batch[0] = job_outcome(1, JOURNAL_DONE);
	batch[1] = job_outcome(99, JOURNAL_DONE); /* unknown */
	assert_int_equal(commit_refused(j, batch, 2), HSMIME_EINTERNAL);
	batch[1] = job_outcome(0, JOURNAL_DONE);
	assert_int_equal(commit_refused(j, batch, 2), HSMIME_EINTERNAL);
	batch[1] = job_outcome(5, JOURNAL_DONE); /* not given out */
	assert_int_equal(commit_refused(j, batch, 2), HSMIME_EINTERNAL);
	batch[1] = job_outcome(1, JOURNAL_DONE); /* twice in one batch */
	assert_int_equal(commit_refused(j, batch, 2), HSMIME_EINTERNAL);
	batch[1] = job_outcome(2, JOURNAL_WAITING);
	assert_int_equal(commit_refused(j, batch, 2), HSMIME_EINTERNAL);
	batch[1] = job_outcome(2, JOURNAL_FAILED);
	batch[1].cause = NULL;
	assert_int_equal(commit_refused(j, batch, 2), HSMIME_EINTERNAL);
	assert_int_equal(job_count(j, JOURNAL_WAITING), 10);
	batch[1] = job_outcome(2, JOURNAL_DONE);
	DO(j->kind->commit(j, batch, 2, 0, &err));
	assert_int_equal(commit_refused(j, batch + 1, 1), HSMIME_EINTERNAL); /* again */
	assert_int_equal(job_count(j, JOURNAL_WAITING), 8);
	assert_int_equal(job_count(j, JOURNAL_DONE), 2);
	journal_close(j);
}

static void totals_add_up(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_totals t;
	uint64_t octets = 0;

	(void)state;
	job_add(j, 1, 100);
	DO(j->kind->listed(j, &err));
	assert_int_equal(job_commit(j, 10, JOURNAL_DONE), 10);
	assert_int_equal(job_commit(j, 20, JOURNAL_COPIED), 20);
	assert_int_equal(job_commit(j, 5, JOURNAL_SKIPPED), 5);
	assert_int_equal(job_commit(j, 7, JOURNAL_FAILED), 7);
	DO(j->kind->totals(&t, j, &err));
	assert_true(t.listed);
	assert_true(t.changed >= t.started && t.changed <= time(NULL));
	assert_int_equal(t.counts[JOURNAL_WAITING], 58);
	assert_int_equal(t.counts[JOURNAL_DONE], 10);
	assert_int_equal(t.counts[JOURNAL_COPIED], 20);
	assert_int_equal(t.counts[JOURNAL_SKIPPED], 5);
	assert_int_equal(t.counts[JOURNAL_FAILED], 7);
	assert_int_equal(t.octets[JOURNAL_DONE], 10 * 100 + 55);
	for (int i = 0; i <= JOURNAL_FAILED; i++)
		octets += t.octets[i];
	assert_int_equal(octets, 100 * 100 + 5050);
	journal_close(j);
}

static uint64_t committed(struct journal *j)
{
	struct journal_totals t;

	DO(j->kind->totals(&t, j, &err));
	return t.committed;
}

static void the_length_of_the_mbox_goes_with_the_outcomes(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[4], done;

	(void)state;
	job_add(j, 1, 4);
	job_free(e, job_take(e, j, 4));
	done = job_outcome(1, JOURNAL_DONE);
	DO(j->kind->commit(j, &done, 1, 5000000000, &err));
	done = job_outcome(2, JOURNAL_FAILED);
	DO(j->kind->commit(j, &done, 1, 0, &err));
	done = job_outcome(3, JOURNAL_DONE);
	assert_int_equal(j->kind->commit(j, &done, 1, 4999999999, &err), HSMIME_EINTERNAL);
	assert_int_equal(job_count(j, JOURNAL_DONE), 1);
	assert_true(committed(j) == 5000000000);
	DO(j->kind->commit(j, &done, 1, 5000000001, &err));
	journal_close(j);
	j = job_open(SETTINGS);
	assert_true(committed(j) == 5000000001);
	journal_close(j);
}

static uint64_t closed(struct journal *j)
{
	struct journal_totals t;

	DO(j->kind->totals(&t, j, &err));
	return t.closed;
}

static void what_stays_closed_is_counted_with_the_outcomes_and_of_no_failure(void **state)
{
	static const enum journal_state states[] = { JOURNAL_DONE, JOURNAL_COPIED, JOURNAL_SKIPPED,
		JOURNAL_FAILED, JOURNAL_DONE };
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[8], done[5];
	uint64_t again = 0;

	(void)state;
	job_add(j, 1, 8);
	job_free(e, job_take(e, j, 8));
	for (size_t i = 0; i < 5; i++) {
		done[i] = job_outcome(i + 1, states[i]);
		done[i].closed = i < 4;
	}
	assert_int_equal(closed(j), 0);
	DO(j->kind->commit(j, done, 5, 0, &err));
	assert_int_equal(closed(j), 3);
	/* All or none. */
	done[0] = job_outcome(6, JOURNAL_COPIED);
	done[0].closed = true;
	done[1] = job_outcome(1, JOURNAL_DONE);
	assert_int_equal(j->kind->commit(j, done, 2, 0, &err), HSMIME_EINTERNAL);
	assert_int_equal(closed(j), 3);
	DO(j->kind->commit(j, done, 1, 0, &err));
	assert_int_equal(job_commit(j, 8, JOURNAL_DONE), 0);
	assert_int_equal(closed(j), 4);
	assert_int_equal(job_count(j, JOURNAL_COPIED), 2);
	journal_close(j);
	j = job_open(SETTINGS);
	DO(j->kind->retry(&again, j, NULL, &err));
	assert_int_equal(again, 1);
	assert_int_equal(closed(j), 4);
	journal_close(j);
}

struct seen {
	uint64_t last;
	unsigned count;
	unsigned stop;
	bool shas;
};

static int see(void *arg, const struct journal_entry *e)
{
	struct seen *s = arg;

	assert_true(e->number > s->last);
	s->last = e->number;
	s->shas = e->has_sha && e->input_sha[31] == 1 && e->output_sha[0] == 2 &&
		  strcmp(e->record, "{\"a\":\"\xc3\xa4\"}") == 0 && e->cause == NULL;
	if (e->state == JOURNAL_FAILED)
		assert_string_equal(e->cause, "no-key");
	return ++s->count == s->stop ? 77 : 0;
}

static void each_message_is_seen_in_order(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct seen all = { 0 }, failed = { 0 }, some = { .stop = 65 }, first = { .stop = 1 };
	struct journal_entry e;

	(void)state;
	job_add(j, 1, 1000);
	assert_int_equal(job_take(&e, j, 1), 1);
	e.state = JOURNAL_DONE;
	e.has_sha = true;
	memset(e.input_sha, 1, JOURNAL_SHA);
	memset(e.output_sha, 2, JOURNAL_SHA);
	e.record = strdup("{\"a\":\"\xc3\xa4\"}");
	DO(j->kind->commit(j, &e, 1, 0, &err));
	journal_entry_free(&e);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(job_commit(j, 3, JOURNAL_DONE), 3);
		assert_int_equal(job_commit(j, 2, JOURNAL_FAILED), 2);
	}
	assert_int_equal(j->kind->each(j, false, see, &all, &err), 0);
	assert_int_equal(all.count, 1000);
	assert_int_equal(j->kind->each(j, true, see, &failed, &err), 0);
	assert_int_equal(failed.count, 100);
	assert_int_equal(j->kind->each(j, false, see, &some, &err), 77);
	assert_int_equal(some.count, 65);
	assert_int_equal(j->kind->each(j, false, see, &first, &err), 77);
	assert_true(first.shas);
	assert_false(all.shas);
	journal_close(j);
}

/* Seven failures: 4 malformed, 2 no-key, 1 wrong-key. */
static void fail_seven(struct journal *j)
{
	static const char *const words[] = { "no-key", "malformed", "malformed", "wrong-key",
		"malformed", "no-key", "malformed" };
	struct journal_entry e[7];

	assert_int_equal(job_take(e, j, 7), 7);
	for (int i = 0; i < 7; i++) {
		e[i].state = JOURNAL_FAILED;
		e[i].cause = strdup(words[i]);
	}
	DO(j->kind->commit(j, e, 7, 0, &err));
	job_free(e, 7);
}

static void causes_are_counted_most_first(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_cause *causes = NULL;
	size_t count = 9;

	(void)state;
	DO(j->kind->causes(&causes, &count, j, &err));
	assert_int_equal(count, 0);
	free(causes);
	job_add(j, 1, 20);
	fail_seven(j);
	assert_int_equal(job_commit(j, 20, JOURNAL_DONE), 13);
	DO(j->kind->causes(&causes, &count, j, &err));
	assert_int_equal(count, 3);
	assert_string_equal(causes[0].cause, "malformed");
	assert_int_equal(causes[0].count, 4);
	assert_string_equal(causes[1].cause, "no-key");
	assert_string_equal(causes[2].cause, "wrong-key");
	assert_int_equal(causes[2].count, 1);
	for (size_t i = 0; i < count; i++)
		free(causes[i].cause);
	free(causes);
	journal_close(j);
}

static void what_failed_can_be_tried_again(void **state)
{
	struct journal *j = job_open(SETTINGS);
	struct journal_entry e[20];
	uint64_t count = 0;

	(void)state;
	job_add(j, 1, 10);
	fail_seven(j);
	job_free(e, job_take(e, j, 1));
	assert_int_equal(j->kind->retry(&count, j, NULL, &err), HSMIME_EUSAGE);
	assert_int_equal(count, 0);
	e[0] = job_outcome(8, JOURNAL_DONE);
	DO(j->kind->commit(j, e, 1, 0, &err));
	DO(j->kind->retry(&count, j, "no-such", &err));
	assert_int_equal(count, 0);
	DO(j->kind->retry(&count, j, "no-key", &err));
	assert_int_equal(count, 2);
	assert_int_equal(job_count(j, JOURNAL_FAILED), 5);
	assert_int_equal(job_take(e, j, 20), 4);
	assert_int_equal(e[0].number, 1);
	assert_int_equal(e[1].number, 6);
	assert_int_equal(e[2].number, 9);
	job_free(e, 4);
	journal_close(j);
	j = job_open(NULL); /* as the command does it */
	DO(j->kind->retry(&count, j, NULL, &err));
	assert_int_equal(count, 5);
	journal_close(j);
	j = job_open(SETTINGS);
	assert_int_equal(job_count(j, JOURNAL_FAILED), 0);
	assert_int_equal(job_commit(j, 20, JOURNAL_DONE), 9);
	journal_close(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(an_outcome_that_cant_be_is_refused_with_its_batch),
		JOB_TEST(totals_add_up),
		JOB_TEST(the_length_of_the_mbox_goes_with_the_outcomes),
		JOB_TEST(what_stays_closed_is_counted_with_the_outcomes_and_of_no_failure),
		JOB_TEST(each_message_is_seen_in_order),
		JOB_TEST(causes_are_counted_most_first),
		JOB_TEST(what_failed_can_be_tried_again),
	};

	return job_test("test_journal_outcomes", tests, sizeof(tests) / sizeof(tests[0]));
}
