/*
 * recipient_keys: the public keys of recipients in a library context, kept for the next message:
 * to make one and to multiply with it for the first time takes as long as encrypting with it.
 * One thread at a time.
 */
#ifndef CMS_RECIPIENT_KEYS_H
#define CMS_RECIPIENT_KEYS_H

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#define RECIPIENT_KEYS_MAX 16 /* more in turn take each other's place */

/* Zero before use. It holds references, so that a certificate's address stays its own. */
struct recipient_keys {
	struct {
		X509 *cert;
		EVP_PKEY *key;
	} known[RECIPIENT_KEYS_MAX];
	size_t next;
};

/*
 * recipient_keys_get(keys, cert, libctx): cert's public key in libctx, which is the same in each
 * call with keys; a new reference. NULL where OpenSSL makes nothing of it. keys may be NULL.
 */
EVP_PKEY *recipient_keys_get(struct recipient_keys *keys, X509 *cert, OSSL_LIB_CTX *libctx);

/* recipient_keys_clear(keys): forget all. */
void recipient_keys_clear(struct recipient_keys *keys);

#endif
