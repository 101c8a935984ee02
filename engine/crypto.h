/*
 * crypto: the private OpenSSL library context of the process (default
 * provider, no configuration file), for digests, random numbers and public
 * keys. A host program's providers are never asked.
 *
 * There is one, as each costs a millisecond of start-up. libhsmime loads the
 * hsmime provider into it; where the engine wants a software key by name, it
 * asks with CRYPTO_SOFTWARE.
 */
#ifndef ENGINE_CRYPTO_H
#define ENGINE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#define CRYPTO_TAG 32 /* octets */

/* The property query that selects OpenSSL's own keys. */
#define CRYPTO_SOFTWARE "provider=default"

/* crypto_context(): the context, one for the process and kept; NULL where OpenSSL does not start. */
OSSL_LIB_CTX *crypto_context(void);

/*
 * crypto_tag(tag, data, len):
 * A keyed digest of CRYPTO_TAG octets under a key that only this process
 * has: what tells equal secrets apart from others without keeping them. False
 * where OpenSSL fails.
 */
bool crypto_tag(unsigned char *tag, const unsigned char *data, size_t len);

/*
 * crypto_set_oaep(ctx, digest, mgf1_digest, label, label_len): RSA-OAEP for a software key that is to
 * encrypt. False where OpenSSL refuses that.
 */
bool crypto_set_oaep(EVP_PKEY_CTX *ctx, const char *digest, const char *mgf1_digest,
    const unsigned char *label, size_t label_len);

#define CRYPTO_BLOCK 16 /* octets */

/*
 * crypto_encrypt_zeros(out, len, cipher, with): CRYPTO_BLOCK zeros, by that cipher of OpenSSL's with
 * that key, the IV zero and no padding; with the tag behind them where it has one. out has room for
 * two blocks.
 */
bool crypto_encrypt_zeros(
    unsigned char *out, size_t *len, const char *cipher, const unsigned char *with);

#endif
