#include "api/keyring_table.h"

#include <stdlib.h>
#include <string.h>

#include "util/buffer.h"

int keyring_table_init(struct keyring_table *t)
{
	memset(t, 0, sizeof(*t));
	t->entries = calloc(KEYRING_MAX, sizeof(*t->entries));
	t->buckets = calloc(KEYRING_BUCKETS, sizeof(*t->buckets));
	if (t->entries == NULL || t->buckets == NULL) {
		keyring_table_free(t);
		return HSMIME_ENOMEM;
	}
	for (size_t i = 0; i < KEYRING_BUCKETS; i++)
		t->buckets[i] = KEYRING_NOBODY;
	return 0;
}

void keyring_table_free(struct keyring_table *t)
{
	for (size_t i = 0; t->entries != NULL && i < t->count; i++)
		free(t->entries[i].name);
	free(t->entries);
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}

/* The octets that name a recipient; kinds apart, since a key fits one of them alone. */
static int name_of(struct buffer *name, const struct recipient *r)
{
	const unsigned char head[2] = { (unsigned char)r->kind, r->key_id_len > 0 ? 'k' : 's' };

	buffer_init(name, KEYRING_NAME_MAX);
	(void)buffer_add(name, head, sizeof(head));
	(void)buffer_add(name, r->key_id, r->key_id_len);
	(void)buffer_add(name, r->serial, r->serial_len);
	return buffer_add(name, r->issuer, r->issuer_len);
}

/* FNV-1a. Who makes names for one bucket makes a list of KEYRING_MAX at most. */
static uint16_t bucket_of(const struct buffer *name)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < name->len; i++)
		hash = (hash ^ name->data[i]) * 16777619U;
	return (uint16_t)((hash ^ (hash >> 16)) % KEYRING_BUCKETS);
}

static struct keyring_entry *look_up(const struct keyring_table *t, const struct buffer *name)
{
	for (uint16_t i = t->buckets[bucket_of(name)]; i != KEYRING_NOBODY; i = t->entries[i].next)
		if (t->entries[i].name_len == name->len &&
		    memcmp(t->entries[i].name, name->data, name->len) == 0)
			return &t->entries[i];
	return NULL;
}

struct keyring_entry *keyring_table_find(const struct keyring_table *t, const struct recipient *r)
{
	struct keyring_entry *e = NULL;
	struct buffer name;

	if (name_of(&name, r) == 0)
		e = look_up(t, &name);
	buffer_free(&name);
	return e;
}

bool keyring_entry_fresh(int64_t since, int64_t now)
{
	return now - since < (int64_t)KEYRING_FORGETS_S * 1000;
}

static bool makes_room(const struct keyring_entry *e, int64_t now)
{
	return e->key == NULL && !keyring_entry_fresh(e->none_at, now) &&
	       !keyring_entry_fresh(e->searching_at, now);
}

static void take_out(struct keyring_table *t, struct keyring_entry *e)
{
	uint16_t *at = &t->buckets[e->bucket];

	while (&t->entries[*at] != e)
		at = &t->entries[*at].next;
	*at = e->next;
	free(e->name);
}

/* Each in turn, from where room was last: nobody looks at those in front again and again. */
static struct keyring_entry *room(struct keyring_table *t, int64_t now)
{
	if (t->count < KEYRING_MAX)
		return &t->entries[t->count++];
	for (size_t i = 0; i < KEYRING_MAX; i++) {
		struct keyring_entry *e = &t->entries[(t->hand + i) % KEYRING_MAX];

		if (!makes_room(e, now))
			continue;
		t->hand = (t->hand + i + 1) % KEYRING_MAX;
		take_out(t, e);
		return e;
	}
	return NULL;
}

/* name becomes the entry's. */
static struct keyring_entry *put_in(struct keyring_table *t, struct buffer *name, int64_t now)
{
	struct keyring_entry *e = room(t, now);
	uint16_t bucket = bucket_of(name);

	if (e == NULL)
		return NULL;
	*e = (struct keyring_entry){ .name = name->data,
		.name_len = name->len,
		.bucket = bucket,
		.next = t->buckets[bucket],
		.none_at = KEYRING_LONG_AGO,
		.searching_at = KEYRING_LONG_AGO };
	t->buckets[bucket] = (uint16_t)(e - t->entries);
	buffer_init(name, KEYRING_NAME_MAX);
	return e;
}

struct keyring_entry *keyring_table_entry(
    struct keyring_table *t, const struct recipient *r, int64_t now)
{
	struct keyring_entry *e = NULL;
	struct buffer name;

	if (name_of(&name, r) == 0) {
		e = look_up(t, &name);
		if (e == NULL)
			e = put_in(t, &name, now);
	}
	buffer_free(&name);
	return e;
}
