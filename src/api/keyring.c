#include "api/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cms/content_key.h"
#include "engine/probe.h"
#include "util/buffer.h"
#include "util/clock.h"

#define LONG_AGO ((time_t)-KEYRING_FORGETS_S)

struct entry {
	unsigned char *name; /* what the message calls the recipient */
	size_t name_len;
	struct token_key *used; /* NULL: there was none */
	EVP_PKEY *key;
	time_t none_at;  /* seconds of CLOCK_MONOTONIC, without a key */
	bool used_since; /* the last trial */
};

struct keyring {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t count;
	uint64_t operations;
};

int keyring_new(struct keyring **out)
{
	struct keyring *r = calloc(1, sizeof(*r));

	*out = r;
	if (r == NULL)
		return HSMIME_ENOMEM;
	r->entries = calloc(KEYRING_MAX, sizeof(*r->entries));
	if (r->entries == NULL) {
		free(r);
		*out = NULL;
		return HSMIME_ENOMEM;
	}
	pthread_mutex_init(&r->lock, NULL);
	return 0;
}

static void let_go(struct entry *e)
{
	EVP_PKEY_free(e->key);
	token_key_free(e->used);
	e->key = NULL;
	e->used = NULL;
}

void keyring_free(struct keyring *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++) {
		let_go(&r->entries[i]);
		free(r->entries[i].name);
	}
	free(r->entries);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* The octets that name a recipient; kinds apart, since a key fits one of them alone. */
static int name_of(struct buffer *name, const struct recipient *r)
{
	const unsigned char head[2] = { (unsigned char)r->kind, r->key_id_len > 0 ? 'k' : 's' };
	int status = buffer_add(name, head, sizeof(head));

	if (status == 0)
		status = buffer_add(name, r->key_id, r->key_id_len);
	if (status == 0)
		status = buffer_add(name, r->serial, r->serial_len);
	return status == 0 ? buffer_add(name, r->issuer, r->issuer_len) : status;
}

/* With the lock held: the recipient's entry, or NULL. */
static struct entry *look_up(struct keyring *r, const struct buffer *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].name_len == name->len &&
		    memcmp(r->entries[i].name, name->data, name->len) == 0)
			return &r->entries[i];
	return NULL;
}

/* With the lock held: an entry, made where there is none; NULL: no room. */
static struct entry *entry_of(struct keyring *r, const struct buffer *name)
{
	struct entry *e = look_up(r, name);

	if (e != NULL || r->count == KEYRING_MAX)
		return e;
	e = &r->entries[r->count];
	*e =
	    (struct entry){ .name = malloc(name->len), .name_len = name->len, .none_at = LONG_AGO };
	if (e->name == NULL)
		return NULL;
	memcpy(e->name, name->data, name->len);
	r->count++;
	return e;
}

/* With the lock held. */
static int take(struct token_key **used, EVP_PKEY **key, struct entry *e)
{
	if (EVP_PKEY_up_ref(e->key) != 1)
		return HSMIME_ENOMEM;
	*key = e->key;
	*used = token_key_up_ref(e->used);
	return 0;
}

static int no_key(struct error *err)
{
	error_set(err, HSMIME_ENOKEY, "no key on the tokens belongs to a recipient of the message");
	return error_hint(
	    err, "other messages for the same recipients were without a key a moment ago");
}

/* *missing counts those that no key was found for, of late. */
static int get_one(struct token_key **used, EVP_PKEY **key, size_t *missing, struct keyring *r,
    const struct recipient *recipient)
{
	struct buffer name;
	struct entry *e = NULL;
	int status;

	buffer_init(&name, SIZE_MAX);
	status = name_of(&name, recipient);
	pthread_mutex_lock(&r->lock);
	if (status == 0)
		e = look_up(r, &name);
	if (e == NULL)
		status = status == 0 ? KEYRING_UNKNOWN : status;
	else if (e->key != NULL)
		status = take(used, key, e);
	else
		status = KEYRING_UNKNOWN;
	if (e != NULL && e->key == NULL &&
	    clock_seconds(CLOCK_MONOTONIC) - e->none_at < KEYRING_FORGETS_S)
		(*missing)++;
	pthread_mutex_unlock(&r->lock);
	buffer_free(&name);
	return status;
}

int keyring_get(struct token_key **used, EVP_PKEY **key, size_t *index, struct keyring *r,
    const struct recipient *recipients, size_t count, struct error *err)
{
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		int status = get_one(used, key, &missing, r, &recipients[i]);

		*index = i;
		if (status != KEYRING_UNKNOWN)
			return status == HSMIME_ENOMEM ? error_nomem(err) : status;
	}
	return count > 0 && missing == count ? no_key(err) : KEYRING_UNKNOWN;
}

void keyring_put(
    struct keyring *r, const struct recipient *recipient, struct token_key *used, EVP_PKEY *key)
{
	struct entry *e = NULL, old = { 0 };
	struct buffer name;
	int status;

	content_key_prepare(key);
	buffer_init(&name, SIZE_MAX);
	status = name_of(&name, recipient);
	pthread_mutex_lock(&r->lock);
	if (status == 0)
		e = entry_of(r, &name);
	if (e != NULL && EVP_PKEY_up_ref(key) == 1) {
		old = *e;
		e->key = key;
		e->used = token_key_up_ref(used);
	}
	pthread_mutex_unlock(&r->lock);
	buffer_free(&name);
	let_go(&old);
}

void keyring_none(struct keyring *r, const struct recipient *recipients, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buffer name;
		struct entry *e = NULL;
		int status;

		buffer_init(&name, SIZE_MAX);
		status = name_of(&name, &recipients[i]);
		pthread_mutex_lock(&r->lock);
		if (status == 0)
			e = entry_of(r, &name);
		if (e != NULL && e->key == NULL)
			e->none_at = clock_seconds(CLOCK_MONOTONIC);
		pthread_mutex_unlock(&r->lock);
		buffer_free(&name);
	}
}

void keyring_forget(struct keyring *r, const struct token_key *used)
{
	for (size_t i = 0; i < KEYRING_MAX; i++) {
		struct entry old = { 0 };

		pthread_mutex_lock(&r->lock);
		if (i < r->count && r->entries[i].used == used && used != NULL) {
			old = r->entries[i];
			r->entries[i].key = NULL;
			r->entries[i].used = NULL;
			r->entries[i].none_at = LONG_AGO;
		}
		pthread_mutex_unlock(&r->lock);
		let_go(&old);
	}
}

void keyring_done(struct keyring *r, const struct token_key *used)
{
	if (used == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->operations++;
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].used == used)
			r->entries[i].used_since = true;
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

/* The next key that was used since the last trial; NULL: none is left. */
static struct token_key *next_used(struct keyring *r, size_t *at)
{
	struct token_key *used = NULL;

	pthread_mutex_lock(&r->lock);
	for (; used == NULL && *at < r->count; (*at)++) {
		struct entry *e = &r->entries[*at];

		if (e->used_since && e->used != NULL)
			used = token_key_up_ref(e->used);
		e->used_since = false;
	}
	pthread_mutex_unlock(&r->lock);
	return used;
}

int keyring_try(struct keyring *r, struct error *err)
{
	struct token_key *used;
	int status = 0;

	for (size_t at = 0; (used = next_used(r, &at)) != NULL;) {
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
