#include "functions.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "archive/journal_sql.h"

/* *out is NULL where the column is. */
static int read_text(char **out, struct database *d, sqlite3_stmt *s, struct error *err)
{
	bool row = false;
	int status = database_step(&row, d, s, err);

	*out = NULL;
	if (status != 0)
		return status;
	if (!row)
		return error_set(err, HSMIME_EFORMAT, "the journal %s: it is damaged", d->path);
	if (sqlite3_column_text(s, 0) != NULL) {
		*out = strdup((const char *)sqlite3_column_text(s, 0));
		status = *out != NULL ? 0 : error_nomem(err);
	}
	(void)sqlite3_reset(s);
	return status;
}

int job_settings(char **out, struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_SETTINGS, err);

	*out = NULL;
	if (status == 0)
		status = read_text(out, d, s, err);
	return status == 0 && *out == NULL ? error_nomem(err) : status;
}

int job_setting(char **out, struct journal *j, const char *name, struct error *err)
{
	struct database *d = database_of(j);
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_SETTING, err);

	*out = NULL;
	if (status != 0)
		return status;
	(void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	status = read_text(out, d, s, err);
	(void)sqlite3_clear_bindings(s);
	return status;
}

static int refuse(struct database *d, const char *path, struct error *err)
{
	/* A path of SQLite's: "$.name", "$.name[0]". */
	const char *name =
	    path != NULL && strncmp(path, "$.", 2) == 0 ? path + 2 : "of another kind";

	error_set(err, HSMIME_EUSAGE,
	    "the job of the journal %s was begun with another setting: %s", d->path, name);
	return error_hint(err, "go on with the same settings, or name another place for a new job");
}

static int compare(struct database *d, const char *settings, const char *old, struct error *err)
{
	sqlite3_stmt *s;
	bool row;
	int status = database_statement(&s, d, SQL_DIFFERENCE, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_text(s, 1, settings, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 2, old, -1, SQLITE_STATIC);
	status = database_step(&row, d, s, err);
	if (status == 0 && row)
		status = refuse(d, (const char *)sqlite3_column_text(s, 0), err);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return status;
}

static int make(struct database *d, const char *settings, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_begin(d, true, err);

	if (status != 0)
		return status;
	status = database_execute(d, sql_schema, err);
	if (status == 0)
		status = database_statement(&s, d, SQL_MAKE_JOB, err);
	if (status == 0) {
		(void)sqlite3_bind_text(s, 1, settings, -1, SQLITE_STATIC);
		status = database_run(d, s, err);
	}
	status = database_end(d, status, err);
	d->empty = status != 0;
	return status;
}

static int check(struct journal *j, const char *settings, struct error *err)
{
	char *old = NULL;
	int status = job_settings(&old, j, err);

	if (status == 0 && old != NULL && strcmp(old, settings) != 0)
		status = compare(database_of(j), settings, old, err);
	free(old);
	return status;
}

static int check_object(struct database *d, const char *settings, struct error *err)
{
	sqlite3_stmt *s;
	bool row = false, is_object;
	int status = database_statement(&s, d, SQL_IS_OBJECT, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_text(s, 1, settings, -1, SQLITE_STATIC);
	status = database_step(&row, d, s, err);
	is_object = status == 0 && row && sqlite3_column_int(s, 0) != 0;
	(void)sqlite3_reset(s);
	if (status == 0 && !is_object)
		status = error_set(err, HSMIME_EINTERNAL, "a job's settings are no JSON object");
	return status;
}

int job_open(struct journal *j, const char *place, const char *settings, struct error *err)
{
	struct database *d = malloc(sizeof(*d));
	int status;

	if (d == NULL)
		return error_nomem(err);
	*d = (struct database)DATABASE_INIT;
	j->own = d;
	status = database_open(d, place, settings != NULL, err);
	if (status == 0 && settings != NULL)
		status = check_object(d, settings, err);
	if (status != 0)
		return status;
	if (settings != NULL)
		return d->empty ? make(d, settings, err) : check(j, settings, err);
	if (!d->empty)
		return 0;
	error_set(err, HSMIME_EIO, "the journal %s: there is no job in it", d->path);
	return error_hint(err, "name the journal of a job that was begun");
}

void job_close(struct journal *j)
{
	if (j->own != NULL)
		database_close(j->own);
	free(j->own);
	j->own = NULL;
}

static int read_job(struct journal_totals *out, struct database *d, struct error *err)
{
	sqlite3_stmt *s;
	bool row = false;
	int status = database_statement(&s, d, SQL_JOB, err);

	if (status == 0)
		status = database_step(&row, d, s, err);
	if (status != 0 || !row)
		return status;
	out->listed = sqlite3_column_int(s, 0) != 0;
	out->finished = true;
	out->started = sqlite3_column_int64(s, 1);
	out->changed = sqlite3_column_int64(s, 2);
	out->committed = (uint64_t)sqlite3_column_int64(s, 3);
	(void)sqlite3_reset(s);
	return 0;
}

static int read_counts(struct journal_totals *out, struct database *d, struct error *err)
{
	sqlite3_stmt *s;
	bool row = true;
	int status = database_statement(&s, d, SQL_TOTALS, err);

	while (status == 0 && row) {
		int state;

		status = database_step(&row, d, s, err);
		state = row ? sqlite3_column_int(s, 0) : -1;
		if (state == JOURNAL_CLOSED_ROW)
			out->closed = (uint64_t)sqlite3_column_int64(s, 1);
		if (state == JOURNAL_WORKED_ROW)
			out->worked = (uint64_t)sqlite3_column_int64(s, 1);
		if (state < 0 || state > JOURNAL_FAILED)
			continue;
		out->counts[state] = (uint64_t)sqlite3_column_int64(s, 1);
		out->octets[state] = (uint64_t)sqlite3_column_int64(s, 2);
	}
	return status;
}

/* Two statements that see the same: a reader's transaction, where none is open. */
int job_totals(struct journal_totals *out, struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	int status;

	*out = (struct journal_totals){ 0 };
	if (sqlite3_exec(d->handle, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return database_failed(d, err);
	status = read_job(out, d, err);
	if (status == 0)
		status = read_counts(out, d, err);
	status = database_end(d, status, err);
	if (status != 0)
		*out = (struct journal_totals){ 0 };
	return status;
}

int job_listed(struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	sqlite3_stmt *s;
	int status = database_write(d, err);

	if (status == 0)
		status = database_begin(d, true, err);
	if (status != 0)
		return status;
	names_done(&d->names);
	status = database_statement(&s, d, SQL_LISTED, err);
	if (status == 0)
		status = database_run(d, s, err);
	return database_end(d, status, err);
}

int job_count(
    struct database *d, enum journal_state state, int64_t count, int64_t octets, struct error *err)
{
	sqlite3_stmt *s;
	int status;

	if (count == 0)
		return 0;
	status = database_statement(&s, d, SQL_COUNT, err);
	if (status != 0)
		return status;
	(void)sqlite3_bind_int(s, 1, (int)state);
	(void)sqlite3_bind_int64(s, 2, count);
	(void)sqlite3_bind_int64(s, 3, octets);
	return database_run(d, s, err);
}
