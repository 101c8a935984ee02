#include "sql.h"

#include "archive/journal_sql.h"

/* Keys and names are octets; a name that is its message's key is NULL. 4 is JOURNAL_FAILED: an index of a part of a table wants it written out. */
const char sql_schema[] =
    "CREATE TABLE job (only INTEGER PRIMARY KEY CHECK (only = 1), settings TEXT NOT NULL,"
    " listed INTEGER NOT NULL, started INTEGER NOT NULL, changed INTEGER NOT NULL,"
    " committed INTEGER NOT NULL, known INTEGER NOT NULL) STRICT;"
    "CREATE TABLE known (hash INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;"
    "CREATE TABLE total (state INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " octets INTEGER NOT NULL) STRICT;"
    "CREATE TABLE message (number INTEGER PRIMARY KEY, key BLOB NOT NULL, name BLOB,"
    " size INTEGER NOT NULL, modified INTEGER NOT NULL, at INTEGER NOT NULL,"
    " quoted INTEGER NOT NULL, waiting INTEGER NOT NULL) STRICT;"
    "CREATE INDEX waiting ON message (waiting) WHERE waiting = 1;"
    "CREATE TABLE outcome (number INTEGER PRIMARY KEY, state INTEGER NOT NULL, cause TEXT,"
    " output BLOB, input_sha BLOB, output_sha BLOB, record TEXT) STRICT;"
    "CREATE INDEX failed ON outcome (state) WHERE state = 4;"
    "CREATE INDEX failed_cause ON outcome (cause) WHERE state = 4;"
    "INSERT INTO total VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0);"
    "PRAGMA application_id = 0x68736d6a;"
    "PRAGMA user_version = 1;";

const char *const sql_text[SQL_STATEMENTS] = {
	[SQL_IDENTITY] =
	    "SELECT a.application_id, u.user_version, (SELECT count(*) FROM sqlite_schema)"
	    " FROM pragma_application_id a, pragma_user_version u",
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_MAKE_JOB] = "INSERT INTO job VALUES (1, ?1, 0, unixepoch(), 0, 0, 0)",
	[SQL_IS_OBJECT] = "SELECT json_type(?1) = 'object'",
	[SQL_SETTINGS] = JOURNAL_SQL_SETTINGS,
	[SQL_SETTING] = "SELECT settings ->> ('$.\"' || ?1 || '\"') FROM job",
	/* The first value of the new settings that is another one in the old, or of the old that the new lack. */
	[SQL_DIFFERENCE] =
	    "SELECT n.fullkey FROM json_tree(?1) n LEFT JOIN json_tree(?2) o ON o.fullkey = "
	    "n.fullkey"
	    " WHERE o.type IS NOT n.type OR o.atom IS NOT n.atom"
	    " UNION ALL SELECT o.fullkey FROM json_tree(?2) o LEFT JOIN json_tree(?1) n"
	    " ON o.fullkey = n.fullkey WHERE n.fullkey IS NULL LIMIT 1",
	[SQL_JOB] = "SELECT listed, started, changed, committed FROM job",
	[SQL_LISTED] = JOURNAL_SQL_LISTED,
	[SQL_COMMITTED] = JOURNAL_SQL_COMMITTED("?", "unixepoch()"),
	[SQL_ADD] = "INSERT INTO message (key, name, size, modified, at, quoted, waiting)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
	[SQL_IS_NAMED] = "SELECT key = ?2 FROM message WHERE number = ?1",
	[SQL_IS_OTHER] = "SELECT coalesce(name, key) <> ?2 AND (size <> ?3 OR modified <> ?4)"
			 " FROM message WHERE number = ?1",
	[SQL_KNOWN] = "SELECT number FROM known WHERE hash = ?1",
	[SQL_KNOWN_TO] = "SELECT known FROM job",
	[SQL_UNKNOWN] = "SELECT number, key FROM message WHERE number > (SELECT known FROM job)"
			" ORDER BY number",
	[SQL_LEARN] = "INSERT INTO known VALUES (?1, ?2)",
	[SQL_LEARNED] = "UPDATE job SET known = (SELECT max(number) FROM message)",
	[SQL_TAKE] = "SELECT " JOURNAL_SQL_MESSAGE
		     " FROM message m INDEXED BY waiting WHERE m.waiting = 1 AND m.number > ?1"
		     " ORDER BY m.number LIMIT ?2",
	[SQL_WAITING] = "SELECT size FROM message WHERE number = ?1 AND waiting = 1",
	[SQL_SETTLE] = "UPDATE message SET waiting = 0 WHERE number = ?1",
	[SQL_OUTCOME] = "INSERT INTO outcome VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[SQL_TOTALS] = "SELECT state, count, octets FROM total",
	[SQL_COUNT] = "UPDATE total SET count = count + ?2, octets = octets + ?3 WHERE state = ?1",
	[SQL_WORKED] = JOURNAL_SQL_WORKED("unixepoch()", "min", "max"),
	[SQL_CLOSED] = JOURNAL_SQL_CLOSED("?"),
	[SQL_CAUSES] = "SELECT cause, count(*) FROM outcome INDEXED BY failed_cause WHERE state = 4"
		       " GROUP BY cause ORDER BY 2 DESC, 1",
	[SQL_TALLY] =
	    "SELECT CASE WHEN json_valid(record) THEN substr(record ->> ('$.' || ?1), 1, ?2) END,"
	    " state, count(*) FROM outcome GROUP BY 1, 2 ORDER BY 1, 2",
	[SQL_EACH] = JOURNAL_SQL_EACH("?"),
	[SQL_EACH_FAILED] =
	    "SELECT " JOURNAL_SQL_MESSAGE ", " JOURNAL_SQL_OUTCOME
	    ", CASE WHEN json_valid(o.record) THEN o.record ->> '$.problem' END"
	    " FROM outcome o INDEXED BY failed"
	    " CROSS JOIN message m USING (number) WHERE o.state = 4 AND o.number > ?1"
	    " ORDER BY o.number LIMIT ?2",
	[SQL_FAILED_TOTAL] = JOURNAL_SQL_FAILED_TOTAL("?"),
	[SQL_WAIT_AGAIN] =
	    "UPDATE message SET waiting = 1 WHERE number IN (SELECT number FROM outcome"
	    " WHERE " JOURNAL_SQL_FAILED_OF("?") ")",
	[SQL_FORGET_FAILED] = JOURNAL_SQL_FORGET_FAILED("?"),
};
