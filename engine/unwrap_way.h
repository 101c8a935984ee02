/*
 * unwrap_way: how a token unwraps content keys, found out with a key of our own under the public
 * key and not with a message: C_UnwrapKey judges ciphertext and template in one call, so that
 * trying templates on a message would tell what is wrong with it. The
 * template that worked is remembered per token, and what is proved for each of its keys (mechanism.h).
 */
#ifndef ENGINE_UNWRAP_WAY_H
#define ENGINE_UNWRAP_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "engine/token_key.h"

struct unwrap;

/* unwrap_way_tag(public_key): what tells an RSA key from others on its token; not 0. */
uint64_t unwrap_way_tag(EVP_PKEY *public_key);

/* unwrap_way_known(content, key_len): whether content has keys of that many octets. */
bool unwrap_way_known(enum token_content content, size_t key_len);

/*
 * unwrap_way(u):
 * Set u->way, in u's session: what is remembered, else what the token shows. Returns as a
 * work_function: refused where the token unwraps nothing, HSMIME_ETOKEN where what it
 * unwraps is of no use, HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int unwrap_way(struct unwrap *u);

/* unwrap_of_no_use(u): HSMIME_ETOKEN: what is unwrapped can't be read, nor used as u would need it. */
int unwrap_of_no_use(const struct unwrap *u);

#endif
