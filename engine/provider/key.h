/*
 * key: what OpenSSL holds as a key of this provider. Private material never
 * comes in or goes out: OpenSSL 3.0 asks for everything when it looks for another
 * provider that could do an operation, is refused, and comes back to the right one.
 */
#ifndef ENGINE_PROVIDER_KEY_H
#define ENGINE_PROVIDER_KEY_H

#include <stdbool.h>

#include <openssl/core.h>

#include "engine/provider/internal.h"

/* On the token; or a public part, a peer's or one to compare; or the curve alone; or still empty. */
struct provider_key {
	struct provider *provider;
	struct token_key *token;
	EVP_PKEY *
	    public_only; /* in software; of a key on the token NULL, unless it is written in another way */
};

/* provider_key_public(key): its public part as a software key, borrowed; NULL where empty. */
EVP_PKEY *provider_key_public(const struct provider_key *key);

/*
 * provider_key_show(key, form): its point is written in that form (OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT)
 * from here on, for this key and those that are made of it. 1, or 0: unknown, or out of memory.
 */
int provider_key_show(struct provider_key *key, const OSSL_PARAM *form);

/* provider_key_new(p): an empty key, or NULL. provider_key_free(key): NULL is allowed. */
struct provider_key *provider_key_new(struct provider *p);
void provider_key_free(struct provider_key *key);

/* provider_key_up_ref(key): a copy with references of its own; NULL when out of memory. */
struct provider_key *provider_key_up_ref(const struct provider_key *key);

/*
 * provider_key_import(key, type, selection, params): fill an empty key of type "RSA" or "EC" with a
 * public part or a curve. 1, or 0: not empty, malformed, or a private key, which stays where it is.
 */
int provider_key_import(
    struct provider_key *key, const char *type, int selection, const OSSL_PARAM params[]);

/*
 * provider_key_export(key, selection, callback, arg): hand over what selection asks for. 0 for the
 * private part of a token's key, or what the callback says.
 */
int provider_key_export(
    const struct provider_key *key, int selection, OSSL_CALLBACK *callback, void *arg);

/*
 * provider_key_dup(key, selection): a new key with what selection asks for; the private part is the
 * same key on the token. NULL when that fails.
 */
struct provider_key *provider_key_dup(const struct provider_key *from, int selection);

/* provider_key_has(key, selection): whether everything selected is there. */
bool provider_key_has(const struct provider_key *key, int selection);

#endif
