#include "sql.h"

#include "archive/journal_sql.h"

#define TYPE_BIGINT 20 /* as pg_type has them */
#define TYPE_TEXT 25

#define NOW "clock_timestamp()"
#define SECONDS_OF(time) "floor(extract(epoch FROM " time "))::bigint"

/* Keys and names are octets; a name that is its message's key is NULL. 4 is JOURNAL_FAILED. */
const char sql_schema[] =
    "CREATE TABLE job (one integer PRIMARY KEY CHECK (one = 1), version integer NOT NULL,"
    " settings text NOT NULL, listed integer NOT NULL, started bigint NOT NULL,"
    " changed bigint NOT NULL, committed bigint NOT NULL, finished integer NOT NULL,"
    " next bigint NOT NULL, lister bigint, finisher bigint);"
    "CREATE TABLE total (state integer PRIMARY KEY, count bigint NOT NULL,"
    " octets bigint NOT NULL);"
    "CREATE TABLE message (number bigint PRIMARY KEY, key bytea NOT NULL, name bytea,"
    " size bigint NOT NULL, modified bigint NOT NULL, at bigint NOT NULL,"
    " quoted bigint NOT NULL);"
    "CREATE UNIQUE INDEX known ON message (sha256(key));"
    "CREATE TABLE waiting (number bigint PRIMARY KEY, host bigint, take bigint);"
    "CREATE INDEX free ON waiting (number) WHERE host IS NULL;"
    "CREATE INDEX held ON waiting (host, number) WHERE host IS NOT NULL;"
    "CREATE TABLE outcome (number bigint PRIMARY KEY, state integer NOT NULL, cause text,"
    " output bytea, input_sha bytea, output_sha bytea, record text, host bigint NOT NULL);"
    "CREATE INDEX failed ON outcome (number) WHERE state = 4;"
    "CREATE INDEX failed_cause ON outcome (cause) WHERE state = 4;"
    /* state: 0 it works, 1 it left, 2 it is gone, 3 and what it had was given back */
    "CREATE TABLE host (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,"
    " process bigint NOT NULL, since timestamptz NOT NULL, seen timestamptz NOT NULL,"
    " expires timestamptz NOT NULL, lease integer NOT NULL, done bigint NOT NULL,"
    " state integer NOT NULL);"
    "INSERT INTO total VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0);"
    /* A record that is no JSON has no members. */
    "CREATE FUNCTION member(line text, called text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
    " 'BEGIN RETURN line::json ->> called; EXCEPTION WHEN data_exception THEN RETURN NULL; END';";

/* A JSON document $N as rows of paths, as "$.keys[1]", and values. */
#define TREE(name, parameter)                                                                      \
	name "(path, value) AS (SELECT '$', " parameter "::jsonb UNION ALL"                        \
	     " SELECT t.path || k.step, k.value FROM " name " t CROSS JOIN LATERAL ("              \
	     "SELECT '.' || e.key AS step, e.value FROM jsonb_each("                               \
	     "CASE jsonb_typeof(t.value) WHEN 'object' THEN t.value ELSE '{}' END) e UNION ALL"    \
	     " SELECT '[' || (a.place - 1) || ']', a.value FROM jsonb_array_elements("             \
	     "CASE jsonb_typeof(t.value) WHEN 'array' THEN t.value ELSE '[]' END)"                 \
	     " WITH ORDINALITY AS a(value, place)) k)"

/* Items as arrays, in their order. */
#define ITEMS                                                                                      \
	"unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])" \
	" WITH ORDINALITY AS i(key, name, size, modified, at, quoted, turn)"

/* Of i those whose key is not there: how many. */
#define ADD                                                                                        \
	", fresh AS (INSERT INTO message SELECT (SELECT next FROM job) - 1"                        \
	" + row_number() OVER (ORDER BY turn), key, nullif(name, key), size, modified, at, quoted" \
	" FROM i WHERE NOT EXISTS (SELECT FROM message m WHERE sha256(m.key) = sha256(i.key))"     \
	" RETURNING number, size),"                                                                \
	" queued AS (INSERT INTO waiting SELECT number FROM fresh),"                               \
	" counted AS (UPDATE total SET count = count + (SELECT count(*) FROM fresh),"              \
	" octets = octets + (SELECT coalesce(sum(size), 0) FROM fresh)::bigint WHERE state = 0)"   \
	" UPDATE job SET next = next + (SELECT count(*) FROM fresh)"                               \
	" RETURNING (SELECT count(*) FROM fresh)"

/* Who has the duty keeps it until it is there no more. */
#define CLAIM(duty)                                                                                \
	"UPDATE job SET " duty " = $1 WHERE " duty " IS NULL OR " duty " = $1 OR NOT EXISTS"       \
	" (SELECT FROM host WHERE id = " duty " AND state = 0)"

const struct sql_statement sql_statements[SQL_STATEMENTS] = {
	/*
	 * Where statistics are not there yet the whole table would be read at times; what is switched off looks dear,
	 * and would be compiled first (jit). Who stands still within a
	 * transaction is not to keep the others waiting. A commit is on the server's disk.
	 */
	[SQL_SESSION] = { "SELECT set_config('search_path', quote_ident($1), false),"
			  " set_config('enable_seqscan', 'off', false),"
			  " set_config('enable_hashjoin', 'off', false),"
			  " set_config('enable_mergejoin', 'off', false),"
			  " set_config('jit', 'off', false),"
			  " set_config('synchronous_commit', 'on', false),"
			  " set_config('idle_in_transaction_session_timeout', '15s', false)",
	    TYPE_TEXT },
	[SQL_BEGIN] = { "BEGIN", 0 },
	[SQL_COMMIT] = { "COMMIT", 0 },
	[SQL_ROLLBACK] = { "ROLLBACK", 0 },
	[SQL_LOCK_NAME] = { "SELECT pg_advisory_xact_lock(hashtextextended($1, 1752394090))",
	    TYPE_TEXT },
	/* Not by to_regclass(), which may know of no table that another one made a moment ago. */
	[SQL_HAS_JOB] = { "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables"
			  " WHERE schemaname = $1 AND tablename = 'job')",
	    TYPE_TEXT },
	[SQL_VERSION_OF] = { "SELECT version FROM job", 0 },
	[SQL_MAKE_JOB] = { "INSERT INTO job VALUES (1, 1, $1, 0, " SECONDS_OF(
			       NOW) ", 0, 0, 0, 1, NULL, NULL)",
	    0 },
	[SQL_IS_OBJECT] = { "SELECT jsonb_typeof($1::jsonb) = 'object'", 0 },
	[SQL_SETTINGS] = { JOURNAL_SQL_SETTINGS, 0 },
	[SQL_SETTING] = { "SELECT CASE jsonb_typeof(value) WHEN 'boolean'"
			  " THEN (value::boolean::integer)::text ELSE value #>> '{}' END"
			  " FROM (SELECT settings::jsonb -> $1 AS value FROM job) s",
	    TYPE_TEXT },
	/* The first value of the new settings that is another one in the old, or of the old that the new lack. */
	[SQL_DIFFERENCE] = { "WITH RECURSIVE " TREE("n", "$1") ", " TREE(
				 "o", "$2") " SELECT coalesce(n.path, o.path) FROM n FULL JOIN o "
					    "ON n.path = o.path"
					    " WHERE jsonb_typeof(n.value) IS DISTINCT FROM "
					    "jsonb_typeof(o.value)"
					    " OR (jsonb_typeof(n.value) NOT IN ('object', 'array')"
					    " AND n.value <> o.value)"
					    " ORDER BY n.path IS NULL, 1 LIMIT 1",
	    0 },
	/* One statement sees all of it as of one moment. */
	[SQL_TOTALS] = { "SELECT j.listed, j.finished, j.started, j.changed, j.committed, t.state,"
			 " t.count, t.octets FROM job j CROSS JOIN total t",
	    0 },
	[SQL_LISTED] = { JOURNAL_SQL_LISTED, 0 },
	[SQL_FINISHED] = { "UPDATE job SET finished = 1", 0 },
	[SQL_COMMITTED] = { JOURNAL_SQL_COMMITTED("$", SECONDS_OF(NOW)), TYPE_BIGINT },
	[SQL_LOCK_JOB] = { "SELECT FROM job FOR UPDATE", 0 },
	[SQL_ADD] = { "WITH i AS (SELECT DISTINCT ON (key) * FROM " ITEMS
		      " ORDER BY key, turn)" ADD,
	    0 },
	/* Of a key that is there, and another message. No Maildir's key has a colon behind the folder. */
	[SQL_ADD_OTHERS] = { "WITH i AS (SELECT DISTINCT ON (key) * FROM ("
			     "SELECT i.key || convert_to(':' || i.size || '.' || i.modified, "
			     "'UTF8')"
			     " AS key, i.name, i.size, i.modified, i.at, i.quoted, i.turn "
			     "FROM " ITEMS " JOIN message m ON sha256(m.key) = sha256(i.key)"
			     " WHERE coalesce(m.name, m.key) <> i.name"
			     " AND (m.size <> i.size OR m.modified <> i.modified)) o"
			     " ORDER BY key, turn)" ADD,
	    0 },
	/* To host $1, as its take $2, $3 of them. */
	[SQL_TAKE] = { "WITH next AS (SELECT number FROM waiting WHERE host IS NULL ORDER BY number"
		       " LIMIT $3 FOR UPDATE SKIP LOCKED), given AS (UPDATE waiting w"
		       " SET host = $1, take = $2 FROM next WHERE w.number = next.number"
		       " RETURNING w.number) SELECT " JOURNAL_SQL_MESSAGE
		       " FROM given JOIN message m USING (number) ORDER BY m.number",
	    0 },
	[SQL_TAKEN] = { "SELECT " JOURNAL_SQL_MESSAGE
			" FROM waiting w JOIN message m USING (number)"
			" WHERE w.host = $1 AND w.take = $2 ORDER BY m.number",
	    0 },
	/* By host $1, of those that it was given. */
	[SQL_OUTCOME] = { "WITH e AS (SELECT * FROM unnest($2::bigint[], $3::integer[], $4::text[],"
			  " $5::bytea[], $6::bytea[], $7::bytea[], $8::text[])"
			  " AS e(number, state, cause, output, input_sha, output_sha, record)),"
			  " was AS (DELETE FROM waiting w USING e WHERE w.number = e.number"
			  " AND w.host = $1 RETURNING w.number)"
			  " INSERT INTO outcome SELECT e.number, e.state, e.cause, e.output,"
			  " e.input_sha, e.output_sha, e.record, $1 FROM e JOIN was USING (number)",
	    TYPE_BIGINT },
	[SQL_RECORDED] = { "SELECT count(*) FROM outcome WHERE number = ANY($2::bigint[])"
			   " AND host = $1",
	    TYPE_BIGINT },
	[SQL_COUNT] = { "WITH e AS (SELECT o.state, count(*) AS count, sum(m.size) AS octets"
			" FROM unnest($1::bigint[]) AS n(number) JOIN outcome o USING (number)"
			" JOIN message m USING (number) GROUP BY o.state)"
			" UPDATE total t SET count = t.count + c.count::bigint,"
			" octets = t.octets + c.octets::bigint FROM (SELECT state, count, octets "
			"FROM e"
			" UNION ALL SELECT 0, -coalesce(sum(count), 0), -coalesce(sum(octets), 0) "
			"FROM e) c"
			" WHERE t.state = c.state",
	    0 },
	[SQL_WORKED] = { JOURNAL_SQL_WORKED(SECONDS_OF(NOW), "least", "greatest"), 0 },
	[SQL_CLOSED] = { JOURNAL_SQL_CLOSED("$"), TYPE_BIGINT },
	[SQL_CAUSES] = { "SELECT cause, count(*) FROM outcome WHERE state = 4 GROUP BY cause"
			 " ORDER BY 2 DESC, cause COLLATE \"C\"",
	    0 },
	[SQL_TALLY] = { "SELECT value, state, count(*) FROM (SELECT substr(member(record, $1), 1, "
			"$2)"
			" COLLATE \"C\" AS value, state FROM outcome) o"
			" GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2",
	    TYPE_TEXT },
	[SQL_EACH] = { JOURNAL_SQL_EACH("$"), 0 },
	[SQL_EACH_FAILED] = { "SELECT " JOURNAL_SQL_MESSAGE ", " JOURNAL_SQL_OUTCOME
			      ", member(o.record, 'problem') FROM outcome o"
			      " JOIN message m USING (number) WHERE o.state = 4 AND o.number > $1"
			      " ORDER BY o.number LIMIT $2",
	    0 },
	[SQL_FAILED_TOTAL] = { JOURNAL_SQL_FAILED_TOTAL("$"), TYPE_TEXT },
	[SQL_WAIT_AGAIN] = { "INSERT INTO waiting SELECT number FROM outcome"
			     " WHERE " JOURNAL_SQL_FAILED_OF("$"),
	    TYPE_TEXT },
	[SQL_FORGET_FAILED] = { JOURNAL_SQL_FORGET_FAILED("$"), TYPE_TEXT },
	/* $1 of failed, with $2 octets, wait. */
	[SQL_COUNT_AGAIN] = { "WITH c AS (UPDATE total SET count = count"
			      " + CASE state WHEN 0 THEN $1::bigint ELSE -$1::bigint END,"
			      " octets = octets"
			      " + CASE state WHEN 0 THEN $2::bigint ELSE -$2::bigint END"
			      " WHERE state IN (0, 4))"
			      " UPDATE job SET finished = 0, finisher = NULL WHERE $1::bigint > 0",
	    0 },
	[SQL_JOIN] = { "INSERT INTO host (name, process, since, seen, expires, lease, done, state)"
		       " VALUES ($1, $2, " NOW ", " NOW ", " NOW " + make_interval(secs => $3),"
		       " $3::integer, 0, 0) RETURNING id",
	    TYPE_TEXT },
	/* It is there, and recorded $2 more. */
	[SQL_HOLD] = { "UPDATE host SET seen = " NOW ", expires = " NOW
		       " + make_interval(secs => lease), done = done + $2"
		       " WHERE id = $1 AND state = 0",
	    0 },
	[SQL_CLAIM_LIST] = { CLAIM("lister"), TYPE_BIGINT },
	[SQL_CLAIM_FINISH] = { CLAIM("finisher"), TYPE_BIGINT },
	/* While the server was away nobody could say that it is there. */
	[SQL_REAP] = { "UPDATE host SET state = 2 WHERE id = (SELECT id FROM host WHERE id <> $1"
		       " AND (state = 2 OR (state = 0 AND expires < " NOW
		       " AND pg_postmaster_start_time() + make_interval(secs => lease) < " NOW "))"
		       " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id",
	    TYPE_BIGINT },
	[SQL_GIVE_BACK] = { "UPDATE waiting SET host = NULL, take = NULL WHERE host = $1",
	    TYPE_BIGINT },
	[SQL_LEAVE] = { "UPDATE host SET state = 1, seen = " NOW " WHERE id = $1 AND state = 0",
	    TYPE_BIGINT },
	[SQL_CLEARED] = { "UPDATE host SET state = 3 WHERE id = $1 AND state = 2", TYPE_BIGINT },
	[SQL_HELD] = { "SELECT count(*) FROM waiting WHERE host = $1", TYPE_BIGINT },
	[SQL_ANOTHER] = { "SELECT name, process FROM host WHERE id <> $1 AND state = 0"
			  " AND expires > " NOW " ORDER BY id LIMIT 1",
	    TYPE_BIGINT },
	[SQL_HOSTS] = { "SELECT name, process, CASE WHEN state = 0 AND expires < " NOW
			" THEN 2 ELSE state END, (SELECT count(*) FROM waiting w WHERE w.host = "
			"h.id),"
			" done, " SECONDS_OF("since") ", " SECONDS_OF(
			    "seen") " FROM host h ORDER BY id",
	    0 },
};
