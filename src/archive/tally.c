#include "archive/tally.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/lhash.h>

#define OTHERS "others"

/* One value, and the octets that stand for it. */
typedef struct tally_slot {
	hsmime_tally_row row;
	unsigned char *key;
	size_t len;
} TALLY_SLOT;

DEFINE_LHASH_OF(TALLY_SLOT);

struct tally {
	LHASH_OF(TALLY_SLOT) * slots;
};

/* FNV-1a. */
static unsigned long hash(const TALLY_SLOT *s)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)s->row.by;

	for (size_t i = 0; i < s->len; i++)
		h = (h ^ s->key[i]) * UINT64_C(1099511628211);
	return (unsigned long)(h ^ (h >> 32));
}

static int compare(const TALLY_SLOT *a, const TALLY_SLOT *b)
{
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

static void slot_free(TALLY_SLOT *s)
{
	row_clear(&s->row);
	free(s->key);
	free(s);
}

int tally_new(struct tally **out)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->slots = lh_TALLY_SLOT_new(hash, compare);
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
	lh_TALLY_SLOT_doall(t->slots, slot_free);
	lh_TALLY_SLOT_free(t->slots);
	free(t);
}

static TALLY_SLOT *slot_new(struct tally *t, const TALLY_SLOT *wanted)
{
	TALLY_SLOT *s = calloc(1, sizeof(*s));

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
	lh_TALLY_SLOT_insert(t->slots, s);
	if (lh_TALLY_SLOT_error(t->slots) == 0)
		return s;
	slot_free(s);
	return NULL;
}

/* The row of all that there is no room for; its key is empty, which that of no value is. */
static TALLY_SLOT *others(struct tally *t, enum hsmime_tally_by by)
{
	static unsigned char nothing[1];
	TALLY_SLOT wanted = { .row.by = by, .key = nothing };
	TALLY_SLOT *s = lh_TALLY_SLOT_retrieve(t->slots, &wanted);

	if (s == NULL)
		s = slot_new(t, &wanted);
	if (s != NULL && s->row.value == NULL)
		s->row.value = strdup(OTHERS);
	return s != NULL && s->row.value != NULL ? s : NULL;
}

int tally_add(hsmime_tally_row **row, struct tally *t, enum hsmime_tally_by by, const void *key,
    size_t len, uint64_t octets)
{
	TALLY_SLOT wanted = { .row.by = by, .key = (unsigned char *)key, .len = len };
	TALLY_SLOT *s = lh_TALLY_SLOT_retrieve(t->slots, &wanted);

	*row = NULL;
	if (s == NULL)
		s = lh_TALLY_SLOT_num_items(t->slots) < TALLY_MAX ? slot_new(t, &wanted)
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

static void move(TALLY_SLOT *s, void *arg)
{
	struct rows *all = arg;

	all->rows[all->count++] = s->row;
	s->row = (hsmime_tally_row){ .by = s->row.by };
}

/* The hash calls back with the types of its own. */
static void move_slot(void *slot, void *arg)
{
	move(slot, arg);
}

int tally_rows(hsmime_tally_row **out, size_t *count, struct tally *t)
{
	struct rows all = { calloc(lh_TALLY_SLOT_num_items(t->slots) + 1, sizeof(*all.rows)), 0 };

	*out = NULL;
	*count = 0;
	if (all.rows == NULL)
		return HSMIME_ENOMEM;
	OPENSSL_LH_doall_arg((OPENSSL_LHASH *)t->slots, move_slot, &all);
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
