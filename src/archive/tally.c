#include "archive/tally.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/lhash.h>

#define OTHERS "others"

/* One value, and the octets that stand for it. */
struct slot {
	hsmime_tally_row row;
	unsigned char *key;
	size_t len;
};

/* Without the macros of lhash.h that give it a type: later versions of OpenSSL deprecate a part of what they make. */
struct tally {
	OPENSSL_LHASH *slots;
};

/* FNV-1a. */
static unsigned long hash(const void *slot)
{
	const struct slot *s = slot;
	uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)s->row.by;

	for (size_t i = 0; i < s->len; i++)
		h = (h ^ s->key[i]) * UINT64_C(1099511628211);
	return (unsigned long)(h ^ (h >> 32));
}

static int compare(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->row.by != b->row.by || a->len != b->len)
		return 1;
	return a->len > 0 ? memcmp(a->key, b->key, a->len) : 0;
}

static void row_clear(hsmime_tally_row *row)
{
	free(row->value);
	free(row->issuer);
	free(row->serial_number);
	free(row->key_id);
}

static void slot_free(void *slot)
{
	struct slot *s = slot;

	row_clear(&s->row);
	free(s->key);
	free(s);
}

int tally_new(struct tally **out)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->slots = OPENSSL_LH_new(hash, compare);
	if (t == NULL || t->slots == NULL) {
		free(t);
		*out = NULL;
		return HSMIME_ENOMEM;
	}
	*out = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	OPENSSL_LH_doall(t->slots, slot_free);
	OPENSSL_LH_free(t->slots);
	free(t);
}

static struct slot *slot_new(struct tally *t, const struct slot *wanted)
{
	struct slot *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->row.by = wanted->row.by;
	s->len = wanted->len;
	s->key = malloc(wanted->len + 1);
	if (s->key == NULL) {
		slot_free(s);
		return NULL;
	}
	memcpy(s->key, wanted->key, wanted->len);
	OPENSSL_LH_insert(t->slots, s);
	if (OPENSSL_LH_error(t->slots) == 0)
		return s;
	slot_free(s);
	return NULL;
}

/* The row of all that there is no room for; its key is empty, which that of no value is. */
static struct slot *others(struct tally *t, enum hsmime_tally_by by)
{
	static unsigned char nothing[1];
	struct slot wanted = { .row.by = by, .key = nothing };
	struct slot *s = OPENSSL_LH_retrieve(t->slots, &wanted);

	if (s == NULL)
		s = slot_new(t, &wanted);
	if (s != NULL && s->row.value == NULL)
		s->row.value = strdup(OTHERS);
	return s != NULL && s->row.value != NULL ? s : NULL;
}

int tally_add(hsmime_tally_row **row, struct tally *t, enum hsmime_tally_by by, const void *key,
    size_t len, uint64_t octets)
{
	struct slot wanted = { .row.by = by, .key = (unsigned char *)key, .len = len };
	struct slot *s = OPENSSL_LH_retrieve(t->slots, &wanted);

	*row = NULL;
	if (s == NULL)
		s = OPENSSL_LH_num_items(t->slots) < TALLY_MAX ? slot_new(t, &wanted)
							       : others(t, by);
	if (s == NULL)
		return HSMIME_ENOMEM;
	s->row.messages++;
	s->row.octets += octets;
	*row = &s->row;
	return 0;
}

int tally_word(struct tally *t, enum hsmime_tally_by by, const char *word, uint64_t octets)
{
	hsmime_tally_row *row = NULL;
	int status = tally_add(&row, t, by, word, strlen(word), octets);

	if (status == 0 && row->value == NULL)
		row->value = strdup(word);
	return status == 0 && row->value == NULL ? HSMIME_ENOMEM : status;
}

static int in_order(const void *a, const void *b)
{
	const hsmime_tally_row *x = a, *y = b;

	if (x->by != y->by)
		return x->by < y->by ? -1 : 1;
	if (x->by != HSMIME_TALLY_YEAR && x->messages != y->messages)
		return x->messages > y->messages ? -1 : 1;
	return strcmp(x->value != NULL ? x->value : "", y->value != NULL ? y->value : "");
}

/* What is collected. */
struct rows {
	hsmime_tally_row *rows;
	size_t count;
};

static void move(void *slot, void *arg)
{
	struct slot *s = slot;
	struct rows *all = arg;

	all->rows[all->count++] = s->row;
	s->row = (hsmime_tally_row){ .by = s->row.by };
}

int tally_rows(hsmime_tally_row **out, size_t *count, struct tally *t)
{
	struct rows all = { calloc(OPENSSL_LH_num_items(t->slots) + 1, sizeof(*all.rows)), 0 };

	*out = NULL;
	*count = 0;
	if (all.rows == NULL)
		return HSMIME_ENOMEM;
	OPENSSL_LH_doall_arg(t->slots, move, &all);
	qsort(all.rows, all.count, sizeof(*all.rows), in_order);
	*out = all.rows;
	*count = all.count;
	return 0;
}

void hsmime_tally_free(hsmime_tally *tally)
{
	if (tally == NULL)
		return;
	for (size_t i = 0; i < tally->row_count; i++)
		row_clear(&tally->rows[i]);
	free(tally->rows);
	free(tally);
}
