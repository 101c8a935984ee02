#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"

/* PostgreSQL's integers are signed: an offset or size beyond is none that a file has. */
static int check_item(const struct mail_item *item, struct error *err)
{
	if (item->size <= INT64_MAX && item->offset <= INT64_MAX && item->quoted <= INT64_MAX)
		return 0;
	return error_set(err, HSMIME_EFORMAT, "the message %s is too large", item->name);
}

/* Items by their columns: key, name, size, modified, at, quoted. */
#define COLUMNS 6
struct adding {
	struct buffer columns[COLUMNS];
	struct params p;
	size_t count;
};

static int set_columns(struct adding *a, const struct mail_item *items, struct error *err)
{
	struct buffer *c = a->columns;
	int status = 0;

	for (size_t i = 0; status == 0 && i < a->count; i++) {
		const struct mail_item *item = &items[i];
		const char *key = item->key != NULL ? item->key : item->name;

		status = check_item(item, err);
		array_octets(&c[0], key, strlen(key));
		array_octets(&c[1], item->name, strlen(item->name));
		array_number(&c[2], (int64_t)item->size);
		array_number(&c[3], item->modified);
		array_number(&c[4], (int64_t)item->offset);
		array_number(&c[5], (int64_t)item->quoted);
	}
	for (int i = 0; status == 0 && i < COLUMNS; i++) {
		const char *text = array_end(&c[i]);

		params_text(&a->p, text);
		status = text != NULL ? 0 : error_nomem(err);
	}
	return status;
}

static int add_by(
    size_t *added, struct link *l, enum sql which, struct adding *a, struct error *err)
{
	PGresult *r = NULL;
	int status = database_run(&r, l, which, &a->p, err);

	*added = status == 0 && PQntuples(r) > 0 ? (size_t)column_number(r, 0, 0) : 0;
	PQclear(r);
	return status;
}

static int add_once(struct link *l, void *arg, struct error *err)
{
	struct adding *a = arg;
	size_t added = 0;
	int status = host_check(l, 0, err);

	if (status == 0)
		status = database_run(NULL, l, SQL_LOCK_JOB, NULL, err);
	if (status == 0)
		status = add_by(&added, l, SQL_ADD, a, err);
	if (status == 0 && added < a->count)
		status = add_by(&added, l, SQL_ADD_OTHERS, a, err);
	return status;
}

int message_add(struct journal *j, const struct mail_item *items, size_t count, struct error *err)
{
	struct database *d = database_of(j);
	struct adding a = { .count = count };
	int status = host_need(d, err);

	for (int i = 0; i < COLUMNS; i++)
		array_init(&a.columns[i]);
	if (status == 0)
		status = set_columns(&a, items, err);
	if (status == 0)
		status = database_do(&d->main, add_once, &a, err);
	for (int i = 0; i < COLUMNS; i++)
		buffer_free(&a.columns[i]);
	return status;
}

int message_read(struct journal_entry *e, const PGresult *r, int row, struct error *err)
{
	int status;

	*e = (struct journal_entry){ 0 };
	status = column_octets(&e->item.key, NULL, r, row, 1, err);
	if (status == 0)
		status =
		    column_octets(&e->item.name, NULL, r, row, PQgetisnull(r, row, 2) ? 1 : 2, err);
	if (status != 0) {
		journal_entry_free(e);
		return status;
	}
	e->number = (uint64_t)column_number(r, row, 0);
	e->item.size = (uint64_t)column_number(r, row, 3);
	e->item.modified = column_number(r, row, 4);
	e->item.offset = (uint64_t)column_number(r, row, 5);
	e->item.quoted = (uint64_t)column_number(r, row, 6);
	return 0;
}

struct taking {
	struct journal_entry *entries;
	size_t count, max;
	int64_t take;
};

static void taking_free(struct taking *t)
{
	while (t->count > 0)
		journal_entry_free(&t->entries[--t->count]);
}

static int take_by(struct taking *t, struct link *l, enum sql which, struct error *err)
{
	struct params p = { 0 };
	PGresult *r = NULL;
	int status;

	taking_free(t);
	params_number(&p, atomic_load(&l->d->host));
	params_number(&p, t->take);
	if (which == SQL_TAKE)
		params_number(&p, (int64_t)t->max);
	status = database_run(&r, l, which, &p, err);
	for (int i = 0; status == 0 && i < PQntuples(r); i++) {
		status = message_read(&t->entries[t->count], r, i, err);
		t->count += status == 0;
	}
	PQclear(r);
	return status;
}

/* Of a take whose answer was lost the journal knows what it was. */
static int take_once(struct link *l, void *arg, struct error *err)
{
	struct taking *t = arg;
	int status = host_check(l, 0, err);

	if (status == 0 && l->doubtful)
		status = take_by(t, l, SQL_TAKEN, err);
	else
		taking_free(t);
	return status == 0 && t->count == 0 ? take_by(t, l, SQL_TAKE, err) : status;
}

int message_take(
    struct journal_entry *entries, size_t *count, size_t max, struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	struct taking t = { .entries = entries, .max = max < INT32_MAX ? max : INT32_MAX };
	int status = host_need(d, err);

	t.take = ++d->takes;
	if (status == 0)
		status = database_do(&d->main, take_once, &t, err);
	if (status != 0)
		taking_free(&t);
	*count = t.count;
	return status;
}
