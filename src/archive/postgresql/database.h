/*
 * database: a job's connection to its database: statements that are prepared once, transactions that are made again
 * where the connection was lost, and words for failures.
 *
 * There are two connections: what the job does goes by one, what says that this host is there by the other, so that
 * it is said while the first waits.
 */
#ifndef ARCHIVE_POSTGRESQL_DATABASE_H
#define ARCHIVE_POSTGRESQL_DATABASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "archive/journal.h"
#include "sql.h"
#include "util/error.h"

struct database;

struct link {
	struct database *d;
	PGconn *connection;
	bool known[SQL_STATEMENTS]; /* to the server, in this session */
	char code[6];               /* SQLSTATE of the last failure */
	bool doubtful;              /* a commit's answer was lost */
	bool broken;                /* to be made again, whatever libpq thinks of it */
};

struct database {
	const struct journal *journal; /* whose watch it is */
	char *uri;                     /* as it was given: there is no password in it */
	char *schema;
	struct link main, pulse;
	_Atomic int64_t host; /* 0: it did not join */
	int64_t takes;        /* of this host */
};

/* What a piece of work gives beside a status and JOURNAL_LOST: it is to be made again from its start. */
#define DATABASE_AGAIN 2

/* Values of $1, $2, …; NULL is null. */
#define PARAMS_MAX 8
struct params {
	int count;
	const char *values[PARAMS_MAX];
	char numbers[PARAMS_MAX][24];
};

void params_text(struct params *p, const char *text);
void params_number(struct params *p, int64_t number);

/*
 * database_open(d, place, err): place is "URI#SCHEMA". HSMIME_EIO, HSMIME_EUSAGE, HSMIME_EUNSUPPORTED (a server that is
 * too old, or whose encoding is another), HSMIME_ENOMEM. database_close also after a failure.
 */
int database_open(struct database *d, const char *place, struct error *err);
void database_close(struct database *d);

/* database_check(place, reach, err): as the kind's check. */
int database_check(const char *place, bool reach, struct error *err);

/* database_is_well(l): the connection is there, as far as is known. */
bool database_is_well(const struct link *l);

/*
 * database_run(out, l, which, p, err): p may be NULL. *out has what came; PQclear it, also a failure's. out may be NULL.
 * 0, a status, or DATABASE_AGAIN.
 */
int database_run(
    PGresult **out, struct link *l, enum sql which, const struct params *p, struct error *err);

/* database_changed(changed, l, which, p, err): the same, and how many rows it was. */
int database_changed(
    int64_t *changed, struct link *l, enum sql which, const struct params *p, struct error *err);

/*
 * database_do(l, work, arg, err):
 * work within a transaction that is committed where it gave 0, and made again from its start where the connection was
 * lost, or the server wants it; l->doubtful says that it may have been committed the last time. A connection that is lost is made again for as long as the journal's
 * watch says. What work gave, or HSMIME_EIO.
 * database_ask: the same without a transaction, for what is one statement and can be asked twice.
 */
typedef int (*database_work)(struct link *l, void *arg, struct error *err);
int database_do(struct link *l, database_work work, void *arg, struct error *err);
int database_ask(struct link *l, database_work work, void *arg, struct error *err);

/* Columns: a number, text, octets. NULL of what is null, 0 of a number; free what came. */
int64_t column_number(const PGresult *r, int row, int column);
int column_text(char **out, const PGresult *r, int row, int column, struct error *err);
int column_octets(
    char **out, size_t *len, const PGresult *r, int row, int column, struct error *err);

/* failure.c: what a result, or where it is NULL the connection, says. DATABASE_AGAIN where it was lost. */
int database_failed(struct link *l, const PGresult *r, struct error *err);

#endif
