#include "api/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "api/keyring_table.h"
#include "cms/content_key.h"
#include "engine/probe.h"
#include "util/clock.h"

struct keyring {
	pthread_mutex_t lock;
	pthread_cond_t searched;
	struct keyring_table table;
	uint16_t keyed[KEYRING_MAX]; /* the entries that have a key, in no order */
	size_t keyed_count;
	uint64_t operations;
};

int keyring_new(struct keyring **out)
{
	struct keyring *r = calloc(1, sizeof(*r));
	pthread_condattr_t monotonic;

	*out = NULL;
	if (r == NULL)
		return HSMIME_ENOMEM;
	if (keyring_table_init(&r->table) != 0) {
		free(r);
		return HSMIME_ENOMEM;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->searched, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*out = r;
	return 0;
}

/* What an entry had; freed without the lock, since that makes token calls. */
struct held {
	struct token_key *used;
	EVP_PKEY *key;
};

static void let_go(const struct held *h)
{
	EVP_PKEY_free(h->key);
	token_key_free(h->used);
}

void keyring_free(struct keyring *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->table.count; i++)
		let_go(&(struct held){ r->table.entries[i].used, r->table.entries[i].key });
	keyring_table_free(&r->table);
	pthread_cond_destroy(&r->searched);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* With the lock held. */
static int take(struct token_key **used, EVP_PKEY **key, const struct keyring_entry *e)
{
	if (EVP_PKEY_up_ref(e->key) != 1)
		return HSMIME_ENOMEM;
	*key = e->key;
	*used = e->used != NULL ? token_key_up_ref(e->used) : NULL;
	return 0;
}

static int no_key(struct error *err)
{
	error_set(err, HSMIME_ENOKEY, "no key on the tokens belongs to a recipient of the message");
	return error_hint(
	    err, "other messages for the same recipients were without a key a moment ago");
}

/* With the lock held: 0 with the key of the first recipient that has one, KEYRING_UNKNOWN where none has. */
static int take_known(struct token_key **used, EVP_PKEY **key, size_t *index, struct keyring *r,
    const struct recipient *recipients, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct keyring_entry *e = keyring_table_find(&r->table, &recipients[i]);

		*index = i;
		if (e != NULL && e->key != NULL)
			return take(used, key, e);
	}
	return KEYRING_UNKNOWN;
}

/* With the lock held: of late no key was found for any of them. */
static bool all_missing(
    const struct keyring *r, const struct recipient *recipients, size_t count, int64_t now)
{
	for (size_t i = 0; i < count; i++) {
		const struct keyring_entry *e = keyring_table_find(&r->table, &recipients[i]);

		if (e == NULL || !keyring_entry_fresh(e->none_at, now))
			return false;
	}
	return count > 0;
}

/* With the lock held: milliseconds for which the search of another is to be waited for. */
static int64_t others_search(
    const struct keyring *r, const struct recipient *recipients, size_t count, int64_t now)
{
	int64_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		const struct keyring_entry *e = keyring_table_find(&r->table, &recipients[i]);
		int64_t left = e != NULL ? e->searching_at + KEYRING_WAIT_MS - now : 0;

		longest = left > longest ? left : longest;
	}
	return longest;
}

/* With the lock held. */
static void mark_search(struct keyring *r, const struct recipient *recipients, size_t count,
    int64_t now, int64_t searching_at)
{
	for (size_t i = 0; i < count; i++) {
		struct keyring_entry *e = keyring_table_entry(&r->table, &recipients[i], now);

		if (e != NULL)
			e->searching_at = searching_at;
	}
}

/* With the lock held. */
static void await_search(struct keyring *r, int64_t ms)
{
	struct timespec until = clock_after(CLOCK_MONOTONIC, ms);

	(void)pthread_cond_timedwait(&r->searched, &r->lock, &until);
}

int keyring_get(struct token_key **used, EVP_PKEY **key, size_t *index, struct keyring *r,
    const struct recipient *recipients, size_t count, struct error *err)
{
	bool missing = false, again = true;
	int status = 0;

	pthread_mutex_lock(&r->lock);
	while (again) {
		int64_t now = clock_ms(CLOCK_MONOTONIC), wait = 0;

		status = take_known(used, key, index, r, recipients, count);
		missing = status == KEYRING_UNKNOWN && all_missing(r, recipients, count, now);
		if (status == KEYRING_UNKNOWN && !missing)
			wait = others_search(r, recipients, count, now);
		again = wait > 0;
		if (again)
			await_search(r, wait);
		else if (status == KEYRING_UNKNOWN && !missing)
			mark_search(r, recipients, count, now, now);
	}
	pthread_mutex_unlock(&r->lock);
	if (missing)
		return no_key(err);
	return status == HSMIME_ENOMEM ? error_nomem(err) : status;
}

void keyring_searched(struct keyring *r, const struct recipient *recipients, size_t count)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < count; i++) {
		struct keyring_entry *e = keyring_table_find(&r->table, &recipients[i]);

		if (e != NULL)
			e->searching_at = KEYRING_LONG_AGO;
	}
	pthread_cond_broadcast(&r->searched);
	pthread_mutex_unlock(&r->lock);
}

/* With the lock held: its key is another; what it had. */
static struct held change_key(
    struct keyring *r, struct keyring_entry *e, struct token_key *used, EVP_PKEY *key)
{
	const uint16_t at = (uint16_t)(e - r->table.entries);
	struct held old = { e->used, e->key };

	if (old.key == NULL && key != NULL)
		r->keyed[r->keyed_count++] = at;
	for (size_t i = 0; key == NULL && i < r->keyed_count; i++)
		if (r->keyed[i] == at)
			r->keyed[i--] = r->keyed[--r->keyed_count];
	e->used = used;
	e->key = key;
	return old;
}

void keyring_put(
    struct keyring *r, const struct recipient *recipient, struct token_key *used, EVP_PKEY *key)
{
	struct keyring_entry *e;
	struct held old = { 0 };

	content_key_prepare(key);
	pthread_mutex_lock(&r->lock);
	e = keyring_table_entry(&r->table, recipient, clock_ms(CLOCK_MONOTONIC));
	if (e != NULL && EVP_PKEY_up_ref(key) == 1)
		old = change_key(r, e, used != NULL ? token_key_up_ref(used) : NULL, key);
	pthread_mutex_unlock(&r->lock);
	let_go(&old);
}

void keyring_none(struct keyring *r, const struct recipient *recipients, size_t count)
{
	int64_t now = clock_ms(CLOCK_MONOTONIC);

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < count; i++) {
		struct keyring_entry *e = keyring_table_entry(&r->table, &recipients[i], now);

		if (e != NULL && e->key == NULL)
			e->none_at = now;
	}
	pthread_mutex_unlock(&r->lock);
}

/* With the lock held: an entry with that key, or NULL. */
static struct keyring_entry *entry_with(const struct keyring *r, const struct token_key *used)
{
	for (size_t i = 0; i < r->keyed_count; i++)
		if (r->table.entries[r->keyed[i]].used == used)
			return &r->table.entries[r->keyed[i]];
	return NULL;
}

void keyring_forget(struct keyring *r, const struct token_key *used)
{
	struct keyring_entry *e = NULL;

	if (used == NULL)
		return;
	do {
		struct held old = { 0 };

		pthread_mutex_lock(&r->lock);
		e = entry_with(r, used);
		if (e != NULL) {
			old = change_key(r, e, NULL, NULL);
			e->none_at = KEYRING_LONG_AGO;
		}
		pthread_mutex_unlock(&r->lock);
		let_go(&old);
	} while (e != NULL);
}

void keyring_done(struct keyring *r, const struct token_key *used)
{
	if (used == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->operations++;
	for (size_t i = 0; i < r->keyed_count; i++)
		if (r->table.entries[r->keyed[i]].used == used)
			r->table.entries[r->keyed[i]].used_since = true;
	pthread_mutex_unlock(&r->lock);
}

uint64_t keyring_operations(struct keyring *r)
{
	uint64_t operations;

	pthread_mutex_lock(&r->lock);
	operations = r->operations;
	pthread_mutex_unlock(&r->lock);
	return operations;
}

/* With others at work keys are used again meanwhile: that is for the next trial. */
static void mark_due(struct keyring *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->keyed_count; i++) {
		struct keyring_entry *e = &r->table.entries[r->keyed[i]];

		e->due = e->used_since;
		e->used_since = false;
	}
	pthread_mutex_unlock(&r->lock);
}

/* A key that is due, once for all of its entries; NULL: none is left. */
static struct token_key *next_due(struct keyring *r)
{
	struct token_key *used = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->keyed_count; i++) {
		struct keyring_entry *e = &r->table.entries[r->keyed[i]];

		if (used == NULL && e->due && e->used != NULL)
			used = token_key_up_ref(e->used);
		if (e->used == used)
			e->due = false;
	}
	pthread_mutex_unlock(&r->lock);
	return used;
}

int keyring_try(struct keyring *r, struct error *err)
{
	struct token_key *used;
	int status = 0;

	mark_due(r);
	while ((used = next_due(r)) != NULL) {
		struct error why = { 0 };
		int s = probe_decrypts(used, &why);

		if (s != 0)
			keyring_forget(r, used);
		if (s != 0 && status == 0) {
			status = s;
			*err = why;
		}
		token_key_free(used);
	}
	return status;
}
