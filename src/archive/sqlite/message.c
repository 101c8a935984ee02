#include "functions.h"
#include "names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's integers are signed: an offset or size beyond is none that a file has. */
static int check_item(const struct mail_item *item, struct error *err)
{
	if (item->size <= INT64_MAX && item->offset <= INT64_MAX && item->quoted <= INT64_MAX)
		return 0;
	return error_set(err, HSMIME_EFORMAT, "the message %s is too large", item->name);
}

static const char *key_of(const struct mail_item *item)
{
	return item->key != NULL ? item->key : item->name;
}

static int insert(
    struct database *d, const struct mail_item *item, const char *key, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_ADD, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_blob64(s, 1, key, strlen(key), SQLITE_STATIC);
	if (strcmp(item->name, key) != 0)
		(void)sqlite3_bind_blob64(s, 2, item->name, strlen(item->name), SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 3, (int64_t)item->size);
	(void)sqlite3_bind_int64(s, 4, item->modified);
	(void)sqlite3_bind_int64(s, 5, (int64_t)item->offset);
	(void)sqlite3_bind_int64(s, 6, (int64_t)item->quoted);
	return database_run(d, s, err);
}

static int is_other(
    bool *is, struct database *d, int64_t number, const struct mail_item *item, struct error *err)
{
	sqlite3_stmt *s;
	bool row = false;
	int status = database_statement(&s, d, SQL_IS_OTHER, err);

	*is = false;
	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, number);
	(void)sqlite3_bind_blob64(s, 2, item->name, strlen(item->name), SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 3, (int64_t)item->size);
	(void)sqlite3_bind_int64(s, 4, item->modified);
	status = database_step(&row, d, s, err);
	*is = status == 0 && row && sqlite3_column_int(s, 0) != 0;
	(void)sqlite3_reset(s);
	return status;
}

/* *other: there is a message of that key, and it is another one. */
static int add_as(bool *is_new, bool *other, struct database *d, const struct mail_item *item,
    const char *key, struct error *err)
{
	int64_t hash, number;
	int status = names_find(&hash, &number, d, key, err);

	*is_new = status == 0 && number == 0;
	*other = false;
	if (status == 0 && number != 0)
		return is_other(other, d, number, item, err);
	if (status == 0)
		status = insert(d, item, key, err);
	if (status == 0)
		status = names_add(d, hash, sqlite3_last_insert_rowid(d->handle), err);
	return status;
}

static int add_one(
    bool *is_new, struct database *d, const struct mail_item *item, struct error *err)
{
	char *own = NULL;
	bool other = false;
	int status = check_item(item, err);

	*is_new = false;
	if (status == 0)
		status = add_as(is_new, &other, d, item, key_of(item), err);
	if (status != 0 || !other)
		return status;
	/* No Maildir's key has a colon behind the folder. */
	if (asprintf(&own, "%s:%" PRIu64 ".%" PRId64, key_of(item), item->size, item->modified) < 0)
		return error_nomem(err);
	status = add_as(is_new, &other, d, item, own, err);
	free(own);
	return status;
}

static int add_all(
    struct database *d, const struct mail_item *items, size_t count, struct error *err)
{
	int64_t added = 0, octets = 0;
	int status = names_prepare(d, err);

	for (size_t i = 0; status == 0 && i < count; i++) {
		bool is_new;

		status = add_one(&is_new, d, &items[i], err);
		added += is_new;
		octets += is_new ? (int64_t)items[i].size : 0;
	}
	if (status == 0)
		status = job_count(d, JOURNAL_WAITING, added, octets, err);
	return status;
}

int message_add(struct journal *j, const struct mail_item *items, size_t count, struct error *err)
{
	struct database *d = database_of(j);
	int status = database_write(d, err);

	if (status == 0)
		status = database_begin(d, false, err);
	if (status != 0)
		return status;
	status = database_end(d, add_all(d, items, count, err), err);
	/* What was counted may not be so. */
	if (status != 0)
		names_done(&d->names);
	return status;
}

/* The octets of a column as a string; without any they are NULL. */
static char *octets_of(sqlite3_stmt *s, int column)
{
	const void *octets = sqlite3_column_blob(s, column);

	return strndup(octets != NULL ? octets : "", (size_t)sqlite3_column_bytes(s, column));
}

int message_read(struct journal_entry *e, sqlite3_stmt *statement, struct error *err)
{
	bool is_key = sqlite3_column_type(statement, 2) == SQLITE_NULL;

	*e = (struct journal_entry){ 0 };
	e->item.key = octets_of(statement, 1);
	e->item.name = octets_of(statement, is_key ? 1 : 2);
	if (e->item.key == NULL || e->item.name == NULL) {
		journal_entry_free(e);
		return error_nomem(err);
	}
	e->number = (uint64_t)sqlite3_column_int64(statement, 0);
	e->item.size = (uint64_t)sqlite3_column_int64(statement, 3);
	e->item.modified = sqlite3_column_int64(statement, 4);
	e->item.offset = (uint64_t)sqlite3_column_int64(statement, 5);
	e->item.quoted = (uint64_t)sqlite3_column_int64(statement, 6);
	return 0;
}

int message_take(
    struct journal_entry *entries, size_t *count, size_t max, struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	sqlite3_stmt *s = NULL;
	size_t n = 0;
	bool row = true;
	int status = database_write(d, err);

	*count = 0;
	if (status == 0)
		status = database_statement(&s, d, SQL_TAKE, err);
	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, (int64_t)d->given);
	(void)sqlite3_bind_int64(s, 2, max < INT32_MAX ? (int64_t)max : INT32_MAX);
	while (status == 0 && row) {
		status = database_step(&row, d, s, err);
		if (row)
			status = message_read(&entries[n], s, err);
		n += row && status == 0;
	}
	(void)sqlite3_reset(s);
	if (status != 0) {
		while (n > 0)
			journal_entry_free(&entries[--n]);
		return status;
	}
	if (n > 0)
		d->given = entries[n - 1].number;
	d->out += n;
	*count = n;
	return 0;
}
