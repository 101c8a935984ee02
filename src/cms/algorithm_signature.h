/*
 * algorithm_signature: signature algorithms by OID (RFC 3370, 4056, 5753, 5754,
 * 8419, 8702), and the one operation each, on EVP_PKEYs of any provider.
 */
#ifndef CMS_ALGORITHM_SIGNATURE_H
#define CMS_ALGORITHM_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "cms/algorithm_digest.h"

enum signature_kind {
	SIGNATURE_RSA,
	SIGNATURE_PSS,
	SIGNATURE_ECDSA,
	SIGNATURE_DSA,
	SIGNATURE_ED25519 /* signs the message, not a digest of it */
};

struct signature_algorithm {
	enum signature_kind kind;
	const struct digest_algorithm *digest; /* NULL: the SignerInfo's digestAlgorithm says */
	const struct digest_algorithm *mgf;    /* PSS: of MGF1 */
	int salt;                              /* PSS: octets */
};

/* signature_kind_name(kind): for people, as in hsmime_signer; constant. */
const char *signature_kind_name(enum signature_kind kind);

/*
 * signature_of_algorithm(out, a):
 * What a says. HSMIME_EUNSUPPORTED where the algorithm, or one inside its
 * parameters, is unknown; HSMIME_EINVALID where the parameters are malformed.
 */
int signature_of_algorithm(struct signature_algorithm *out, const X509_ALGOR *a);

/* signature_to_algorithm(a, s): fill a from s, whose digest is set. 0, HSMIME_EUNSUPPORTED or HSMIME_ENOMEM. */
int signature_to_algorithm(X509_ALGOR *a, const struct signature_algorithm *s);

/* signature_fits(kind, key): whether key is of the type that kind needs. */
bool signature_fits(enum signature_kind kind, const EVP_PKEY *key);

/*
 * signature_verify(s, key, libctx, data, len, signature, signature_len):
 * Whether signature is key's over data: a digest by s->digest, or the message
 * itself for SIGNATURE_ED25519.
 */
bool signature_verify(const struct signature_algorithm *s, EVP_PKEY *key, OSSL_LIB_CTX *libctx,
    const unsigned char *data, size_t len, const unsigned char *signature, size_t signature_len);

/*
 * signature_make(out, out_len, s, key, libctx, digest, len):
 * Sign digest; *out is to be freed with OPENSSL_free. Returns 0, HSMIME_ENOMEM,
 * or HSMIME_ETOKEN with the reason in OpenSSL's queue.
 */
int signature_make(unsigned char **out, size_t *out_len, const struct signature_algorithm *s,
    EVP_PKEY *key, OSSL_LIB_CTX *libctx, const unsigned char *digest, size_t len);

#endif
