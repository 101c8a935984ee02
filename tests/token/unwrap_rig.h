/*
 * unwrap_rig: a content key under an RSA key that unwraps only, and content that is decrypted with
 * it, in the octets that were read or on the token.
 */
#ifndef TESTS_TOKEN_UNWRAP_RIG_H
#define TESTS_TOKEN_UNWRAP_RIG_H

#include "engine/content_on_token.h"
#include "operate.h"
#include "softtoken.h"

#define UNWRAP_KEY 32 /* octets of the content key, for AES-256 */
#define UNWRAP_BLOCK 16

struct unwrap_rig {
	struct softtoken st;
	EVP_PKEY *rsa; /* 01 */
	const struct proxy *proxy;
	struct engine *e;
	struct token_key *key; /* 01 */
	struct error err;
	unsigned char content_key[UNWRAP_KEY];
	unsigned char substitute[UNWRAP_KEY];
	unsigned char encrypted_key[256]; /* content_key by PKCS#1 v1.5 */
};

extern struct unwrap_rig unwrap_rig;

/* For cmocka, once: token "Unwraps" with RSA 01 and RSA 03, which asks for a login each time. */
int unwrap_rig_set_up(void **state);
int unwrap_rig_tear_down(void **state);

/* For cmocka, before and after each test: an engine, which remembers nothing of the token. */
int unwrap_rig_begin(void **state);
int unwrap_rig_end(void **state);

/* A content key that stays on the token. */
struct token_content_key *unwrap_rig_stays(enum token_content content);

/* With the key on the token: 0, a status, or 1 where the substitute decrypted. */
int unwrap_rig_operate(void);

/* The content key is encrypted for rsa, 2048 bits: by the set-up for 01. */
void unwrap_rig_encrypt_key(EVP_PKEY *rsa);

/* For encrypted_key; without a substitute. */
struct token_decrypt unwrap_rig_request(void);

/*
 * token_key_unwrap with k and the substitute: a status; where it is 0 the octets were read and are the
 * content key, or *c is the key on the token.
 */
int unwrap_rig_unwrap(struct token_content_key **c, struct token_key *k, enum token_content content,
    struct error *err);

/* len octets, whole blocks, of content of that value by AES-256-CBC. */
void unwrap_rig_encrypt(unsigned char *out, unsigned char value, size_t len);

/* CBC content with that IV begins on c; its plaintext goes to sink. */
int unwrap_rig_content(struct token_content_key *c, const hsmime_sink *sink, struct error *err);

/* Four blocks, one octet at a time: 0, a status, or 1 where something else came out. */
int unwrap_rig_decrypt(struct token_content_key *c, unsigned char value, struct error *err);

#endif
