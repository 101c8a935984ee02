/*
 * operate: what the tests do with a key over and over: sign and verify, encrypt
 * in software and decrypt on the token. What succeeds is right, or the test fails.
 */
#ifndef TESTS_TOKEN_OPERATE_H
#define TESTS_TOKEN_OPERATE_H

#include "engine/engine.h"
#include "engine/token_key.h"

#define OPERATE_SECRET 32 /* octets of the message that operate_encrypt encrypts */

/* The engine of the proxy module, with the PIN in $TEST_PIN, which this sets. */
struct engine *operate_engine(void);

/* The key that uri names. */
struct token_key *operate_key(struct engine *e, const char *uri, enum engine_purpose purpose);

/*
 * operate_find_recipient(found, e, uri, recipients, count, err): engine_find_recipient for a message to
 * those, 4 at most, each named by issuer and serial number.
 */
int operate_find_recipient(struct engine_found *found, struct engine *e, const char *uri,
    X509 *const *recipients, size_t count, struct error *err);

/* Sign a SHA-256 digest (PKCS #1 v1.5 or ECDSA). A status; the signature was verified where it is 0. */
int operate_sign(struct token_key *k, struct error *err);

/* A PKCS #1 v1.5 ciphertext of operate_secret for k in data, room for 512 octets; its length. */
size_t operate_encrypt(unsigned char *data, struct token_key *k);

/* The same with OAEP and that digest. */
size_t operate_encrypt_oaep(unsigned char *data, struct token_key *k, const char *digest);
extern const unsigned char operate_secret[OPERATE_SECRET];

/* Decrypt it, without a substitute. A status; what came out was the secret where it is 0. */
int operate_decrypt(struct token_key *k, const unsigned char *data, size_t len, struct error *err);

/* Secret keys on the token with that label, 16 at most. */
size_t operate_secret_keys(const char *label);

#endif
