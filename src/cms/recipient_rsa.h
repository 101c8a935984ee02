/*
 * recipient_rsa: KeyTransRecipientInfo (RFC 5652 section 6.2.1): PKCS#1 v1.5
 * (RFC 3370 section 4.2.1) and RSAES-OAEP (RFC 3560, RFC 4055).
 */
#ifndef CMS_RECIPIENT_RSA_H
#define CMS_RECIPIENT_RSA_H

#include <stdbool.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include <hsmime/operation.h>

#include "cms/algorithm_digest.h"
#include "cms/asn1_enveloped.h"
#include "cms/cms.h"
#include "cms/content_holder.h"

/* How a content key is encrypted under an RSA key. */
struct rsa_transport {
	bool oaep;
	const struct digest_algorithm *digest;      /* OAEP: its hash */
	const struct digest_algorithm *mask_digest; /* OAEP: of MGF1 */
	unsigned char *label;                       /* NULL where empty */
	size_t label_len;
};

/*
 * rsa_transport_read(out, algorithm):
 * Strict. 0, HSMIME_EFORMAT (malformed parameters) or HSMIME_EUNSUPPORTED.
 * Release with rsa_transport_clear.
 */
int rsa_transport_read(struct rsa_transport *out, const X509_ALGOR *algorithm);
void rsa_transport_clear(struct rsa_transport *t);

/* A recipient's private key. */
struct recipient_key {
	EVP_PKEY *key;                             /* its public half at least, where it unwraps */
	const struct content_unwrapper *unwrapper; /* or NULL */
};

/*
 * recipient_rsa_decrypt(out, key, info, algorithm, cipher, secret, env):
 * The content key of info for cipher (algorithm is the message's identifier of
 * it), by content_key_choose, or by content_key_unwrap where key->unwrapper unwraps.
 */
int recipient_rsa_decrypt(struct content_key *out, const struct recipient_key *key,
    const ENV_KEY_TRANS *info, const X509_ALGOR *algorithm, const struct content_cipher *cipher,
    const unsigned char *secret, struct cms_env *env);

/*
 * recipient_rsa_make(out, cert, public, transport, content_key, env):
 * An info with content_key encrypted for public, cert's key; the caller fills in
 * version and rid. 0, HSMIME_EUNSUPPORTED, HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int recipient_rsa_make(ENV_KEY_TRANS **out, X509 *cert, EVP_PKEY *public,
    enum hsmime_key_transport transport, const struct secret *content_key, struct cms_env *env);

/* recipient_rsa_takes_oaep(cert, transport): whether recipient_rsa_make would use OAEP for cert. */
bool recipient_rsa_takes_oaep(X509 *cert, enum hsmime_key_transport transport);

#endif
