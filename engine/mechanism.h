/*
 * mechanism: from a wanted operation to a ladder of PKCS#11 mechanisms, best
 * first, and what worked on a token. Nothing is asked of the token for it: a
 * mechanism that it lacks is refused by its Init call, before any data was sent.
 */
#ifndef ENGINE_MECHANISM_H
#define ENGINE_MECHANISM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "engine/token_key.h"

/* The ladders. */
enum ladder {
	LADDER_SIGN_PKCS1,
	LADDER_SIGN_PSS,
	LADDER_SIGN_RAW,
	LADDER_SIGN_ECDSA,
	LADDER_DECRYPT_PKCS1,
	LADDER_DECRYPT_OAEP,
	LADDER_DECRYPT_OAEP_ODD, /* a label, or a hash of its own for MGF1: often missing, often wrong */
	LADDER_DECRYPT_RAW,
	LADDER_DERIVE,
	LADDER_UNWRAP_PKCS1, /* one mechanism; what is remembered is the template (unwrap_way.h) */
	LADDER_UNWRAP_OAEP,
	LADDER_COUNT
};

#define MECHANISM_DIGESTS 8 /* and the last of them stands for all that are not known */
#define MECHANISM_RUNGS 2

/* One way to do an operation. */
struct rung {
	CK_MECHANISM_TYPE type;
	int padding_in_software; /* raw RSA; encoding and decoding are ours */
};

#define UNWRAP_KEYS 16 /* keys of a token whose ways are remembered */
#define UNWRAP_KINDS 8 /* of content keys: cipher and length */
/* OAEP by its two digests, and PKCS#1 v1.5. */
#define UNWRAP_TRANSPORTS (MECHANISM_DIGESTS * MECHANISM_DIGESTS + 1)

/* How a key was seen to unwrap (unwrap_way.h), which holds for as long as the token is known. */
struct unwrap_memory {
	_Atomic uint64_t key; /* its tag; 0: free */
	_Atomic unsigned char way[UNWRAP_TRANSPORTS][UNWRAP_KINDS];
};

/* Which rung a token accepted; zero is the first. Per token, any thread. */
struct mechanism_memory {
	_Atomic unsigned char rung[LADDER_COUNT][MECHANISM_DIGESTS];
	/* An Init call found an operation active that had failed: sessions are dropped after each decryption. */
	atomic_bool keeps_failed;
	struct unwrap_memory unwraps[UNWRAP_KEYS];
};

/* mechanism_same_digest(a, b): whether two of OpenSSL's names, or two NULLs, mean one digest. */
bool mechanism_same_digest(const char *a, const char *b);

/* mechanism_digest(name): a digest's place among MECHANISM_DIGESTS. */
size_t mechanism_digest(const char *name);

/* mechanism_rungs(ladder, count): the rungs of ladder, best first. */
const struct rung *mechanism_rungs(enum ladder ladder, size_t *count);

/* mechanism_ladder_name(ladder): what it does and with which mechanisms, for people; constant. */
const char *mechanism_ladder_name(enum ladder ladder);

/* mechanism_remember(m, ladder, digest, rung), mechanism_first: the rung to begin with. */
void mechanism_remember(
    struct mechanism_memory *m, enum ladder ladder, const char *digest, size_t rung);
size_t mechanism_first(const struct mechanism_memory *m, enum ladder ladder, const char *digest);

/* A mechanism with the memory for its parameters. */
struct mechanism {
	CK_MECHANISM ck;
	union {
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_ECDH1_DERIVE_PARAMS ecdh;
		CK_GCM_PARAMS gcm;
	} parameters;
};

/* mechanism_plain(m, type): without parameters. */
void mechanism_plain(struct mechanism *m, CK_MECHANISM_TYPE type);

/*
 * mechanism_pss(m, digest, mgf1_digest, salt_len), mechanism_oaep(m, digest,
 * mgf1_digest, label, label_len): 0, or HSMIME_EUNSUPPORTED where PKCS#11
 * has no number for a digest. label is kept by the caller. m must not be copied.
 */
int mechanism_pss(
    struct mechanism *m, const char *digest, const char *mgf1_digest, size_t salt_len);
int mechanism_oaep(struct mechanism *m, const char *digest, const char *mgf1_digest,
    const unsigned char *label, size_t label_len);

/* mechanism_ecdh(m, point, len): CKM_ECDH1_DERIVE with CKD_NULL; point is kept by the caller. */
void mechanism_ecdh(struct mechanism *m, const unsigned char *point, size_t len);

/* What the mechanism of a content cipher asks for; the caller keeps it. */
struct mechanism_cipher {
	const unsigned char *iv; /* CBC: a block */
	size_t iv_len;
	const unsigned char *aad; /* GCM; NULL where there is none */
	size_t aad_len;
	size_t tag_len; /* GCM: octets */
};

/* mechanism_content(m, content, c): the cipher of that content, which is not TOKEN_CONTENT_OCTETS. m must not be copied. */
void mechanism_content(
    struct mechanism *m, enum token_content content, const struct mechanism_cipher *c);

#endif
