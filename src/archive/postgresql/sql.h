/*
 * sql: what a job's schema in the database holds, and all that is asked of it.
 *
 * Tables are those of a SQLite journal (archive/sqlite/sql.h), but that what waits is a table of its own, with who
 * was given it: what is written for each message that is given out is one short row. A key is found by its SHA-256,
 * since an index takes no long ones. host has who works, or worked, on the job. Whatever changes totals locks the
 * one row of job first, so that no two wait for one another.
 */
#ifndef ARCHIVE_POSTGRESQL_SQL_H
#define ARCHIVE_POSTGRESQL_SQL_H

#define SQL_VERSION 1 /* of the schema; higher ones are a newer hsmime's */

extern const char sql_schema[];

/* What $1, $2, … are is said where they are given. */
enum sql {
	SQL_SESSION,
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_LOCK_NAME,
	SQL_HAS_JOB,
	SQL_VERSION_OF,
	SQL_MAKE_JOB,
	SQL_IS_OBJECT,
	SQL_SETTINGS,
	SQL_SETTING,
	SQL_DIFFERENCE,
	SQL_TOTALS,
	SQL_LISTED,
	SQL_FINISHED,
	SQL_COMMITTED,
	SQL_LOCK_JOB,
	SQL_ADD,
	SQL_ADD_OTHERS,
	SQL_TAKE,
	SQL_TAKEN,
	SQL_OUTCOME,
	SQL_RECORDED,
	SQL_COUNT,
	SQL_CLOSED,
	SQL_WORKED,
	SQL_CAUSES,
	SQL_TALLY,
	SQL_EACH,
	SQL_EACH_FAILED,
	SQL_FAILED_TOTAL,
	SQL_WAIT_AGAIN,
	SQL_FORGET_FAILED,
	SQL_COUNT_AGAIN,
	SQL_JOIN,
	SQL_HOLD,
	SQL_CLAIM_LIST,
	SQL_CLAIM_FINISH,
	SQL_REAP,
	SQL_GIVE_BACK,
	SQL_LEAVE,
	SQL_CLEARED,
	SQL_HELD,
	SQL_ANOTHER,
	SQL_HOSTS,
	SQL_STATEMENTS /* how many there are */
};

struct sql_statement {
	const char *text;
	unsigned first; /* the type of $1, where the server can't tell it */
};

extern const struct sql_statement sql_statements[SQL_STATEMENTS];

#endif
