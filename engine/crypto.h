/*
 * crypto: the engine's own OpenSSL library context (default provider, no
 * configuration file), for digests, random numbers and public keys. A host
 * program's providers, ours among them, are never asked.
 */
#ifndef ENGINE_CRYPTO_H
#define ENGINE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#define CRYPTO_TAG 32 /* octets */

/* crypto_context(): the context, one for the process and kept; NULL where OpenSSL does not start. */
OSSL_LIB_CTX *crypto_context(void);

/*
 * crypto_tag(tag, data, len):
 * A keyed digest of CRYPTO_TAG octets under a key that only this process
 * has: what tells equal secrets apart from others without keeping them. False
 * where OpenSSL fails.
 */
bool crypto_tag(unsigned char *tag, const unsigned char *data, size_t len);

#endif
