#include "archive/tally.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define OTHERS "others"

/* One value, and the octets that stand for it. */
struct slot {
	hsmime_tally_row row;
	unsigned char *key;
	size_t len;
};

/* Places for more than twice as many slots as there are; a slot lies at the first free one from its hash on. */
struct tally {
	struct slot **places;
	size_t room; /* a power of two */
	size_t count;
	uint64_t seed; /* nobody knows beforehand which keys share a place */
};

#define FIRST_ROOM 64

/* FNV-1a. */
static size_t hash(const struct tally *t, const struct slot *s)
{
	uint64_t h = t->seed ^ (uint64_t)s->row.by;

	for (size_t i = 0; i < s->len; i++)
		h = (h ^ s->key[i]) * UINT64_C(1099511628211);
	return (size_t)(h ^ (h >> 32));
}

static bool equal(const struct slot *a, const struct slot *b)
{
	return a->row.by == b->row.by && a->len == b->len &&
	       (a->len == 0 || memcmp(a->key, b->key, a->len) == 0);
}

/* Where it lies, or would. */
static struct slot **place_of(const struct tally *t, const struct slot *wanted)
{
	size_t at = hash(t, wanted) & (t->room - 1);

	while (t->places[at] != NULL && !equal(t->places[at], wanted))
		at = (at + 1) & (t->room - 1);
	return &t->places[at];
}

static int grow(struct tally *t)
{
	struct tally more = { .room = 2 * t->room, .count = t->count, .seed = t->seed };

	more.places = calloc(more.room, sizeof(struct slot *));
	if (more.places == NULL)
		return HSMIME_ENOMEM;
	for (size_t i = 0; i < t->room; i++)
		if (t->places[i] != NULL)
			*place_of(&more, t->places[i]) = t->places[i];
	free(t->places);
	*t = more;
	return 0;
}

static void row_clear(hsmime_tally_row *row)
{
	free(row->value);
	free(row->issuer);
	free(row->serial_number);
	free(row->key_id);
}

static void slot_free(struct slot *s)
{
	if (s == NULL)
		return;
	row_clear(&s->row);
	free(s->key);
	free(s);
}

int tally_new(struct tally **out)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->places = calloc(FIRST_ROOM, sizeof(struct slot *));
	if (t == NULL || t->places == NULL) {
		free(t);
		*out = NULL;
		return HSMIME_ENOMEM;
	}
	t->room = FIRST_ROOM;
	t->seed = UINT64_C(14695981039346656037);
	(void)!getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK);
	*out = t;
	return 0;
}

void tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->room; i++)
		slot_free(t->places[i]);
	free(t->places);
	free(t);
}

static struct slot *slot_new(struct tally *t, const struct slot *wanted)
{
	struct slot *s;

	if (2 * (t->count + 1) > t->room && grow(t) != 0)
		return NULL;
	s = calloc(1, sizeof(*s));
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
	*place_of(t, s) = s;
	t->count++;
	return s;
}

/* The row of all that there is no room for; its key is empty, which that of no value is. */
static struct slot *others(struct tally *t, enum hsmime_tally_by by)
{
	static unsigned char nothing[1];
	struct slot wanted = { .row.by = by, .key = nothing };
	struct slot *s = *place_of(t, &wanted);

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
	struct slot *s = *place_of(t, &wanted);

	*row = NULL;
	if (s == NULL)
		s = t->count < TALLY_MAX ? slot_new(t, &wanted) : others(t, by);
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

int tally_rows(hsmime_tally_row **out, size_t *count, struct tally *t)
{
	hsmime_tally_row *rows = calloc(t->count + 1, sizeof(*rows));

	*out = rows;
	*count = 0;
	if (rows == NULL)
		return HSMIME_ENOMEM;
	for (size_t i = 0; i < t->room; i++) {
		struct slot *s = t->places[i];

		if (s == NULL)
			continue;
		rows[(*count)++] = s->row;
		s->row = (hsmime_tally_row){ .by = s->row.by };
	}
	qsort(rows, *count, sizeof(*rows), in_order);
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
