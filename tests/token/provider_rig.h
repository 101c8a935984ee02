/*
 * provider_rig: token keys as any OpenSSL program has them: library contexts
 * with the hsmime provider, and keys by their pkcs11: URIs. SoftHSM is behind
 * the proxy; what fails here fails the test.
 */
#ifndef TESTS_TOKEN_PROVIDER_RIG_H
#define TESTS_TOKEN_PROVIDER_RIG_H

#include <openssl/evp.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "softtoken.h"

/* On token Rig, by id: RSA 2048 (1), another (2), P-256 (3), P-384 (4), P-521 (5). */
#define RIG_KEYS 6

struct rig {
	struct softtoken token;
	EVP_PKEY *software[RIG_KEYS]; /* the public parts, OpenSSL's own */
	X509 *certs[RIG_KEYS];        /* of 1 and 3 */
	const struct proxy *proxy;
};

extern struct rig rig;

/* rig_setup, rig_teardown: cmocka group fixtures; rig_reset: a setup of each test. */
int rig_setup(void **state);
int rig_teardown(void **state);
int rig_reset(void **state);

/* rig_context(first, second): a library context with these two providers, in that order. */
OSSL_LIB_CTX *rig_context(const char *first, const char *second);

/* rig_close(libctx): unload them and free it. */
void rig_close(OSSL_LIB_CTX *libctx);

/* Both orders. */
extern const char *const rig_orders[2][2];

/* rig_key(libctx, id): the token's key. rig_load(libctx, uri, ui, arg): the same, or NULL. */
EVP_PKEY *rig_key(OSSL_LIB_CTX *libctx, int id);
EVP_PKEY *rig_load(OSSL_LIB_CTX *libctx, const char *uri, const UI_METHOD *ui, void *arg);

/* rig_said(text): whether OpenSSL's error queue, which is emptied, has it among what hsmime said. */
bool rig_said(const char *text);

/* rig_verifies(id, md, sig, len, data, data_len): OpenSSL's own verdict (PKCS #1 v1.5, ECDSA). */
bool rig_verifies(int id, const char *md, const unsigned char *sig, size_t len,
    const unsigned char *data, size_t data_len);

#endif
