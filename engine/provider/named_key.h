/*
 * named_key: the private key that a pkcs11: URI names, handed to OpenSSL by whoever read the URI:
 * the store, or the decoder of PEM files.
 */
#ifndef ENGINE_PROVIDER_NAMED_KEY_H
#define ENGINE_PROVIDER_NAMED_KEY_H

#include "engine/provider/internal.h"

/*
 * named_key_find(found, e, uri, err): the only one that can sign or decrypt; HSMIME_ENOKEY for
 * several, whatever their certificates say. Errors as engine_find_key.
 */
int named_key_find(
    struct engine_found *found, struct engine *e, const char *uri, struct error *err);

/* named_key_type(key): OpenSSL's name of its type. */
const char *named_key_type(const struct token_key *key);

/*
 * named_key_give(p, key, give, arg): an object that OpenSSL takes as a key of p; it gets a reference
 * of its own. 1, or what give says.
 */
int named_key_give(struct provider *p, struct token_key *key, OSSL_CALLBACK *give, void *arg);

#endif
