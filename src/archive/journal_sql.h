/*
 * journal_sql: what is the same in the SQL of every kind of journal. Parameters are said by number, "?1" in
 * SQLite and "$1" in PostgreSQL: P is what stands before the number.
 */
#ifndef ARCHIVE_JOURNAL_SQL_H
#define ARCHIVE_JOURNAL_SQL_H

#include "archive/journal.h"

#define JOURNAL_SQL_MESSAGE "m.number, m.key, m.name, m.size, m.modified, m.at, m.quoted"
#define JOURNAL_SQL_OUTCOME "o.state, o.cause, o.output, o.input_sha, o.output_sha, o.record"

#define JOURNAL_SQL_SETTINGS "SELECT settings FROM job"
#define JOURNAL_SQL_LISTED "UPDATE job SET listed = 1"

/* The length of the mbox (NULL: it stays), which never gets shorter; now: an expression for it. */
#define JOURNAL_SQL_COMMITTED(P, now)                                                              \
	"UPDATE job SET changed = " now ", committed = coalesce(" P "1, committed)"                \
	" WHERE coalesce(" P "1, committed) >= committed"

/* Beside the states, of which none is 5: number 1 more messages in which something stayed closed. */
#define JOURNAL_CLOSED_ROW 5
#define JOURNAL_SQL_CLOSED(P)                                                                      \
	"INSERT INTO total AS t VALUES (5, " P "1, 0)"                                             \
	" ON CONFLICT (state) DO UPDATE SET count = t.count + excluded.count"

/*
 * And none is 6: seconds of work, before changed is set anew. least and most: the functions of two values; a clock may have
 * gone back.
 */
#define JOURNAL_WORKED_ROW 6
#define JOURNAL_SQL_TEXT(number) JOURNAL_SQL_TEXT_OF(number)
#define JOURNAL_SQL_TEXT_OF(number) #number
#define JOURNAL_SQL_WORKED(now, least, most)                                                       \
	"INSERT INTO total AS t SELECT 6, " most "(0, " least "(" JOURNAL_SQL_TEXT(                \
	    JOURNAL_PAUSE) ", " now " - " most "(changed, started))), 0 FROM job WHERE true"       \
			   " ON CONFLICT (state) DO UPDATE SET count = t.count + excluded.count"

/* Messages and their outcomes behind number 1, at most 2 of them. */
#define JOURNAL_SQL_EACH(P)                                                                        \
	"SELECT " JOURNAL_SQL_MESSAGE ", " JOURNAL_SQL_OUTCOME                                     \
	", NULL FROM message m LEFT JOIN outcome o USING (number)"                                 \
	" WHERE m.number > " P "1 ORDER BY m.number LIMIT " P "2"

/* What failed of cause 1, or of any (NULL). */
#define JOURNAL_SQL_FAILED_OF(P) "state = 4 AND (" P "1 IS NULL OR cause = " P "1)"
#define JOURNAL_SQL_FAILED_TOTAL(P)                                                                \
	"SELECT count(*), coalesce(sum(m.size), 0) FROM outcome o JOIN message m USING (number)"   \
	" WHERE o." JOURNAL_SQL_FAILED_OF(P)
#define JOURNAL_SQL_FORGET_FAILED(P) "DELETE FROM outcome WHERE " JOURNAL_SQL_FAILED_OF(P)

#endif
