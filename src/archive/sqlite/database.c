#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ms that a reader or writer waits for the moment that another one locks the file. */
#define PATIENCE 5000
#define LOG_PAGES 4096                    /* 16 MiB */
#define CACHE "PRAGMA cache_size = -8192" /* KiB of pages */

int database_statement(sqlite3_stmt **out, struct database *d, enum sql which, struct error *err)
{
	sqlite3_stmt **s = &d->statements[which];

	*out = NULL;
	if (*s == NULL && sqlite3_prepare_v3(d->handle, sql_text[which], -1,
			      SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK)
		return database_failed(d, err);
	/* What it says is the failure of the last run, which was told of then. */
	(void)sqlite3_reset(*s);
	(void)sqlite3_clear_bindings(*s);
	*out = *s;
	return 0;
}

int database_step(bool *row, struct database *d, sqlite3_stmt *statement, struct error *err)
{
	int code = sqlite3_step(statement);
	int status = 0;

	*row = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		status = database_failed(d, err);
	if (!*row)
		(void)sqlite3_reset(statement);
	return status;
}

int database_run(struct database *d, sqlite3_stmt *statement, struct error *err)
{
	bool row = true;
	int status = 0;

	while (status == 0 && row)
		status = database_step(&row, d, statement, err);
	return status;
}

static int run(struct database *d, enum sql which, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, which, err);

	return status == 0 ? database_run(d, s, err) : status;
}

int database_execute(struct database *d, const char *sql, struct error *err)
{
	if (sqlite3_exec(d->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_failed(d, err);
	return 0;
}

int database_begin(struct database *d, bool synced, struct error *err)
{
	int status = 0;

	if (d->lost) {
		error_set(err, HSMIME_EIO,
		    "the journal %s: the disk failed before, so that nothing is recorded any more",
		    d->path);
		return error_hint(err, "see to the disk and start again");
	}
	if (synced != d->synced)
		status = database_execute(
		    d, synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
	if (status == 0)
		d->synced = synced;
	return status == 0 ? run(d, SQL_BEGIN, err) : status;
}

int database_end(struct database *d, int status, struct error *err)
{
	struct error ignored;

	if (status == 0)
		status = run(d, SQL_COMMIT, err);
	/* After some failures SQLite has done it by itself. */
	if (status != 0 && sqlite3_get_autocommit(d->handle) == 0)
		(void)run(d, SQL_ROLLBACK, &ignored);
	return status;
}

/* Its name is in the folder for good, too. */
static int sync_folder(const char *place, struct error *err)
{
	const char *slash = strrchr(place, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(place, (size_t)(slash - place) + 1);
	int fd, status = 0;

	if (folder == NULL)
		return error_nomem(err);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		status = error_errno(err, "can't sync the folder", folder);
	if (fd >= 0)
		close(fd);
	free(folder);
	return status;
}

/* SQLite would make it readable by others. Whoever makes it first is the only one that opens this one. */
static int make_file(const char *place, struct error *err)
{
	int fd = open(place, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : error_errno(err, "can't make the journal", place);
	close(fd);
	return sync_folder(place, err);
}

static int find_file(struct database *d, const char *place, struct error *err)
{
	struct stat st;

	d->path = realpath(place, NULL);
	if (d->path == NULL && errno == ENOMEM)
		return error_nomem(err);
	if (d->path == NULL || stat(d->path, &st) != 0)
		return error_errno(err, "can't open the journal", place);
	if (!S_ISREG(st.st_mode)) {
		error_set(err, HSMIME_EIO, "the journal %s: it is no file", place);
		return error_hint(err, "name a file");
	}
	return 0;
}

static int connect_file(struct database *d, bool writing, struct error *err)
{
	int flags = writing ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	int code = sqlite3_open_v2(d->path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (d->handle == NULL)
		return error_nomem(err);
	(void)sqlite3_extended_result_codes(d->handle, 1);
	if (code != SQLITE_OK)
		return database_failed(d, err);
	(void)sqlite3_busy_timeout(d->handle, PATIENCE);
	/* A file that somebody else made runs nothing of its own. */
	(void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return 0;
}

static int identify(struct database *d, struct error *err)
{
	sqlite3_stmt *s;
	int application, version, tables;
	bool row;
	int status = database_statement(&s, d, SQL_IDENTITY, err);

	if (status == 0)
		status = database_step(&row, d, s, err);
	if (status != 0)
		return status;
	application = sqlite3_column_int(s, 0);
	version = sqlite3_column_int(s, 1);
	tables = sqlite3_column_int(s, 2);
	(void)sqlite3_reset(s);
	d->empty = application == 0 && version == 0 && tables == 0;
	if (d->empty || (application == SQL_APPLICATION && version == SQL_VERSION))
		return 0;
	if (application == SQL_APPLICATION && version > SQL_VERSION) {
		error_set(
		    err, HSMIME_EUNSUPPORTED, "the journal %s was made by a newer hsmime", d->path);
		return error_hint(err, "install that one, or a newer one");
	}
	error_set(err, HSMIME_EFORMAT, "%s is no journal", d->path);
	return error_hint(err, "name another place");
}

/* SQLite answers with what it is in now, and where it can't is content with what it was. */
static int log_ahead(struct database *d, struct error *err)
{
	sqlite3_stmt *s = NULL;
	const char *mode = NULL;
	int status = 0;

	if (sqlite3_prepare_v2(d->handle, "PRAGMA journal_mode = WAL", -1, &s, NULL) != SQLITE_OK)
		return database_failed(d, err);
	if (sqlite3_step(s) != SQLITE_ROW)
		status = database_failed(d, err);
	else
		mode = (const char *)sqlite3_column_text(s, 0);
	if (status == 0 && (mode == NULL || strcmp(mode, "wal") != 0)) {
		error_set(err, HSMIME_EIO, "the journal %s: its file system has no shared memory",
		    d->path);
		status = error_hint(err, "put it on a local disk");
	}
	(void)sqlite3_finalize(s);
	return status;
}

/*
 * After a commit: a long log is taken over into the file. Where that fails the commit is well, and the log
 * goes on; but of a sync that failed once the next one doesn't tell.
 */
static int shorten_log(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct database *d = arg;
	int code = SQLITE_OK;

	if (pages >= LOG_PAGES)
		code =
		    sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (code == SQLITE_IOERR_FSYNC)
		d->lost = true;
	return SQLITE_OK;
}

static int prepare_writing(struct database *d, struct error *err)
{
	int status = database_execute(d, CACHE, err);

	(void)sqlite3_wal_hook(d->handle, shorten_log, d);
	if (status == 0)
		status = log_ahead(d, err);
	if (status == 0)
		status = database_execute(d, "PRAGMA synchronous = FULL", err);
	d->synced = true;
	d->writing = status == 0;
	return status;
}

static void disconnect(struct database *d)
{
	for (size_t i = 0; i < SQL_STATEMENTS; i++) {
		(void)sqlite3_finalize(d->statements[i]);
		d->statements[i] = NULL;
	}
	if (d->writing) {
		/* One plain file, unless somebody reads it just now. */
		(void)sqlite3_busy_timeout(d->handle, 0);
		(void)sqlite3_exec(d->handle, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	}
	d->writing = false;
	(void)sqlite3_close(d->handle);
	d->handle = NULL;
}

int database_write(struct database *d, struct error *err)
{
	int status;

	if (d->writing)
		return 0;
	status = lock_take(&d->lock, d->path, err);
	if (status != 0)
		return status;
	disconnect(d);
	status = connect_file(d, true, err);
	if (status == 0)
		status = identify(d, err);
	if (status == 0)
		status = prepare_writing(d, err);
	if (status != 0)
		lock_release(&d->lock);
	return status;
}

int database_open(struct database *d, const char *place, bool writing, struct error *err)
{
	int status = writing ? make_file(place, err) : 0;

	if (status == 0)
		status = find_file(d, place, err);
	if (status == 0 && writing)
		status = lock_take(&d->lock, d->path, err);
	if (status == 0)
		status = connect_file(d, writing, err);
	if (status == 0)
		status = identify(d, err);
	/* Whoever was killed may have left what only one that writes can take back. */
	if (status != 0 && !writing && d->handle != NULL &&
	    (sqlite3_extended_errcode(d->handle) & 0xff) == SQLITE_READONLY)
		return database_write(d, err);
	return status == 0 && writing ? prepare_writing(d, err) : status;
}

void database_close(struct database *d)
{
	disconnect(d);
	lock_release(&d->lock);
	names_done(&d->names);
	free(d->path);
	d->path = NULL;
}
