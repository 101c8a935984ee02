/*
 * api_faults: messages that OpenSSL encrypts for the keys of api_token, and what can be wrong with
 * them.
 */
#ifndef TESTS_TOKEN_API_FAULTS_H
#define TESTS_TOKEN_API_FAULTS_H

#include "api_token.h"

#define MAKING_CONTENT 1000 /* octets, all of them 'x'; leaves 8 octets of padding for CBC */

/* How a message is made; digest NULL: PKCS#1 v1.5, else OAEP. */
struct making {
	const char *name;
	const char *cipher;
	const char *digest;
	const struct holder *to;
};

/* CBC where the index is even, GCM where it is odd; PKCS#1 v1.5 first. */
#define MAKING_RSA 6
#define MAKING_EC 2
extern const struct making making_rsa[MAKING_RSA];
extern const struct making making_ec[MAKING_EC];

bool making_is_cbc(const struct making *m);

/* making_make(out, m): DER. making_make_sized: over that many octets. */
void making_make(struct text *out, const struct making *m);
void making_make_sized(struct text *out, const struct making *m, size_t size);

/* is_content(o): what came out is what went in. */
bool is_content(const struct outcome *o);
bool is_content_sized(const struct outcome *o, size_t size);

enum fault {
	ALTERED_CONTENT, /* under the right key: what all others have to look like */
	WRONG_TYPE,      /* 00 01: a signature's padding */
	WRONG_START,     /* 01 02 */
	NO_SEPARATOR,
	SHORT_PADDING, /* the separator within the first eight octets */
	KEY_EMPTY,
	KEY_SHORT,
	KEY_LONG,
	KEY_OF_ANOTHER_CIPHER, /* 16 octets */
	WRONG_KEY,             /* right length, another key */
	NOISE,
	OVER_MODULUS,
	ZERO,
	FAULTS
};

/* spoil(message, m, fault): for an RSA recipient; NO_SEPARATOR and the like are raw blocks for OAEP too. */
void spoil(struct text *message, const struct making *m, enum fault fault);

/* spoil_content(message, m): alters the octet that CBC turns into the padding's length, of GCM one of
 * the content; a second time puts it right. */
void spoil_content(struct text *message, const struct making *m);

/* faulty(o, ctx, m, fault): opens a message with that fault, as api_open. */
void faulty(struct outcome *o, hsmime_ctx *ctx, const struct making *m, enum fault fault);

/*
 * looks_like(like, o, m, what): what is seen is the same, else the test fails.
 * About one wrong key in 256 leaves the padding of CBC in order: garbage with
 * status 0 (docs/SECURITY.md); then false.
 */
bool looks_like(
    const struct outcome *like, const struct outcome *o, const struct making *m, const char *what);

/* octets_behind(message, header, len): what follows the first occurrence of header. */
unsigned char *octets_behind(const struct text *message, const char *header, size_t len);

#endif
