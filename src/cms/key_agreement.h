/*
 * key_agreement: from two EC keys to a key-encryption key: ECDH, then the
 * X9.63 KDF over ECC-CMS-SharedInfo (RFC 5753 sections 3.1 and 7.2, SEC 1 section 3.6.1).
 */
#ifndef CMS_KEY_AGREEMENT_H
#define CMS_KEY_AGREEMENT_H

#include <openssl/types.h>
#include <openssl/x509.h>

#include "cms/cms.h"
#include "cms/key_wrap.h"
#include "util/secret.h"

struct key_agreement {
	int nid;
	const char *digest;
};

/* key_agreement_of(nid): the scheme of that algorithm, or NULL. */
const struct key_agreement *key_agreement_of(int nid);

/* key_agreement_curve(key): the NID of key's named curve, or NID_undef. */
int key_agreement_curve(EVP_PKEY *key);

/*
 * key_agreement_peer(out, key, point, len, env):
 * The public key at point on key's curve, checked to be on it, in env's library
 * context. 0, or HSMIME_EINVALID with the words of content_key_refuse.
 */
int key_agreement_peer(
    EVP_PKEY **out, EVP_PKEY *key, const unsigned char *point, size_t len, struct cms_env *env);

/* What a key-encryption key is made for. */
struct key_agreement_terms {
	const struct key_agreement *scheme;
	const struct key_wrap *wrap;
	X509_ALGOR *wrap_algorithm;
	ASN1_OCTET_STRING *ukm; /* or NULL */
};

/*
 * key_agreement_derive(kek, key, peer, terms, env):
 * The key-encryption key between private key and peer. 0, HSMIME_EINVALID (with the words of
 * content_key_refuse: peer is not for key), HSMIME_ETOKEN (the private-key operation
 * failed), HSMIME_ENOMEM or HSMIME_EINTERNAL. Free *kek with secret_free.
 */
int key_agreement_derive(struct secret *kek, EVP_PKEY *key, EVP_PKEY *peer,
    const struct key_agreement_terms *terms, struct cms_env *env);

#endif
