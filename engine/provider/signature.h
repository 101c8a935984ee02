/*
 * signature: what RSA and ECDSA signature contexts have in common.
 */
#ifndef ENGINE_PROVIDER_SIGNATURE_H
#define ENGINE_PROVIDER_SIGNATURE_H

#include <openssl/evp.h>

#include "engine/provider/digest.h"
#include "engine/provider/internal.h"

/* RSA_PSS_SALTLEN_AUTO_DIGEST_MAX of OpenSSL 3.1: the digest's length, or less where that does not fit. */
#define SALT_DIGEST_AT_MOST (-4)
#define SALT_NAME_DIGEST_AT_MOST "auto-digestmax"

/* One signature or verification. */
struct signature {
	struct provider *provider;
	struct provider_key *key;
	char digest[DIGEST_NAME_SIZE];      /* empty: data is signed as it is */
	char mgf1_digest[DIGEST_NAME_SIZE]; /* PSS; empty: digest */
	int padding;                        /* RSA_*_PADDING; 0 for ECDSA */
	int salt_len;                       /* PSS: octets, or RSA_PSS_SALTLEN_* */
	EVP_MD_CTX *md;                     /* while octets are hashed for a signature */
};

/* Life: the dispatch functions newctx (padding as given), freectx and dupctx. */
struct signature *token_signature_new(struct provider *p, int padding);
void token_signature_free(void *ctx);
void *token_signature_dup(void *ctx);

/* token_signature_begin(s, key): use key (NULL: the one it has). 1 or 0. */
int token_signature_begin(struct signature *s, struct provider_key *key);

/*
 * token_signature_take_digest(s, params): the digest that params name, if they do. Once octets are
 * hashed it can't change any more. 1, or 0 with an error on OpenSSL's queue.
 */
int token_signature_take_digest(struct signature *s, const OSSL_PARAM params[]);

/* token_signature_verify(s, sig, sig_len, tbs, tbs_len): by the public part, in software. 1 or 0, nothing else. */
int token_signature_verify(
    void *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *tbs, size_t tbs_len);

/* token_signature_recover(s, out, out_len, room, sig, sig_len): what a signature was made of, in software. */
int token_signature_recover(void *ctx, unsigned char *out, size_t *out_len, size_t room,
    const unsigned char *sig, size_t sig_len);

/* token_signature_digest_begin(s, mdname): start hashing; mdname NULL keeps the digest. 1 or 0. */
int token_signature_digest_begin(struct signature *s, const char *mdname);

/* token_signature_digest_update, token_signature_digest_end: hash; *len is the room at value and becomes its length. */
int token_signature_digest_update(void *ctx, const unsigned char *data, size_t len);
int token_signature_digest_end(struct signature *s, unsigned char *value, size_t *len);

/* token_signature_digest_verify(ctx, sig, sig_len): the end of hashing for a verification. 1 or 0. */
int token_signature_digest_verify(void *ctx, const unsigned char *sig, size_t sig_len);

/* token_signature_sign(s, sig, sig_len, room, request): by the token; a NULL sig asks for the size. */
int token_signature_sign(struct signature *s, unsigned char *sig, size_t *sig_len, size_t room,
    const struct token_sign *request);

#endif
