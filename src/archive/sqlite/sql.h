/*
 * sql: what the journal's file holds, and all that is asked of it.
 *
 * A message's row keeps its size from its adding on, so that an outcome doesn't move the rows beside it;
 * outcomes are a table of their own, which grows at its end. What waits and what failed are found by
 * indexes that hold nothing else. Totals are kept, not counted. names.h tells of known.
 */
#ifndef ARCHIVE_SQLITE_SQL_H
#define ARCHIVE_SQLITE_SQL_H

#define SQL_APPLICATION 0x68736d6a /* "hsmj", in the file's header */
#define SQL_VERSION 1              /* of the schema; higher ones are a newer hsmime's */

extern const char sql_schema[];

/* ?1, ?2, … are said where they are bound. */
enum sql {
	SQL_IDENTITY, /* the file's application, version, and number of tables and indexes */
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_MAKE_JOB,
	SQL_IS_OBJECT,
	SQL_SETTINGS,
	SQL_SETTING,
	SQL_DIFFERENCE,
	SQL_JOB,
	SQL_LISTED,
	SQL_COMMITTED,
	SQL_ADD,
	SQL_IS_NAMED,
	SQL_IS_OTHER,
	SQL_KNOWN,
	SQL_KNOWN_TO,
	SQL_UNKNOWN,
	SQL_LEARN,
	SQL_LEARNED,
	SQL_TAKE,
	SQL_WAITING,
	SQL_SETTLE,
	SQL_OUTCOME,
	SQL_TOTALS,
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
	SQL_STATEMENTS /* how many there are */
};

extern const char *const sql_text[SQL_STATEMENTS];

#endif
