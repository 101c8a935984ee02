#include "functions.h"

#include <stdlib.h>
#include <string.h>

#define SLICE 64 /* messages that are read at a time: nobody waits for who is shown them */

static int causes_add(
    struct journal_cause **causes, size_t *count, sqlite3_stmt *s, struct error *err)
{
	const unsigned char *cause = sqlite3_column_text(s, 0);
	struct journal_cause *grown = realloc(*causes, (*count + 1) * sizeof(**causes));

	if (grown == NULL)
		return error_nomem(err);
	*causes = grown;
	grown[*count].cause = cause != NULL ? strdup((const char *)cause) : NULL;
	if (grown[*count].cause == NULL)
		return error_nomem(err);
	grown[(*count)++].count = (uint64_t)sqlite3_column_int64(s, 1);
	return 0;
}

static void causes_free(struct journal_cause **causes, size_t *count)
{
	while (*count > 0)
		free((*causes)[--*count].cause);
	free(*causes);
	*causes = NULL;
}

int report_causes(
    struct journal_cause **causes, size_t *count, struct journal *j, struct error *err)
{
	struct database *d = database_of(j);
	sqlite3_stmt *s;
	bool row = true;
	int status = database_statement(&s, d, SQL_CAUSES, err);

	*causes = NULL;
	*count = 0;
	while (status == 0 && row) {
		status = database_step(&row, d, s, err);
		if (status == 0 && row)
			status = causes_add(causes, count, s, err);
	}
	(void)sqlite3_reset(s);
	if (status != 0)
		causes_free(causes, count);
	return status;
}

static void tally_free(struct journal_tally **rows, size_t *count)
{
	while (*count > 0)
		free((*rows)[--*count].value);
	free(*rows);
	*rows = NULL;
}

static bool same_value(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Rows come in the order of their values, and of states within. */
static int tally_add(struct journal_tally **rows, size_t *count, sqlite3_stmt *s, struct error *err)
{
	const char *value = (const char *)sqlite3_column_text(s, 0);
	int state = sqlite3_column_int(s, 1);
	struct journal_tally *grown;

	if (state < 0 || state > JOURNAL_FAILED)
		return 0;
	if (*count == 0 || !same_value((*rows)[*count - 1].value, value)) {
		grown = realloc(*rows, (*count + 1) * sizeof(**rows));
		if (grown == NULL)
			return error_nomem(err);
		*rows = grown;
		grown[*count] = (struct journal_tally){ 0 };
		if (value != NULL && (grown[*count].value = strdup(value)) == NULL)
			return error_nomem(err);
		(*count)++;
	}
	(*rows)[*count - 1].counts[state] = (uint64_t)sqlite3_column_int64(s, 2);
	return 0;
}

int report_tally(struct journal_tally **rows, size_t *count, struct journal *j, const char *member,
    size_t octets, struct error *err)
{
	struct database *d = database_of(j);
	sqlite3_stmt *s;
	bool row = true;
	int status = database_statement(&s, d, SQL_TALLY, err);

	*rows = NULL;
	*count = 0;
	if (status != 0)
		return status;
	(void)sqlite3_bind_text(s, 1, member, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 2, octets != 0 ? (int64_t)octets : INT32_MAX);
	while (status == 0 && row) {
		status = database_step(&row, d, s, err);
		if (status == 0 && row)
			status = tally_add(rows, count, s, err);
	}
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	if (status != 0)
		tally_free(rows, count);
	return status;
}

/* NULL stays NULL. */
static int copy_octets(char **out, sqlite3_stmt *s, int column, struct error *err)
{
	bool is_null = sqlite3_column_type(s, column) == SQLITE_NULL;
	const void *octets = sqlite3_column_blob(s, column);

	if (!is_null)
		*out =
		    strndup(octets != NULL ? octets : "", (size_t)sqlite3_column_bytes(s, column));
	return is_null || *out != NULL ? 0 : error_nomem(err);
}

static bool copy_sha(unsigned char out[JOURNAL_SHA], sqlite3_stmt *s, int column)
{
	const void *octets = sqlite3_column_blob(s, column);

	if (octets == NULL || sqlite3_column_bytes(s, column) != JOURNAL_SHA)
		return false;
	memcpy(out, octets, JOURNAL_SHA);
	return true;
}

static int read_entry(struct journal_entry *e, sqlite3_stmt *s, struct error *err)
{
	int status = message_read(e, s, err);

	if (status != 0)
		return status;
	e->state = (enum journal_state)sqlite3_column_int(s, 7);
	e->has_sha = copy_sha(e->input_sha, s, 10) && copy_sha(e->output_sha, s, 11);
	status = copy_octets(&e->cause, s, 8, err);
	if (status == 0)
		status = copy_octets(&e->output, s, 9, err);
	if (status == 0)
		status = copy_octets(&e->record, s, 12, err);
	if (status == 0)
		status = copy_octets(&e->problem, s, 13, err);
	return status;
}

/* The next messages behind number after. */
static int read_slice(struct journal_entry *entries, size_t *count, struct database *d,
    enum sql which, uint64_t after, struct error *err)
{
	sqlite3_stmt *s;
	bool row = true;
	int status = database_statement(&s, d, which, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, (int64_t)after);
	(void)sqlite3_bind_int(s, 2, SLICE);
	while (status == 0 && row) {
		status = database_step(&row, d, s, err);
		if (status == 0 && row)
			status = read_entry(&entries[(*count)++], s, err);
	}
	(void)sqlite3_reset(s);
	return status;
}

int report_each(struct journal *j, bool failed_only,
    int (*visit)(void *arg, const struct journal_entry *e), void *arg, struct error *err)
{
	enum sql which = failed_only ? SQL_EACH_FAILED : SQL_EACH;
	struct journal_entry entries[SLICE];
	uint64_t after = 0;
	size_t count = SLICE;
	int status = 0;

	while (status == 0 && count == SLICE) {
		count = 0;
		status = read_slice(entries, &count, database_of(j), which, after, err);
		for (size_t i = 0; i < count; i++) {
			if (status == 0)
				status = visit(arg, &entries[i]);
			after = entries[i].number;
			journal_entry_free(&entries[i]);
		}
	}
	return status;
}
