/*
 * keyring_table: the keyring's entries, by the name that messages call a recipient. At most KEYRING_MAX: what holds
 * no key and is not counted on any more makes room for others. Not locked: the keyring's lock is held.
 */
#ifndef API_KEYRING_TABLE_H
#define API_KEYRING_TABLE_H

#include <stdint.h>

#include "api/keyring.h"

#define KEYRING_NAME_MAX 1024 /* octets; longer ones have no entry */
#define KEYRING_NOBODY UINT16_MAX
#define KEYRING_BUCKETS 4096
#define KEYRING_LONG_AGO (INT64_MIN / 2)

struct keyring_entry {
	unsigned char *name;
	size_t name_len;
	uint16_t next; /* of its bucket */
	uint16_t bucket;
	struct token_key *used; /* NULL: there was none */
	EVP_PKEY *key;
	/* Milliseconds of CLOCK_MONOTONIC, KEYRING_LONG_AGO: never. */
	int64_t none_at;      /* no key was found */
	int64_t searching_at; /* somebody began to look for one, and has not said what came of it */
	bool used_since;      /* the last trial began */
	bool due;             /* in the trial that goes on */
};

struct keyring_table {
	struct keyring_entry *entries; /* KEYRING_MAX */
	size_t count;
	uint16_t *buckets; /* KEYRING_BUCKETS: the first entry, or KEYRING_NOBODY */
	size_t hand;       /* where room was found last */
};

/* keyring_table_init(t): 0 or HSMIME_ENOMEM. keyring_table_free(t): the entries hold no keys; zeroed is allowed. */
int keyring_table_init(struct keyring_table *t);
void keyring_table_free(struct keyring_table *t);

/* keyring_table_find(t, r): the recipient's entry, or NULL. */
struct keyring_entry *keyring_table_find(const struct keyring_table *t, const struct recipient *r);

/*
 * keyring_table_entry(t, r, now): that, made where there is none. NULL: there is no room, nor an entry without a key
 * that was neither searched nor missed within KEYRING_FORGETS_S; a name that
 * is too long, or no memory.
 */
struct keyring_entry *keyring_table_entry(
    struct keyring_table *t, const struct recipient *r, int64_t now);

/* keyring_entry_fresh(since, now): that is less than KEYRING_FORGETS_S ago. */
bool keyring_entry_fresh(int64_t since, int64_t now);

#endif
