#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "archive/journal_sql.h"

/* One statement whose first column of its one row is a text. */
struct question {
	enum sql which;
	struct params p;
	char *text;
};

static int ask_text(struct link *l, void *arg, struct error *err)
{
	struct question *q = arg;
	PGresult *r = NULL;
	int status = database_run(&r, l, q->which, &q->p, err);

	free(q->text);
	q->text = NULL;
	if (status == 0 && PQntuples(r) > 0)
		status = column_text(&q->text, r, 0, 0, err);
	PQclear(r);
	return status;
}

int job_settings(char **out, struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	struct question q = { .which = SQL_SETTINGS };
	int status = database_ask(&d->main, ask_text, &q, err);

	*out = status == 0 ? q.text : NULL;
	if (status == 0 && *out == NULL)
		status = error_set(err, HSMIME_EFORMAT, "the journal %s: it is damaged", d->uri);
	return status;
}

int job_setting(char **out, struct journal *j, const char *name, struct error *err)
{
	struct question q = { .which = SQL_SETTING };
	int status;

	params_text(&q.p, name);
	status = database_ask(&database_of(j)->main, ask_text, &q, err);
	*out = status == 0 ? q.text : NULL;
	return status;
}

static int refuse(const struct database *d, const char *path, struct error *err)
{
	/* As $.name, $.name[0]. */
	const char *name = strncmp(path, "$.", 2) == 0 ? path + 2 : "of another kind";

	error_set(err, HSMIME_EUSAGE,
	    "the job of the journal %.200s was begun with another setting: %s", d->uri, name);
	return error_hint(err, "go on with the same settings, or name another place for a new job");
}

static int compare(struct journal *j, const char *settings, struct error *err)
{
	struct question q = { .which = SQL_DIFFERENCE };
	char *old = NULL;
	int status = job_settings(&old, j, err);

	if (status == 0 && strcmp(old, settings) != 0) {
		params_text(&q.p, settings);
		params_text(&q.p, old);
		status = database_ask(&database_of(j)->main, ask_text, &q, err);
	}
	if (status == 0 && q.text != NULL)
		status = refuse(database_of(j), q.text, err);
	free(q.text);
	free(old);
	return status;
}

static int check_object(struct link *l, const char *settings, struct error *err)
{
	struct question q = { .which = SQL_IS_OBJECT };
	int status;

	params_text(&q.p, settings);
	status = database_ask(l, ask_text, &q, err);
	/* 22…: it is no JSON at all. */
	if ((status == 0 && (q.text == NULL || strcmp(q.text, "t") != 0)) ||
	    (status != 0 && strncmp(l->code, "22", 2) == 0))
		status = error_set(err, HSMIME_EINTERNAL, "a job's settings are no JSON object");
	free(q.text);
	return status;
}

/* *there: there is a job of that name. */
static int find_job(bool *there, struct link *l, struct error *err)
{
	struct question q = { .which = SQL_HAS_JOB };
	int status;

	params_text(&q.p, l->d->schema);
	status = ask_text(l, &q, err);
	*there = status == 0 && q.text != NULL && strcmp(q.text, "t") == 0;
	free(q.text);
	return status;
}

static int execute(struct link *l, const char *sql, struct error *err)
{
	PGresult *r = PQexec(l->connection, sql);
	int status = PQresultStatus(r) == PGRES_COMMAND_OK ? 0 : database_failed(l, r, err);

	PQclear(r);
	return status;
}

static int make_schema(struct link *l, struct error *err)
{
	char *name = PQescapeIdentifier(l->connection, l->d->schema, strlen(l->d->schema));
	char sql[256];
	int status;

	if (name == NULL)
		return error_nomem(err);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", name);
	PQfreemem(name);
	status = execute(l, sql, err);
	return status == 0 ? execute(l, sql_schema, err) : status;
}

/* By one of those that begin it at a time; the others find it. */
static int make_job(struct link *l, void *arg, struct error *err)
{
	struct params name = { 0 }, settings = { 0 };
	bool there = false;
	int status;

	params_text(&name, l->d->schema);
	params_text(&settings, arg);
	status = database_run(NULL, l, SQL_LOCK_NAME, &name, err);
	if (status == 0)
		status = find_job(&there, l, err);
	if (status != 0 || there)
		return status;
	status = make_schema(l, err);
	return status == 0 ? database_run(NULL, l, SQL_MAKE_JOB, &settings, err) : status;
}

static int look_for_job(struct link *l, void *arg, struct error *err)
{
	return find_job(arg, l, err);
}

static int check_version(struct database *d, struct error *err)
{
	struct question q = { .which = SQL_VERSION_OF };
	int status = database_ask(&d->main, ask_text, &q, err);
	long version = q.text != NULL ? strtol(q.text, NULL, 10) : 0;

	free(q.text);
	if (status != 0 || version == SQL_VERSION)
		return status;
	if (version < SQL_VERSION)
		return error_set(err, HSMIME_EFORMAT, "the journal %s: it is damaged", d->uri);
	error_set(err, HSMIME_EUNSUPPORTED, "the journal %s was made by a newer hsmime", d->uri);
	return error_hint(err, "install that one, or a newer one");
}

int job_open(struct journal *j, const char *place, const char *settings, struct error *err)
{
	struct database *d = calloc(1, sizeof(*d));
	bool there = false;
	int status;

	if (d == NULL)
		return error_nomem(err);
	d->journal = j;
	j->own = d;
	status = database_open(d, place, err);
	if (status == 0 && settings != NULL)
		status = check_object(&d->main, settings, err);
	if (status == 0)
		status = database_ask(&d->main, look_for_job, &there, err);
	if (status == 0 && !there && settings == NULL) {
		error_set(err, HSMIME_EIO, "the journal %s: there is no job of the name %s in it",
		    d->uri, d->schema);
		return error_hint(err, "name the journal of a job that was begun");
	}
	if (status == 0 && !there)
		status = database_do(&d->main, make_job, (void *)(uintptr_t)settings, err);
	if (status == 0)
		status = check_version(d, err);
	return status == 0 && settings != NULL ? compare(j, settings, err) : status;
}

void job_close(struct journal *j)
{
	struct database *d = j->own;

	if (d != NULL) {
		host_leave(d);
		database_close(d);
	}
	free(d);
	j->own = NULL;
}

static int read_totals(struct link *l, void *arg, struct error *err)
{
	struct journal_totals *out = arg;
	PGresult *r = NULL;
	int status = database_run(&r, l, SQL_TOTALS, NULL, err);

	*out = (struct journal_totals){ 0 };
	for (int i = 0; status == 0 && i < PQntuples(r); i++) {
		int64_t state = column_number(r, i, 5);

		out->listed = column_number(r, i, 0) != 0;
		out->finished = column_number(r, i, 1) != 0;
		out->started = column_number(r, i, 2);
		out->changed = column_number(r, i, 3);
		out->committed = (uint64_t)column_number(r, i, 4);
		if (state == JOURNAL_CLOSED_ROW)
			out->closed = (uint64_t)column_number(r, i, 6);
		if (state == JOURNAL_WORKED_ROW)
			out->worked = (uint64_t)column_number(r, i, 6);
		if (state < 0 || state > JOURNAL_FAILED)
			continue;
		out->counts[state] = (uint64_t)column_number(r, i, 6);
		out->octets[state] = (uint64_t)column_number(r, i, 7);
	}
	PQclear(r);
	return status;
}

int job_totals(struct journal_totals *out, struct journal *j, struct error *err)
{
	*out = (struct journal_totals){ 0 };
	return database_ask(&database_of(j)->main, read_totals, out, err);
}

static int mark(struct link *l, void *arg, struct error *err)
{
	int status = host_check(l, 0, err);

	return status == 0 ? database_run(NULL, l, *(const enum sql *)arg, NULL, err) : status;
}

static int mark_job(struct journal *j, enum sql which, struct error *err)
{
	struct database *d = database_of(j);
	int status = host_need(d, err);

	return status == 0 ? database_do(&d->main, mark, &which, err) : status;
}

int job_listed(struct journal *j, struct error *err)
{
	return mark_job(j, SQL_LISTED, err);
}

int job_finished(struct journal *j, struct error *err)
{
	return mark_job(j, SQL_FINISHED, err);
}
