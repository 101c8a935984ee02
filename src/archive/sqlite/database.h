/*
 * database: the journal's SQLite file: opened for reading or as the one process that writes, with
 * statements that are prepared once, transactions, and words for SQLite's failures.
 *
 * While a process writes it the file has a write-ahead log: a commit is one sync, and readers neither wait
 * nor are waited for. Closed in good order it is one plain file.
 */
#ifndef ARCHIVE_SQLITE_DATABASE_H
#define ARCHIVE_SQLITE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "lock.h"
#include "names.h"
#include "sql.h"
#include "util/error.h"

struct database {
	sqlite3 *handle;
	sqlite3_stmt *statements[SQL_STATEMENTS];
	char *path; /* without symbolic links: one journal has one lock */
	struct lock lock;
	bool empty;         /* nobody's yet */
	bool writing;       /* the lock is ours */
	bool synced;        /* each transaction is on the disk when it ends */
	bool lost;          /* a sync failed: what is on the disk is not known */
	struct names names; /* while messages are added */
	/* Of this process: */
	uint64_t given; /* the last message that was given out */
	uint64_t out;   /* how many of those have no outcome yet */
};

/* Zero before use, but for lock. */
#define DATABASE_INIT                                                                              \
	{                                                                                          \
		.lock = LOCK_INIT                                                                  \
	}

/*
 * database_open(d, place, writing, err):
 * writing: as the one that does; where there is no file an empty one is made, 0600. The file is then
 * a journal of this version, or empty. HSMIME_EIO, HSMIME_EFORMAT (it is something else),
 * HSMIME_EUNSUPPORTED (a newer hsmime's), HSMIME_ENOMEM. database_close also after a failure.
 */
int database_open(struct database *d, const char *place, bool writing, struct error *err);
void database_close(struct database *d);

/* database_write(d, err): writing from now on, if it was not. */
int database_write(struct database *d, struct error *err);

/* database_statement(out, d, which, err): ready to be bound; reset when next asked for. */
int database_statement(sqlite3_stmt **out, struct database *d, enum sql which, struct error *err);

/*
 * database_step(row, d, statement, err):
 * *row: there is a row. Else, and after a failure, the statement is reset.
 */
int database_step(bool *row, struct database *d, sqlite3_stmt *statement, struct error *err);

/* database_run(d, statement, err): to its end, where no rows are wanted. */
int database_run(struct database *d, sqlite3_stmt *statement, struct error *err);

/*
 * database_begin(d, synced, err), database_end(d, status, err):
 * A transaction that writes; synced: on the disk when database_end returns. With a status other than 0
 * nothing of it happened. Returns status, or why it could not be committed.
 */
int database_begin(struct database *d, bool synced, struct error *err);
int database_end(struct database *d, int status, struct error *err);

/* database_execute(d, sql, err): several statements in one text. */
int database_execute(struct database *d, const char *sql, struct error *err);

/* database_failed(d, err): what SQLite's last failure was. */
int database_failed(struct database *d, struct error *err);

#endif
