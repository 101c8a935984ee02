/*
 * content_cipher: the content-encryption algorithms and their parameters
 * (RFC 3565, RFC 5084, RFC 3370 section 5.1).
 */
#ifndef CMS_CONTENT_CIPHER_H
#define CMS_CONTENT_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "cms/cms.h"
#include "util/secret.h"

#define CONTENT_IV_MAX 128 /* octets of the longest GCM nonce taken */
#define CONTENT_TAG_MIN 12 /* RFC 5084 section 3.2 */
#define CONTENT_TAG_MAX 16
#define CONTENT_GCM_MAX ((UINT64_C(1) << 36) - 32) /* octets, SP 800-38D section 5.2.1.1 */

struct content_cipher {
	const char *name;  /* the name that encrypts; NULL: reading only */
	const char *label; /* as results name it */
	const char *evp;   /* as OpenSSL names it */
	size_t key_len;
	size_t block; /* CBC: octets of a block; GCM: 1 */
	int nid;
	bool authenticated;
};

/* content_cipher_by_name(name): one that encrypts, or NULL. */
const struct content_cipher *content_cipher_by_name(const char *name);

/* content_cipher_by_nid(nid): or NULL. */
const struct content_cipher *content_cipher_by_nid(int nid);

/* IV or nonce, and for GCM the length of the tag. */
struct content_params {
	unsigned char iv[CONTENT_IV_MAX];
	size_t iv_len;
	size_t tag_len;
};

/* content_params_read(p, cipher, algorithm): 0 or HSMIME_EFORMAT; strict. */
int content_params_read(
    struct content_params *p, const struct content_cipher *cipher, const X509_ALGOR *algorithm);

/* content_params_make(p, cipher, libctx): fresh ones. 0 or HSMIME_EINTERNAL. */
int content_params_make(
    struct content_params *p, const struct content_cipher *cipher, OSSL_LIB_CTX *libctx);

/* content_params_write(algorithm, cipher, p): the AlgorithmIdentifier, or NULL. */
X509_ALGOR *content_params_write(
    const struct content_cipher *cipher, const struct content_params *p);

/*
 * content_cipher_start(ctx, cipher, p, key, encrypt, env):
 * A cipher under way; for decryption padding is left in. Free with
 * EVP_CIPHER_CTX_free. 0, HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int content_cipher_start(EVP_CIPHER_CTX **ctx, const struct content_cipher *cipher,
    const struct content_params *p, const struct secret *key, bool encrypt, struct cms_env *env);

#endif
