/* The ledger (archive/ledger.h): a database without a name, which SQLite keeps in a temporary file that nobody else sees. */
#include "archive/ledger.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { MEMBERS, ADD, PUT_OFF, DIFFERENCES, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	/* json_valid is of RFC 8259 alone, where json_each takes JSON5 as well (SQLite 3.42). */
	[MEMBERS] = "SELECT key, type, atom FROM json_each(?1) WHERE json_valid(?1)",
	[ADD] = "INSERT INTO message VALUES (?1, ?2, ?3, ?4)",
	[PUT_OFF] = "SELECT o.place, o.that, t.that FROM message o LEFT JOIN message t"
		    " ON t.side = 0 AND t.place = o.place AND t.key = o.key WHERE o.side = 2"
		    " GROUP BY o.rowid",
	/* It is sorted outside of memory. */
	[DIFFERENCES] =
	    "SELECT place, key, sum(side > 0) AS lines, sum(side = 0) AS there FROM message"
	    " WHERE place < 2 GROUP BY place, key HAVING (lines <> 1 OR there <> 1)"
	    " AND NOT (lines = 1 AND there = 0 AND max(side) = 2)",
};

static const char schema[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
			     "PRAGMA temp_store = FILE; PRAGMA cache_size = -8192;" /* KiB */
			     "CREATE TABLE message (place INTEGER NOT NULL, side INTEGER NOT NULL,"
			     " key BLOB NOT NULL, that BLOB) STRICT; BEGIN";
/* Made once all is listed, by sorting. */
static const char by_key[] =
    "CREATE INDEX IF NOT EXISTS by_key ON message (place, key) WHERE side = 0;"
    "CREATE INDEX IF NOT EXISTS late ON message (side) WHERE side = 2";

struct ledger_own {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENTS];
};

static int failed(const struct ledger_own *own, struct error *err)
{
	int code = sqlite3_errcode(own->handle) & 0xff;

	if (code == SQLITE_NOMEM || code == SQLITE_TOOBIG)
		return error_nomem(err);
	if (code != SQLITE_FULL && code != SQLITE_IOERR && code != SQLITE_CANTOPEN)
		return error_set(
		    err, HSMIME_EINTERNAL, "the list of outputs: %s", sqlite3_errmsg(own->handle));
	error_set(err, HSMIME_EIO, "the list of outputs can't be kept in a temporary file: %s",
	    sqlite3_errmsg(own->handle));
	return error_hint(err, "make room for it, or name another folder in TMPDIR");
}

static int statement(sqlite3_stmt **out, struct ledger_own *own, int which, struct error *err)
{
	sqlite3_stmt **s = &own->statements[which];

	*out = NULL;
	if (*s == NULL && sqlite3_prepare_v3(own->handle, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
			      s, NULL) != SQLITE_OK)
		return failed(own, err);
	*out = *s;
	return 0;
}

static int ledger_sqlite_open(struct ledger *l, struct error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	struct ledger_own *own = calloc(1, sizeof(*own));
	int code;

	l->own = own;
	if (own == NULL)
		return error_nomem(err);
	code = sqlite3_open_v2("", &own->handle, flags, NULL);
	if (own->handle == NULL)
		return error_nomem(err);
	if (code == SQLITE_OK)
		code = sqlite3_exec(own->handle, schema, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : failed(own, err);
}

static int malformed(struct error *err)
{
	return error_set(err, HSMIME_EFORMAT, "it is no object of JSON");
}

/* An escape of NUL, where SQLite ends a text (3.40); an escaped backslash before "u0000" is none. */
static bool has_nul(const char *text, size_t len)
{
	static const char nul[] = "u0000";
	size_t n = strlen(nul);
	const char *end = text + len;

	for (; (text = memchr(text, '\\', (size_t)(end - text))) != NULL && text + 1 < end;
	     text += 2)
		if ((size_t)(end - text) > n && memcmp(text + 1, nul, n) == 0)
			return true;
	return memchr(end - len, '\0', len) != NULL;
}

/* The member of a row. False: it is an array's, or nobody's. */
static bool read_member(struct ledger_member *m, sqlite3_stmt *s)
{
	const char *type = (const char *)sqlite3_column_text(s, 1);
	int found = sqlite3_column_type(s, 2);

	*m = (struct ledger_member){ .type = LEDGER_OTHER };
	if (sqlite3_column_type(s, 0) != SQLITE_TEXT || type == NULL)
		return false;
	m->name = (const char *)sqlite3_column_text(s, 0);
	if (found == SQLITE_INTEGER && strcmp(type, "integer") == 0 &&
	    sqlite3_column_int64(s, 2) >= 0) {
		m->type = LEDGER_NUMBER;
		m->number = (uint64_t)sqlite3_column_int64(s, 2);
	} else if (found == SQLITE_TEXT && strcmp(type, "text") == 0) {
		m->text = (const char *)sqlite3_column_text(s, 2);
		if (m->text != NULL && strlen(m->text) == (size_t)sqlite3_column_bytes(s, 2))
			m->type = LEDGER_TEXT;
	}
	return m->name != NULL;
}

static int ledger_sqlite_members(struct ledger *l, const char *text, size_t len,
    int (*visit)(void *arg, const struct ledger_member *m), void *arg, struct error *err)
{
	struct ledger_own *own = l->own;
	struct ledger_member m;
	sqlite3_stmt *s;
	int code = SQLITE_ROW, status = statement(&s, own, MEMBERS, err);

	if (status != 0)
		return status;
	if (len > INT_MAX || has_nul(text, len))
		return malformed(err);
	(void)sqlite3_bind_text(s, 1, text, (int)len, SQLITE_STATIC);
	while (status == 0 && (code = sqlite3_step(s)) == SQLITE_ROW)
		status = read_member(&m, s) ? visit(arg, &m) : malformed(err);
	if (status == 0 && code == SQLITE_ERROR)
		status = malformed(err);
	else if (status == 0 && code != SQLITE_DONE)
		status = failed(own, err);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return status;
}

static int ledger_sqlite_add(struct ledger *l, enum ledger_place place, enum ledger_side side,
    const char *key, const char *that, struct error *err)
{
	struct ledger_own *own = l->own;
	sqlite3_stmt *s;
	int status = statement(&s, own, ADD, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_int(s, 1, (int)place);
	(void)sqlite3_bind_int(s, 2, (int)side);
	(void)sqlite3_bind_blob(s, 3, key, (int)strlen(key), SQLITE_STATIC);
	if (that != NULL)
		(void)sqlite3_bind_blob(s, 4, that, (int)strlen(that), SQLITE_STATIC);
	else
		(void)sqlite3_bind_null(s, 4);
	if (sqlite3_step(s) != SQLITE_DONE)
		status = failed(own, err);
	(void)sqlite3_reset(s);
	return status;
}

/* NULL stays NULL. */
static int copy(char **out, sqlite3_stmt *s, int column, struct error *err)
{
	const void *octets = sqlite3_column_blob(s, column);
	bool is_null = sqlite3_column_type(s, column) == SQLITE_NULL;

	*out = is_null
		   ? NULL
		   : strndup(octets != NULL ? octets : "", (size_t)sqlite3_column_bytes(s, column));
	return is_null || *out != NULL ? 0 : error_nomem(err);
}

static int ledger_sqlite_put_off(struct ledger *l,
    int (*visit)(void *arg, enum ledger_place place, const char *that, const char *path), void *arg,
    struct error *err)
{
	struct ledger_own *own = l->own;
	sqlite3_stmt *s;
	int code = SQLITE_ROW, status;

	if (sqlite3_exec(own->handle, by_key, NULL, NULL, NULL) != SQLITE_OK)
		return failed(own, err);
	status = statement(&s, own, PUT_OFF, err);
	while (status == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		char *that = NULL, *path = NULL;

		status = copy(&that, s, 1, err);
		if (status == 0)
			status = copy(&path, s, 2, err);
		if (status == 0)
			status =
			    visit(arg, (enum ledger_place)sqlite3_column_int(s, 0), that, path);
		free(that);
		free(path);
	}
	if (status == 0 && code != SQLITE_DONE)
		status = failed(own, err);
	(void)sqlite3_reset(s);
	return status;
}

static int ledger_sqlite_differences(struct ledger *l,
    int (*visit)(
	void *arg, enum ledger_place place, const char *key, uint64_t lines, uint64_t there),
    void *arg, struct error *err)
{
	struct ledger_own *own = l->own;
	sqlite3_stmt *s;
	int code = SQLITE_ROW, status = statement(&s, own, DIFFERENCES, err);

	if (status != 0)
		return status;
	while (status == 0 && (code = sqlite3_step(s)) == SQLITE_ROW) {
		char *key = NULL;

		status = copy(&key, s, 1, err);
		if (status == 0)
			status = visit(arg, (enum ledger_place)sqlite3_column_int(s, 0), key,
			    (uint64_t)sqlite3_column_int64(s, 2),
			    (uint64_t)sqlite3_column_int64(s, 3));
		free(key);
	}
	if (status == 0 && code != SQLITE_DONE)
		status = failed(own, err);
	(void)sqlite3_reset(s);
	return status;
}

static void ledger_sqlite_close(struct ledger *l)
{
	struct ledger_own *own = l->own;

	for (size_t i = 0; own != NULL && i < STATEMENTS; i++)
		(void)sqlite3_finalize(own->statements[i]);
	if (own != NULL)
		(void)sqlite3_close(own->handle);
	free(own);
}

extern const struct ledger_kind hsmime_ledger;

__attribute__((visibility("default"))) const struct ledger_kind hsmime_ledger = {
	.interface = LEDGER_INTERFACE,
	.open = ledger_sqlite_open,
	.members = ledger_sqlite_members,
	.add = ledger_sqlite_add,
	.put_off = ledger_sqlite_put_off,
	.differences = ledger_sqlite_differences,
	.close = ledger_sqlite_close,
};
