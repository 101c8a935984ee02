#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"

#define SERVER_MIN 110000 /* PostgreSQL 11: sha256() */
#define CONFLICTS 20      /* how often one transaction may be in another's way */
#define PAUSE_MIN 100     /* ms between two tries to connect */
#define PAUSE_MAX 5000
#define PAUSE_STEP 50 /* ms in which it is seen that nobody wants to wait any more */

void params_text(struct params *p, const char *text)
{
	p->values[p->count++] = text;
}

void params_number(struct params *p, int64_t number)
{
	char *text = p->numbers[p->count];

	snprintf(text, sizeof(p->numbers[0]), "%lld", (long long)number);
	p->values[p->count++] = text;
}

static void link_close(struct link *l)
{
	PQfinish(l->connection);
	l->connection = NULL;
	l->broken = false;
	memset(l->known, 0, sizeof(l->known));
}

bool database_is_well(const struct link *l)
{
	return l->connection != NULL && !l->broken && PQstatus(l->connection) == CONNECTION_OK;
}

/* The server's notices are nobody's. */
static void ignore(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static int check_server(struct link *l, struct error *err)
{
	const char *encoding = PQparameterStatus(l->connection, "server_encoding");

	if (PQserverVersion(l->connection) < SERVER_MIN)
		return error_set(err, HSMIME_EUNSUPPORTED,
		    "the journal %s: its PostgreSQL is older than 11", l->d->uri);
	if (encoding != NULL && strcmp(encoding, "UTF8") == 0)
		return 0;
	error_set(err, HSMIME_EUNSUPPORTED, "the journal %s: the database's encoding is not UTF8",
	    l->d->uri);
	return error_hint(
	    err, "make a database for it: createdb --encoding UTF8 --template template0");
}

/* What stands before the URI is what holds where that says nothing else. */
static PGconn *connect_uri(const char *uri)
{
	static const char *const names[] = { "connect_timeout", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding", "fallback_application_name", NULL };
	const char *const values[] = { "10", "10", "5", "3", "30000", uri, "UTF8", "hsmime", NULL };

	return PQconnectdbParams(names, values, 1);
}

static int link_open(struct link *l, struct error *err)
{
	struct params p = { 0 };
	int status;

	link_close(l);
	l->connection = connect_uri(l->d->uri);
	if (l->connection == NULL)
		return error_nomem(err);
	(void)PQsetNoticeProcessor(l->connection, ignore, NULL);
	if (PQstatus(l->connection) != CONNECTION_OK)
		return database_failed(l, NULL, err);
	status = check_server(l, err);
	params_text(&p, l->d->schema);
	return status == 0 ? database_run(NULL, l, SQL_SESSION, &p, err) : status;
}

/* A statement is told to the server once, and then called by its number. */
static int prepare(struct link *l, enum sql which, const char *name, struct error *err)
{
	const struct sql_statement *s = &sql_statements[which];
	const Oid types[] = { s->first };
	PGresult *r = PQprepare(l->connection, name, s->text, s->first != 0, types);
	int status = 0;

	if (PQresultStatus(r) == PGRES_COMMAND_OK)
		l->known[which] = true;
	else
		status = database_failed(l, r, err);
	PQclear(r);
	return status;
}

int database_run(
    PGresult **out, struct link *l, enum sql which, const struct params *p, struct error *err)
{
	char name[16];
	PGresult *r;
	int status = 0;

	if (out != NULL)
		*out = NULL;
	if (l->connection == NULL)
		return DATABASE_AGAIN;
	snprintf(name, sizeof(name), "s%d", (int)which);
	if (!l->known[which])
		status = prepare(l, which, name, err);
	if (status != 0)
		return status;
	r = PQexecPrepared(l->connection, name, p != NULL ? p->count : 0,
	    p != NULL ? p->values : NULL, NULL, NULL, 0);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
		status = database_failed(l, r, err);
	if (out != NULL && status == 0)
		*out = r;
	else
		PQclear(r);
	return status;
}

int database_changed(
    int64_t *changed, struct link *l, enum sql which, const struct params *p, struct error *err)
{
	PGresult *r = NULL;
	int status = database_run(&r, l, which, p, err);

	*changed = status == 0 ? strtoll(PQcmdTuples(r), NULL, 10) : 0;
	PQclear(r);
	return status;
}

static bool is_over(const struct database *d)
{
	const struct journal_watch *w = &d->journal->watch;

	return w->over != NULL && w->over(w->arg);
}

static void pause_ms(const struct database *d, int64_t ms)
{
	while (ms > 0 && !is_over(d)) {
		const struct timespec step = { .tv_nsec = PAUSE_STEP * 1000000L };

		(void)nanosleep(&step, NULL);
		ms -= PAUSE_STEP;
	}
}

static void say(const struct database *d, const char *what, const struct error *why)
{
	const struct journal_watch *w = &d->journal->watch;
	char words[sizeof(why->message) + 128];

	snprintf(words, sizeof(words), "%s%s", what, why->message);
	if (w->say != NULL)
		w->say(w->arg, words);
}

/* The same where this is the pulse: who does the job tells. */
static int reconnect(struct link *l, struct error *err)
{
	struct database *d = l->d;
	int64_t until = clock_ms(CLOCK_MONOTONIC) + (int64_t)d->journal->watch.patience * 1000;
	int64_t wait = PAUSE_MIN;
	bool told = l == &d->pulse;
	int status = link_open(l, err);

	while (status != 0 && status != HSMIME_ENOMEM && clock_ms(CLOCK_MONOTONIC) < until &&
	       !is_over(d)) {
		if (!told)
			say(d, "waiting for the server: ", err);
		told = true;
		pause_ms(d, wait);
		wait = wait * 2 < PAUSE_MAX ? wait * 2 : PAUSE_MAX;
		status = link_open(l, err);
	}
	if (status == 0)
		return 0;
	link_close(l);
	if (status == HSMIME_EIO || status == DATABASE_AGAIN) {
		status = HSMIME_EIO;
		err->code = status;
		error_hint(err, "see to the server and go on: what was recorded is there");
	}
	return status;
}

static int finish_work(struct link *l, int status, struct error *err)
{
	struct error ignored = { 0 };

	if (status == DATABASE_AGAIN && !database_is_well(l))
		return status;
	if (status != 0) {
		(void)database_run(NULL, l, SQL_ROLLBACK, NULL, &ignored);
		return status;
	}
	status = database_run(NULL, l, SQL_COMMIT, NULL, err);
	l->doubtful = status == DATABASE_AGAIN && !database_is_well(l);
	return status;
}

static int work_once(
    struct link *l, bool transaction, database_work work, void *arg, struct error *err)
{
	int status = transaction ? database_run(NULL, l, SQL_BEGIN, NULL, err) : 0;

	if (status != 0)
		return status;
	status = work(l, arg, err);
	return transaction ? finish_work(l, status, err) : status;
}

static int work_until(
    struct link *l, bool transaction, database_work work, void *arg, struct error *err)
{
	int status = DATABASE_AGAIN;

	l->doubtful = false;
	for (int i = 0; status == DATABASE_AGAIN && i < CONFLICTS; i++) {
		status = database_is_well(l) ? 0 : reconnect(l, err);
		if (status == 0)
			status = work_once(l, transaction, work, arg, err);
	}
	l->doubtful = false;
	if (status != DATABASE_AGAIN)
		return status;
	error_set(err, HSMIME_EIO, "the journal %s: its server does not get on", l->d->uri);
	return error_hint(err, "see to the server and go on: what was recorded is there");
}

int database_do(struct link *l, database_work work, void *arg, struct error *err)
{
	return work_until(l, true, work, arg, err);
}

int database_ask(struct link *l, database_work work, void *arg, struct error *err)
{
	return work_until(l, false, work, arg, err);
}

/* A name in the database behind the last '#', which a URI has in no other place. */
static int split(struct database *d, const char *place, struct error *err)
{
	const char *mark = strrchr(place, '#');

	if (mark == NULL || mark[1] == '\0')
		return error_set(err, HSMIME_EINTERNAL, "a journal in a database has a name there");
	d->uri = strndup(place, (size_t)(mark - place));
	d->schema = strdup(mark + 1);
	return d->uri != NULL && d->schema != NULL ? 0 : error_nomem(err);
}

/* Arguments of a process are seen by every other. */
static int refuse_password(struct error *err)
{
	error_set(err, HSMIME_EUSAGE,
	    "a password in the journal's URI could be read by everybody on this machine");
	return error_hint(
	    err, "leave it out, and put it into ~/.pgpass (or PGPASSFILE, or PGSERVICE)");
}

static int check_uri(const char *place, struct error *err)
{
	const char *mark = strrchr(place, '#');
	char *uri = mark != NULL ? strndup(place, (size_t)(mark - place)) : strdup(place);
	PQconninfoOption *options;
	char *words = NULL;
	int status = 0;

	if (uri == NULL)
		return error_nomem(err);
	options = PQconninfoParse(uri, &words);
	/* libpq's words may have some of the URI. */
	if (options == NULL)
		status = error_set(err, HSMIME_EUSAGE,
		    "the journal's URI is none that PostgreSQL takes: write "
		    "postgresql://HOST/DATABASE");
	for (PQconninfoOption *o = options; o != NULL && status == 0 && o->keyword != NULL; o++) {
		bool secret =
		    strcmp(o->keyword, "password") == 0 || strcmp(o->keyword, "sslpassword") == 0;

		if (secret && o->val != NULL && *o->val != '\0')
			status = refuse_password(err);
	}
	PQconninfoFree(options);
	PQfreemem(words);
	free(uri);
	return status;
}

int database_open(struct database *d, const char *place, struct error *err)
{
	int status = check_uri(place, err);

	d->main.d = d->pulse.d = d;
	if (status == 0)
		status = split(d, place, err);
	if (status == 0)
		status = link_open(&d->main, err);
	if (status != DATABASE_AGAIN)
		return status;
	err->code = HSMIME_EIO;
	return HSMIME_EIO;
}

void database_close(struct database *d)
{
	link_close(&d->main);
	link_close(&d->pulse);
	free(d->uri);
	free(d->schema);
}

int database_check(const char *place, bool reach, struct error *err)
{
	struct database d = { 0 };
	char *whole = NULL;
	int status;

	if (!reach)
		return check_uri(place, err);
	if (asprintf(&whole, "%s#none", place) < 0)
		return error_nomem(err);
	status = database_open(&d, whole, err);
	database_close(&d);
	free(whole);
	return status;
}

int64_t column_number(const PGresult *r, int row, int column)
{
	return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

int column_text(char **out, const PGresult *r, int row, int column, struct error *err)
{
	*out = NULL;
	if (PQgetisnull(r, row, column))
		return 0;
	*out = strdup(PQgetvalue(r, row, column));
	return *out != NULL ? 0 : error_nomem(err);
}

int column_octets(
    char **out, size_t *len, const PGresult *r, int row, int column, struct error *err)
{
	unsigned char *octets;
	size_t n = 0;

	*out = NULL;
	if (len != NULL)
		*len = 0;
	if (PQgetisnull(r, row, column))
		return 0;
	octets = PQunescapeBytea((const unsigned char *)PQgetvalue(r, row, column), &n);
	if (octets == NULL)
		return error_nomem(err);
	*out = malloc(n + 1);
	if (*out != NULL) {
		memcpy(*out, octets, n);
		(*out)[n] = '\0';
		if (len != NULL)
			*len = n;
	}
	PQfreemem(octets);
	return *out != NULL ? 0 : error_nomem(err);
}
