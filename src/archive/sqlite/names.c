#include "names.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "database.h"

#define SLOTS ((size_t)1 << 19) /* 8 MiB */
#define NEWEST 300000           /* names that are in them at most */

/* Not one for which somebody could make up many names of the same hash. */
static int hash_name(int64_t *hash, const void *name, size_t len, struct error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	*hash = 0;
	if (EVP_Digest(name, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return error_openssl(err, HSMIME_EINTERNAL, "can't hash a name");
	memcpy(hash, digest, sizeof(*hash));
	return 0;
}

/* Where that hash is, or could be put. */
static struct name_slot *slot_of(const struct names *n, int64_t hash)
{
	size_t i = (uint64_t)hash % SLOTS;

	while (n->slots[i].number != 0 && n->slots[i].hash != hash)
		i = (i + 1) % SLOTS;
	return &n->slots[i];
}

/* The first column of the one row that there may be; 0 without. */
static int ask(int64_t *out, struct database *d, sqlite3_stmt *s, struct error *err)
{
	bool row;
	int status = database_step(&row, d, s, err);

	*out = status == 0 && row ? sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_reset(s);
	return status;
}

/* The number of the message that has that hash; 0 for none. */
static int look(int64_t *number, struct database *d, int64_t hash, struct error *err)
{
	sqlite3_stmt *s;
	int status;

	*number = slot_of(&d->names, hash)->number;
	if (*number != 0 || !d->names.known)
		return 0;
	status = database_statement(&s, d, SQL_KNOWN, err);
	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, hash);
	return ask(number, d, s, err);
}

static int is_named(int64_t *same, struct database *d, int64_t number, const void *name, size_t len,
    struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_IS_NAMED, err);

	*same = 0;
	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, number);
	(void)sqlite3_bind_blob64(s, 2, name, len, SQLITE_STATIC);
	return ask(same, d, s, err);
}

static int find(int64_t *hash, int64_t *number, struct database *d, const void *name, size_t len,
    struct error *err)
{
	int64_t same = 0;
	int status = hash_name(hash, name, len, err);

	*number = 0;
	if (status == 0)
		status = look(number, d, *hash, err);
	while (status == 0 && *number != 0) {
		status = is_named(&same, d, *number, name, len, err);
		if (status != 0 || same != 0)
			break;
		*hash = *hash < INT64_MAX ? *hash + 1 : INT64_MIN;
		status = look(number, d, *hash, err);
	}
	return status;
}

int names_find(
    int64_t *hash, int64_t *number, struct database *d, const char *name, struct error *err)
{
	return find(hash, number, d, name, strlen(name), err);
}

static int compare(const void *a, const void *b)
{
	const struct name_slot *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int learn_one(struct database *d, const struct name_slot *slot, struct error *err)
{
	sqlite3_stmt *s;
	int status = database_statement(&s, d, SQL_LEARN, err);

	if (status != 0)
		return status;
	(void)sqlite3_bind_int64(s, 1, slot->hash);
	(void)sqlite3_bind_int64(s, 2, slot->number);
	return database_run(d, s, err);
}

/* All of them become known, in the order in which the table has them. */
static int learn(struct database *d, struct error *err)
{
	struct names *n = &d->names;
	sqlite3_stmt *s;
	size_t count = 0;
	int status = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		if (n->slots[i].number != 0)
			n->slots[count++] = n->slots[i];
	}
	qsort(n->slots, count, sizeof(n->slots[0]), compare);
	for (size_t i = 0; status == 0 && i < count; i++)
		status = learn_one(d, &n->slots[i], err);
	memset(n->slots, 0, SLOTS * sizeof(n->slots[0]));
	n->count = 0;
	n->known = true;
	if (status == 0)
		status = database_statement(&s, d, SQL_LEARNED, err);
	return status == 0 ? database_run(d, s, err) : status;
}

int names_add(struct database *d, int64_t hash, int64_t number, struct error *err)
{
	*slot_of(&d->names, hash) = (struct name_slot){ hash, number };
	return ++d->names.count < NEWEST ? 0 : learn(d, err);
}

/* One that the journal has, and whose hash is not known. */
static int add_again(struct database *d, sqlite3_stmt *row, struct error *err)
{
	int64_t hash, number;
	int status = find(&hash, &number, d, sqlite3_column_blob(row, 1),
	    (size_t)sqlite3_column_bytes(row, 1), err);

	if (status == 0 && number == 0) {
		*slot_of(&d->names, hash) =
		    (struct name_slot){ hash, sqlite3_column_int64(row, 0) };
		d->names.count++;
	}
	return status;
}

static int is_anything_known(struct database *d, struct error *err)
{
	sqlite3_stmt *s;
	int64_t known = 0;
	int status = database_statement(&s, d, SQL_KNOWN_TO, err);

	if (status == 0)
		status = ask(&known, d, s, err);
	d->names.known = known != 0;
	return status;
}

int names_prepare(struct database *d, struct error *err)
{
	sqlite3_stmt *s = NULL;
	bool row = true;
	int status;

	if (d->names.slots != NULL)
		return 0;
	d->names.slots = calloc(SLOTS, sizeof(d->names.slots[0]));
	if (d->names.slots == NULL)
		return error_nomem(err);
	d->names.count = 0;
	status = is_anything_known(d, err);
	if (status == 0)
		status = database_statement(&s, d, SQL_UNKNOWN, err);
	/* There are fewer than NEWEST: the transaction that had more made them known. */
	while (status == 0 && row && d->names.count < NEWEST) {
		status = database_step(&row, d, s, err);
		if (status == 0 && row)
			status = add_again(d, s, err);
	}
	(void)sqlite3_reset(s);
	return status;
}

void names_done(struct names *n)
{
	free(n->slots);
	*n = (struct names){ 0 };
}
