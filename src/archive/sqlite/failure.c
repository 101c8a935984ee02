#include "database.h"

#include <string.h>

/* What SQLite says, by its primary code. */
static const struct {
	int code;
	int status;
	const char *words;
	const char *hint;
} rows[] = {
	{ SQLITE_FULL, HSMIME_EIO, "no space is left for it",
	    "free some space there and go on: what was recorded is there" },
	{ SQLITE_NOTADB, HSMIME_EFORMAT, "it is no journal", "name another place" },
	{ SQLITE_CORRUPT, HSMIME_EFORMAT, "it is damaged",
	    "take it from a backup, or begin a new job: it writes the same outputs again" },
	{ SQLITE_BUSY, HSMIME_EIO, "another process keeps it locked",
	    "end that one; where there is none, put it on a file system that can lock files" },
	{ SQLITE_PROTOCOL, HSMIME_EIO, "it can't be locked",
	    "put it on a file system that can lock files" },
	{ SQLITE_READONLY, HSMIME_EIO, "it can't be written",
	    "look at its and its folder's permissions" },
	{ SQLITE_CANTOPEN, HSMIME_EIO, "it can't be opened",
	    "look at its and its folder's permissions" },
	{ SQLITE_TOOBIG, HSMIME_EFORMAT, "a value is too long for it", NULL },
};

/* An extended code tells an input or output error of locks from others. */
static bool is_locking(int code)
{
	return code == SQLITE_IOERR_LOCK || code == SQLITE_IOERR_UNLOCK ||
	       code == SQLITE_IOERR_RDLOCK || code == SQLITE_IOERR_CHECKRESERVEDLOCK ||
	       code == SQLITE_IOERR_SHMLOCK;
}

static int input_output(struct database *d, int code, struct error *err)
{
	int why = sqlite3_system_errno(d->handle);

	if (is_locking(code)) {
		error_set(err, HSMIME_EIO, "the journal %s: it can't be locked", d->path);
		return error_hint(err, "put it on a file system that can lock files");
	}
	error_set(err, HSMIME_EIO, "the journal %s: it can't be read or written: %s", d->path,
	    why != 0 ? strerrordesc_np(why) : sqlite3_errmsg(d->handle));
	return error_hint(err, "see to the disk and go on: what was recorded is there");
}

int database_failed(struct database *d, struct error *err)
{
	int code = sqlite3_extended_errcode(d->handle);

	if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
		d->lost = true;
	if ((code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
		return error_nomem(err);
	if ((code & 0xff) == SQLITE_IOERR)
		return input_output(d, code, err);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code != (code & 0xff))
			continue;
		error_set(err, rows[i].status, "the journal %s: %s", d->path, rows[i].words);
		return rows[i].hint != NULL ? error_hint(err, "%s", rows[i].hint) : rows[i].status;
	}
	return error_set(
	    err, HSMIME_EINTERNAL, "the journal %s: %s", d->path, sqlite3_errmsg(d->handle));
}
