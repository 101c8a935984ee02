#include "functions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"

static int defect(uint64_t number, const char *what, struct error *err)
{
	return error_set(err, HSMIME_EINTERNAL,
	    "the outcome of message %" PRIu64 " can't be recorded: %s", number, what);
}

static int check(const struct journal_entry *e, struct error *err)
{
	if (e->number == 0 || e->number > INT64_MAX)
		return defect(e->number, "it was not given out", err);
	if (e->state <= JOURNAL_WAITING || e->state > JOURNAL_FAILED)
		return defect(e->number, "it is none", err);
	if (e->state == JOURNAL_FAILED && e->cause == NULL)
		return defect(e->number, "a failure has a cause", err);
	return 0;
}

/* Outcomes by their columns: number, state, cause, output, input_sha, output_sha, record. */
#define COLUMNS 7
struct recording {
	struct buffer columns[COLUMNS];
	const char *texts[COLUMNS];
	size_t count;
	int64_t closed;
	uint64_t committed;
};

static int set_columns(struct recording *g, const struct journal_entry *entries, struct error *err)
{
	struct buffer *c = g->columns;
	int status = 0;

	for (size_t i = 0; status == 0 && i < g->count; i++) {
		const struct journal_entry *e = &entries[i];

		status = check(e, err);
		g->closed += e->closed && e->state != JOURNAL_FAILED;
		array_number(&c[0], (int64_t)e->number);
		array_number(&c[1], e->state);
		array_text(&c[2], e->cause);
		array_octets(&c[3], e->output, e->output != NULL ? strlen(e->output) : 0);
		array_octets(&c[4], e->has_sha ? e->input_sha : NULL, JOURNAL_SHA);
		array_octets(&c[5], e->has_sha ? e->output_sha : NULL, JOURNAL_SHA);
		array_text(&c[6], e->record);
	}
	for (int i = 0; status == 0 && i < COLUMNS; i++) {
		g->texts[i] = array_end(&c[i]);
		status = g->texts[i] != NULL ? 0 : error_nomem(err);
	}
	return status;
}

/* Whether they are recorded by this host already. */
static int is_recorded(bool *is, struct link *l, const struct recording *g, struct error *err)
{
	struct params p = { 0 };
	PGresult *r = NULL;
	int status;

	params_number(&p, atomic_load(&l->d->host));
	params_text(&p, g->texts[0]);
	status = database_run(&r, l, SQL_RECORDED, &p, err);
	*is = status == 0 && column_number(r, 0, 0) == (int64_t)g->count;
	PQclear(r);
	return status;
}

static int record_all(struct link *l, const struct recording *g, struct error *err)
{
	struct params p = { 0 };
	int64_t rows = 0;
	int status;

	params_number(&p, atomic_load(&l->d->host));
	for (int i = 0; i < COLUMNS; i++)
		params_text(&p, g->texts[i]);
	status = database_changed(&rows, l, SQL_OUTCOME, &p, err);
	if (status == 0 && rows != (int64_t)g->count)
		status = error_set(err, HSMIME_EINTERNAL,
		    "outcomes can't be recorded: of %zu messages only %lld were given to this host",
		    g->count, (long long)rows);
	return status;
}

/* The row of the job first: that of two hosts that commit one waits at its start. */
static int add_up(struct link *l, const struct recording *g, struct error *err)
{
	struct params length = { .count = 1 }, numbers = { 0 }, closed = { 0 };
	int64_t rows = 0;
	int status;

	if (g->committed > 0) {
		length.count = 0;
		params_number(
		    &length, g->committed <= INT64_MAX ? (int64_t)g->committed : INT64_MAX);
	}
	status = database_run(NULL, l, SQL_LOCK_JOB, NULL, err);
	if (status == 0)
		status = database_run(NULL, l, SQL_WORKED, NULL, err);
	if (status == 0)
		status = database_changed(&rows, l, SQL_COMMITTED, &length, err);
	if (status == 0 && rows == 0)
		status = error_set(err, HSMIME_EINTERNAL,
		    "the journal %s: an mbox has got shorter than was recorded", l->d->uri);
	params_text(&numbers, g->texts[0]);
	if (status == 0)
		status = database_run(NULL, l, SQL_COUNT, &numbers, err);
	params_number(&closed, g->closed);
	return status == 0 && g->closed > 0 ? database_run(NULL, l, SQL_CLOSED, &closed, err)
					    : status;
}

/*
 * A commit whose answer was lost: who had made it holds this host's row until it has ended, so that behind
 * host_check it is known.
 */
static int commit_once(struct link *l, void *arg, struct error *err)
{
	const struct recording *g = arg;
	bool recorded = false;
	int lost = host_check(l, (int64_t)g->count, err);
	int status = lost;

	if ((lost == 0 || lost == JOURNAL_LOST) && l->doubtful) {
		status = is_recorded(&recorded, l, g, err);
		if (status != 0 || recorded)
			return status;
		status = lost;
	}
	if (status == 0)
		status = record_all(l, g, err);
	return status == 0 ? add_up(l, g, err) : status;
}

int outcome_commit(struct journal *j, const struct journal_entry *entries, size_t count,
    uint64_t committed, struct error *err)
{
	struct database *d = database_of(j);
	struct recording g = { .count = count, .committed = committed };
	int status = host_need(d, err);

	for (int i = 0; i < COLUMNS; i++)
		array_init(&g.columns[i]);
	if (status == 0)
		status = set_columns(&g, entries, err);
	if (status == 0)
		status = database_do(&d->main, commit_once, &g, err);
	for (int i = 0; i < COLUMNS; i++)
		buffer_free(&g.columns[i]);
	return status;
}

struct again {
	const char *cause;
	uint64_t count;
};

static int refuse_held(struct link *l, const struct params *own, struct error *err)
{
	PGresult *r = NULL;
	int64_t held = 0;
	int status = database_run(&r, l, SQL_HELD, own, err);

	if (status == 0)
		held = column_number(r, 0, 0);
	PQclear(r);
	if (status != 0 || held == 0)
		return status;
	return error_set(err, HSMIME_EUSAGE,
	    "%lld messages are being worked on: none can be tried again", (long long)held);
}

static int refuse_others(struct link *l, const struct params *own, struct error *err)
{
	PGresult *r = NULL;
	int status = database_run(&r, l, SQL_ANOTHER, own, err);

	if (status == 0 && PQntuples(r) > 0) {
		error_set(err, HSMIME_EIO, "the job is in use by process %s on %.100s",
		    PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 0));
		status =
		    error_hint(err, "wait until it has ended; its status can be seen meanwhile");
	}
	PQclear(r);
	return status;
}

static int wait_again(struct link *l, struct again *a, struct error *err)
{
	struct params cause = { 0 }, sums = { 0 };
	PGresult *r = NULL;
	int status;

	params_text(&cause, a->cause);
	status = database_run(&r, l, SQL_FAILED_TOTAL, &cause, err);
	if (status == 0) {
		a->count = (uint64_t)column_number(r, 0, 0);
		params_number(&sums, (int64_t)a->count);
		params_number(&sums, column_number(r, 0, 1));
		status = database_run(NULL, l, SQL_WAIT_AGAIN, &cause, err);
	}
	PQclear(r);
	if (status == 0)
		status = database_run(NULL, l, SQL_FORGET_FAILED, &cause, err);
	return status == 0 ? database_run(NULL, l, SQL_COUNT_AGAIN, &sums, err) : status;
}

static int retry_once(struct link *l, void *arg, struct error *err)
{
	struct params own = { 0 };
	int status = host_check(l, 0, err);

	params_number(&own, atomic_load(&l->d->host));
	if (status == 0)
		status = database_run(NULL, l, SQL_LOCK_JOB, NULL, err);
	if (status == 0)
		status = refuse_held(l, &own, err);
	if (status == 0)
		status = refuse_others(l, &own, err);
	return status == 0 ? wait_again(l, arg, err) : status;
}

int outcome_retry(uint64_t *count, struct journal *j, const char *cause, struct error *err)
{
	struct database *d = database_of(j);
	struct again a = { .cause = cause };
	int status = host_need(d, err);

	if (status == 0)
		status = database_do(&d->main, retry_once, &a, err);
	*count = status == 0 ? a.count : 0;
	return status;
}
