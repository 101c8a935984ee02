/*
 * matrix: the same operations on every member of the zoo. One case is one line of the table; its
 * result is checked in software, and says how it came about.
 */
#ifndef TESTS_ZOO_MATRIX_H
#define TESTS_ZOO_MATRIX_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "engine/engine.h"
#include "engine/token_key.h"

#define MATRIX_SECRET 32 /* octets of the content key that the cases decrypt */

/* How an operation ended. */
enum matrix_kind {
	MATRIX_WRONG,  /* an answer that is not true, or that tells what it must not */
	MATRIX_NO_KEY, /* the member has no such key */
	MATRIX_NOT_SO, /* it has the key, but not for this: in find's words */
	MATRIX_FAILED,
	MATRIX_SOFTWARE,   /* raw RSA on the token, the padding by hsmime */
	MATRIX_SUBSTITUTE, /* the substitute for the content key, and no error */
	MATRIX_MECHANISM   /* by the token's own mechanism */
};

struct matrix_result {
	enum matrix_kind kind;
	char why[512]; /* MATRIX_FAILED, MATRIX_WRONG, MATRIX_NOT_SO */
};

/* A key at work: on the token, and what its certificate says. */
struct matrix_key {
	struct token_key *token;
	EVP_PKEY *public;
};

struct matrix_case {
	const char *name; /* the line of the table */
	const char *key;  /* of the PKI: NAME.pem */
	enum engine_purpose purpose;
	void (*run)(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);
	int scheme; /* enum token_sign_scheme or token_decrypt_scheme */
	const char *digest;
	const char *mgf1_digest; /* OAEP; NULL: digest */
	const char *label;       /* OAEP */
};

/* The operations; each for matrix_case.run. */
void matrix_sign(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);
void matrix_decrypt(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);
void matrix_derive(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);

/* And what must not work, and not be told apart. */
void matrix_bad_padding(
    struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);
void matrix_tampered(struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);
void matrix_wrong_length(
    struct matrix_result *out, struct matrix_key *k, const struct matrix_case *c);

/* matrix_failed(out, err): what err says: the token's code where there is one. */
void matrix_failed(struct matrix_result *out, const struct error *err);

/* matrix_wrong(out, why): an answer that must not be. */
void matrix_wrong(struct matrix_result *out, const char *why);

/*
 * matrix_encrypt(data, len, key, c, message, message_len): encrypt for c's scheme in software; *len
 * is the room and becomes the length. Ends the program where OpenSSL can't.
 */
void matrix_encrypt(unsigned char *data, size_t *len, EVP_PKEY *key, const struct matrix_case *c,
    const unsigned char *message, size_t message_len);

/* matrix_must(done, what): ends the program with what where done is not 1. */
void matrix_must(int done, const char *what);

#endif
