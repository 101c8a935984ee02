#include "functions.h"

#include <stdlib.h>
#include <string.h>

#define SLICE 256 /* messages that are read at a time */

struct causes {
	struct journal_cause *rows;
	size_t count;
};

static void causes_free(struct causes *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->rows[i].cause);
	free(c->rows);
	*c = (struct causes){ 0 };
}

static int read_causes(struct link *l, void *arg, struct error *err)
{
	struct causes *c = arg;
	PGresult *r = NULL;
	int status = database_run(&r, l, SQL_CAUSES, NULL, err);

	causes_free(c);
	if (status == 0) {
		c->rows = calloc((size_t)PQntuples(r) + 1, sizeof(*c->rows));
		status = c->rows != NULL ? 0 : error_nomem(err);
	}
	for (int i = 0; status == 0 && i < PQntuples(r); i++) {
		c->rows[c->count].count = (uint64_t)column_number(r, i, 1);
		status = column_text(&c->rows[c->count++].cause, r, i, 0, err);
	}
	PQclear(r);
	return status;
}

int report_causes(
    struct journal_cause **causes, size_t *count, struct journal *j, struct error *err)
{
	struct causes c = { 0 };
	int status = database_ask(&database_of(j)->main, read_causes, &c, err);

	if (status != 0)
		causes_free(&c);
	*causes = c.rows;
	*count = c.count;
	return status;
}

struct tallies {
	struct params p;
	struct journal_tally *rows;
	size_t count;
};

static void tallies_free(struct tallies *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->rows[i].value);
	free(t->rows);
	t->rows = NULL;
	t->count = 0;
}

/* Rows come in the order of their values, and of states within. */
static int add_tally(struct tallies *t, const PGresult *r, int row, struct error *err)
{
	int64_t state = column_number(r, row, 1);
	struct journal_tally *last = t->count > 0 ? &t->rows[t->count - 1] : NULL;
	char *value = NULL;
	int status = column_text(&value, r, row, 0, err);
	bool same = last != NULL &&
		    (value == NULL || last->value == NULL ? value == last->value
							  : strcmp(value, last->value) == 0);

	if (status != 0 || state < 0 || state > JOURNAL_FAILED) {
		free(value);
		return status;
	}
	if (same)
		free(value);
	else
		t->rows[t->count++].value = value;
	t->rows[t->count - 1].counts[state] = (uint64_t)column_number(r, row, 2);
	return 0;
}

static int read_tally(struct link *l, void *arg, struct error *err)
{
	struct tallies *t = arg;
	PGresult *r = NULL;
	int status = database_run(&r, l, SQL_TALLY, &t->p, err);

	tallies_free(t);
	if (status == 0) {
		t->rows = calloc((size_t)PQntuples(r) + 1, sizeof(*t->rows));
		status = t->rows != NULL ? 0 : error_nomem(err);
	}
	for (int i = 0; status == 0 && i < PQntuples(r); i++)
		status = add_tally(t, r, i, err);
	PQclear(r);
	return status;
}

int report_tally(struct journal_tally **rows, size_t *count, struct journal *j, const char *member,
    size_t octets, struct error *err)
{
	struct tallies t = { 0 };
	int status;

	params_text(&t.p, member);
	params_number(&t.p, octets != 0 ? (int64_t)octets : INT32_MAX);
	status = database_ask(&database_of(j)->main, read_tally, &t, err);
	if (status != 0)
		tallies_free(&t);
	*rows = t.rows;
	*count = t.count;
	return status;
}

static int copy_sha(bool *has, unsigned char out[JOURNAL_SHA], const PGresult *r, int row,
    int column, struct error *err)
{
	char *octets = NULL;
	size_t len = 0;
	int status = column_octets(&octets, &len, r, row, column, err);

	*has = octets != NULL && len == JOURNAL_SHA;
	if (*has)
		memcpy(out, octets, JOURNAL_SHA);
	free(octets);
	return status;
}

static int read_entry(struct journal_entry *e, const PGresult *r, int row, struct error *err)
{
	bool in = false, out = false;
	int status = message_read(e, r, row, err);

	if (status != 0)
		return status;
	e->state = (enum journal_state)column_number(r, row, 7);
	status = column_text(&e->cause, r, row, 8, err);
	if (status == 0)
		status = column_octets(&e->output, NULL, r, row, 9, err);
	if (status == 0)
		status = copy_sha(&in, e->input_sha, r, row, 10, err);
	if (status == 0)
		status = copy_sha(&out, e->output_sha, r, row, 11, err);
	e->has_sha = in && out;
	if (status == 0)
		status = column_text(&e->record, r, row, 12, err);
	return status == 0 ? column_text(&e->problem, r, row, 13, err) : status;
}

struct slice {
	enum sql which;
	uint64_t after;
	struct journal_entry entries[SLICE];
	size_t count;
};

static void slice_free(struct slice *s)
{
	while (s->count > 0)
		journal_entry_free(&s->entries[--s->count]);
}

/* The next messages behind number after. */
static int read_slice(struct link *l, void *arg, struct error *err)
{
	struct slice *s = arg;
	struct params p = { 0 };
	PGresult *r = NULL;
	int status;

	slice_free(s);
	params_number(&p, (int64_t)s->after);
	params_number(&p, SLICE);
	status = database_run(&r, l, s->which, &p, err);
	for (int i = 0; status == 0 && i < PQntuples(r); i++)
		status = read_entry(&s->entries[s->count++], r, i, err);
	PQclear(r);
	return status;
}

int report_each(struct journal *j, bool failed_only,
    int (*visit)(void *arg, const struct journal_entry *e), void *arg, struct error *err)
{
	struct slice *s = calloc(1, sizeof(*s));
	bool more = true;
	int status = s != NULL ? 0 : error_nomem(err);

	while (status == 0 && more) {
		s->which = failed_only ? SQL_EACH_FAILED : SQL_EACH;
		status = database_ask(&database_of(j)->main, read_slice, s, err);
		more = s->count == SLICE;
		for (size_t i = 0; status == 0 && i < s->count; i++) {
			s->after = s->entries[i].number;
			status = visit(arg, &s->entries[i]);
		}
		slice_free(s);
	}
	free(s);
	return status;
}
