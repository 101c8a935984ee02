#include "functions.h"

#include <inttypes.h>
#include <string.h>

/* What a transaction adds to each state. */
struct tally {
	int64_t counts[JOURNAL_FAILED + 1];
	int64_t octets[JOURNAL_FAILED + 1];
	int64_t closed;
};

static int defect(uint64_t number, const char *what, struct error *err)
{
	return error_set(err, HSMIME_EINTERNAL,
	    "the outcome of message %" PRIu64 " can't be recorded: %s", number, what);
}

static int check(const struct database *d, const struct journal_entry *e, struct error *err)
{
	if (e->number == 0 || e->number > d->given)
		return defect(e->number, "it was not given out", err);
	if (e->state <= JOURNAL_WAITING || e->state > JOURNAL_FAILED)
		return defect(e->number, "it is none", err);
	if (e->state == JOURNAL_FAILED && e->cause == NULL)
		return defect(e->number, "a failure has a cause", err);
	return 0;
}

/* UPDATE … RETURNING would do it in one, and takes thrice the time of these. */
static int settle(int64_t *size, struct database *d, uint64_t number, struct error *err)
{
	sqlite3_stmt *s;
	bool row = false;
	int status = database_statement(&s, d, SQL_WAITING, err);

	*size = 0;
	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, (int64_t)number);
	status = database_step(&row, d, s, err);
	if (status != 0)
		return status;
	if (!row)
		return defect(number, "it has one already", err);
	*size = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	status = database_statement(&s, d, SQL_SETTLE, err);
	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, (int64_t)number);
	return database_run(d, s, err);
}

static void bind_octets(sqlite3_stmt *s, int at, const void *octets, size_t len)
{
	if (octets != NULL)
		(void)sqlite3_bind_blob64(s, at, octets, len, SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	if (text != NULL)
		(void)sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static int record(struct database *d, const struct journal_entry *e, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_OUTCOME, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, (int64_t)e->number);
	(void)sqlite3_bind_int(s, 2, (int)e->state);
	bind_text(s, 3, e->cause);
	bind_octets(s, 4, e->output, e->output != NULL ? strlen(e->output) : 0);
	bind_octets(s, 5, e->has_sha ? e->input_sha : NULL, JOURNAL_SHA);
	bind_octets(s, 6, e->has_sha ? e->output_sha : NULL, JOURNAL_SHA);
	bind_text(s, 7, e->record);
	return database_run(d, s, err);
}

static int commit_one(
    struct tally *t, struct database *d, const struct journal_entry *e, struct error *err)
{
	int64_t size = 0;
	int status = check(d, e, err);

	if (status == 0)
		status = settle(&size, d, e->number, err);
	if (status == 0)
		status = record(d, e, err);
	if (status != 0)
		return status;
	t->counts[JOURNAL_WAITING]--;
	t->octets[JOURNAL_WAITING] -= size;
	t->counts[e->state]++;
	t->octets[e->state] += size;
	t->closed += e->closed && e->state != JOURNAL_FAILED;
	return 0;
}

static int count_closed(struct database *d, int64_t count, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_CLOSED, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, count);
	return database_run(d, s, err);
}

/* Before the time of this commit is set. */
static int count_work(struct database *d, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_WORKED, err);

	return status == 0 ? database_run(d, s, err) : status;
}

static int add_up(struct database *d, const struct tally *t, struct error *err)
{
	int status = 0;

	for (int i = 0; status == 0 && i <= JOURNAL_FAILED; i++)
		status = job_count(d, (enum journal_state)i, t->counts[i], t->octets[i], err);
	if (status == 0 && t->closed > 0)
		status = count_closed(d, t->closed, err);
	return status == 0 ? count_work(d, err) : status;
}

static int set_committed(struct database *d, uint64_t committed, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_COMMITTED, err);

	if (status != 0)
		return status;
	if (committed > 0)
		(void)sqlite3_bind_int64(
		    s, 1, committed <= INT64_MAX ? (int64_t)committed : INT64_MAX);
	status = database_run(d, s, err);
	if (status == 0 && sqlite3_changes(d->handle) == 0)
		status = error_set(err, HSMIME_EINTERNAL,
		    "the journal %s: an mbox has got shorter than was recorded", d->path);
	return status;
}

int outcome_commit(struct journal *j, const struct journal_entry *entries, size_t count,
    uint64_t committed, struct error *err)
{
	struct database *d = database_of(j);
	struct tally t = { 0 };
	int status = database_write(d, err);

	if (status == 0)
		status = database_begin(d, true, err);
	if (status != 0)
		return status;
	for (size_t i = 0; status == 0 && i < count; i++)
		status = commit_one(&t, d, &entries[i], err);
	if (status == 0)
		status = add_up(d, &t, err);
	if (status == 0)
		status = set_committed(d, committed, err);
	status = database_end(d, status, err);
	if (status == 0)
		d->out -= count;
	return status;
}

/* What a statement does to all that failed of that cause. */
static int run_for(sqlite3_stmt **out, bool *row, struct database *d, enum sql which,
    const char *cause, struct error *err)
{
	int status = database_statement(out, d, which, err);

	if (status != 0)
		return status;
	bind_text(*out, 1, cause);
	return database_step(row, d, *out, err);
}

static int wait_again(uint64_t *count, struct database *d, const char *cause, struct error *err)
{
	struct tally t = { 0 };
	sqlite3_stmt *s;
	bool row = false;
	int status = run_for(&s, &row, d, SQL_FAILED_TOTAL, cause, err);

	if (status != 0 || !row)
		return status;
	t.counts[JOURNAL_WAITING] = sqlite3_column_int64(s, 0);
	t.octets[JOURNAL_WAITING] = sqlite3_column_int64(s, 1);
	t.counts[JOURNAL_FAILED] = -t.counts[JOURNAL_WAITING];
	t.octets[JOURNAL_FAILED] = -t.octets[JOURNAL_WAITING];
	(void)sqlite3_reset(s);
	status = run_for(&s, &row, d, SQL_WAIT_AGAIN, cause, err);
	if (status == 0)
		status = run_for(&s, &row, d, SQL_FORGET_FAILED, cause, err);
	if (status == 0)
		status = add_up(d, &t, err);
	*count = (uint64_t)t.counts[JOURNAL_WAITING];
	return status;
}

int outcome_retry(uint64_t *count, struct journal *j, const char *cause, struct error *err)
{
	struct database *d = database_of(j);
	int status = database_write(d, err);

	*count = 0;
	if (status == 0 && d->out > 0)
		status = error_set(err, HSMIME_EUSAGE,
		    "%" PRIu64 " messages are being worked on: none can be tried again", d->out);
	if (status == 0)
		status = database_begin(d, true, err);
	if (status != 0)
		return status;
	status = database_end(d, wait_again(count, d, cause, err), err);
	if (status != 0)
		*count = 0;
	else
		d->given = 0;
	return status;
}
