#include "functions.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

/* SQLite's integers are signed: an offset or size beyond is none that a file has. */
static int check_item(const struct mail_item *item, struct error *err)
{
	if (item->size <= INT64_MAX && item->offset <= INT64_MAX)
		return 0;
	return error_set(err, HSMIME_EFORMAT, "the message %s is too large", item->name);
}

static int insert(struct database *d, const struct mail_item *item, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_ADD, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_blob64(s, 1, item->name, strlen(item->name), SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 2, (int64_t)item->size);
	(void)sqlite3_bind_int64(s, 3, item->modified);
	(void)sqlite3_bind_int64(s, 4, (int64_t)item->offset);
	(void)sqlite3_bind_int(s, 5, item->quoted);
	return database_run(d, s, err);
}

static int add_one(
    bool *is_new, struct database *d, const struct mail_item *item, struct error *err)
{
	int64_t hash;
	int status = check_item(item, err);

	*is_new = false;
	if (status == 0)
		status = names_find(&hash, is_new, d, item->name, err);
	if (status == 0 && *is_new)
		status = insert(d, item, err);
	if (status == 0 && *is_new)
		status = names_add(d, hash, sqlite3_last_insert_rowid(d->handle), err);
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

int message_read(struct journal_entry *e, sqlite3_stmt *statement, struct error *err)
{
	const void *name = sqlite3_column_blob(statement, 1);
	size_t len = (size_t)sqlite3_column_bytes(statement, 1);

	*e = (struct journal_entry){ 0 };
	/* An empty name is no octets, and NULL. */
	e->item.name = strndup(name != NULL ? name : "", len);
	if (e->item.name == NULL)
		return error_nomem(err);
	e->number = (uint64_t)sqlite3_column_int64(statement, 0);
	e->item.size = (uint64_t)sqlite3_column_int64(statement, 2);
	e->item.modified = sqlite3_column_int64(statement, 3);
	e->item.offset = (uint64_t)sqlite3_column_int64(statement, 4);
	e->item.quoted = sqlite3_column_int(statement, 5) != 0;
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
