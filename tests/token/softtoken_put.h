/*
 * softtoken_put: a key that a test made in memory goes onto the token at hand (softtoken.h), so
 * that several tokens have the same.
 */
#ifndef TESTS_TOKEN_SOFTTOKEN_PUT_H
#define TESTS_TOKEN_SOFTTOKEN_PUT_H

#include "softtoken.h"

/* RSA or EC, private and public object, for signing, decryption and derivation as its type allows. */
void softtoken_put(struct softtoken *st, unsigned char id, const char *label, EVP_PKEY *key);

/* The same for what flags says (KEY_SIGN, KEY_DECRYPT, KEY_DERIVE, KEY_UNWRAP). */
void softtoken_put_for(
    struct softtoken *st, unsigned char id, const char *label, EVP_PKEY *key, unsigned flags);

#endif
