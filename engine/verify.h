/*
 * verify: whether what a token gave is a signature of what it was asked to sign.
 */
#ifndef ENGINE_VERIFY_H
#define ENGINE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

struct token_key;
struct token_sign;

/* verify_signature(k, request, sig, len): with k's public key. Without a digest's name any is taken. */
bool verify_signature(const struct token_key *k, const struct token_sign *request,
    const unsigned char *sig, size_t len);

#endif
