/*
 * key_wrap: content keys under a key-encryption key: AES key wrap (RFC 3394,
 * RFC 3565) and, for reading, Triple-DES key wrap (RFC 3217).
 */
#ifndef CMS_KEY_WRAP_H
#define CMS_KEY_WRAP_H

#include <stddef.h>

#include <openssl/types.h>

#include "cms/cms.h"
#include "util/secret.h"

#define KEY_WRAP_MAX 64 /* octets of the longest wrapped key */

struct key_wrap {
	int nid;
	const char *evp;
	size_t key_len; /* octets of the key-encryption key */
};

/*
 * key_wrap_of(out, algorithm):
 * The key wrap of an AlgorithmIdentifier. 0, HSMIME_EUNSUPPORTED, or HSMIME_EFORMAT
 * where its parameters are neither absent nor NULL.
 */
int key_wrap_of(const struct key_wrap **out, const X509_ALGOR *algorithm);

/* key_wrap_aes(key_len): AES key wrap with a key of key_len octets, or NULL. */
const struct key_wrap *key_wrap_aes(size_t key_len);

/*
 * key_wrap_open(out, wrap, kek, data, len, key_len, env):
 * Unwrap a key of key_len octets. 0, HSMIME_EINVALID with the words of
 * content_key_refuse (integrity or length), HSMIME_ENOMEM or HSMIME_EINTERNAL.
 * Free *out with secret_free.
 */
int key_wrap_open(struct secret *out, const struct key_wrap *wrap, const struct secret *kek,
    const unsigned char *data, size_t len, size_t key_len, struct cms_env *env);

/* key_wrap_seal(out, wrap, kek, key, env): wrap key; out gets it. 0, HSMIME_ENOMEM or HSMIME_EINTERNAL. */
int key_wrap_seal(ASN1_OCTET_STRING *out, const struct key_wrap *wrap, const struct secret *kek,
    const struct secret *key, struct cms_env *env);

#endif
