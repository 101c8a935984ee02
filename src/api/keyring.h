/*
 * keyring: which key opens what is for a recipient, so that of many messages each one costs its own
 * token operation and no search. It also tells whether the keys still do what they should.
 */
#ifndef API_KEYRING_H
#define API_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "cms/enveloped_reader.h"
#include "engine/token_key.h"
#include "util/error.h"

struct keyring;

#define KEYRING_MAX 4096     /* recipients */
#define KEYRING_FORGETS_S 30 /* seconds: how long it holds that there is no key for a recipient */
#define KEYRING_WAIT_MS 1000 /* how long one search is waited for by others */

/* keyring_new(out): 0 or HSMIME_ENOMEM. keyring_free(r): makes token calls where it holds keys; NULL is allowed. */
int keyring_new(struct keyring **out);
void keyring_free(struct keyring *r);

/*
 * The functions below may be called by several threads at a time.
 *
 * keyring_get(used, key, index, r, recipients, count, err):
 * 0: *key and *used, references that the caller frees, open what is for recipient *index.
 * HSMIME_ENOKEY: a moment ago there was no key for any of them, with words. KEYRING_UNKNOWN: it is to be
 * searched, and keyring_searched said afterwards: others who ask for one of these recipients wait for that, though
 * never longer than KEYRING_WAIT_MS (a person may be asked for a PIN, a token may hang), and then search too.
 * HSMIME_ENOMEM.
 */
#define KEYRING_UNKNOWN 1
int keyring_get(struct token_key **used, EVP_PKEY **key, size_t *index, struct keyring *r,
    const struct recipient *recipients, size_t count, struct error *err);

/* keyring_searched(r, recipients, count): the search is over, and what it found, if anything, was put or none. */
void keyring_searched(struct keyring *r, const struct recipient *recipients, size_t count);

/*
 * keyring_put(r, recipient, used, key): what the search found; it takes references. keyring_none(r,
 * recipients, count): it found no key for any of them. What there is no room for is searched the next time.
 */
void keyring_put(
    struct keyring *r, const struct recipient *recipient, struct token_key *used, EVP_PKEY *key);
void keyring_none(struct keyring *r, const struct recipient *recipients, size_t count);

/* keyring_forget(r, used): its token failed: it is searched again. */
void keyring_forget(struct keyring *r, const struct token_key *used);

/*
 * keyring_done(r, used): an operation with it is done, whatever came of it; used may be NULL.
 * keyring_operations(r): how many were.
 */
void keyring_done(struct keyring *r, const struct token_key *used);
uint64_t keyring_operations(struct keyring *r);

/*
 * keyring_try(r, err):
 * Whether every key that was used since the last time still does what it should, tried out with data of
 * our own (engine/probe.h). One that does not is forgotten. 0; HSMIME_ETOKEN and so on.
 */
int keyring_try(struct keyring *r, struct error *err);

#endif
