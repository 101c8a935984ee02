/*
 * provider: token keys as OpenSSL 3 keys: key management, signature, asymmetric
 * cipher, key exchange and store. It offers no digest, cipher or random.
 */
#ifndef ENGINE_PROVIDER_PROVIDER_H
#define ENGINE_PROVIDER_PROVIDER_H

#include <openssl/core.h>
#include <openssl/types.h>

#include "engine/token_key.h"
#include "util/error.h"

/* The name it is loaded by, and the property that selects it ("provider=hsmime"). */
#define PROVIDER_NAME "hsmime"

/*
 * Settable parameter of the RSA asymmetric cipher (octet string): the
 * substitute of struct token_decrypt. With it EVP_PKEY_decrypt fails only when
 * the token itself failed. Software keys don't know it.
 */
#define PROVIDER_PARAM_SUBSTITUTE "hsmime-substitute"

/*
 * provider_init: the OSSL_provider_init_fn of both faces. As a built-in of
 * libhsmime it opens no module by itself; keys come by provider_wrap_key. As
 * the loadable hsmime.so it opens the module of its configuration on the first
 * pkcs11: URI (engine/provider/module/entry.c exports it as OSSL_provider_init).
 */
OSSL_provider_init_fn provider_init;

/*
 * provider_context(): the private library context of the process (engine/crypto.h) with this
 * provider in it as a built-in beside the default one; kept. NULL where OpenSSL does not start.
 */
OSSL_LIB_CTX *provider_context(void);

/*
 * provider_wrap_key(out, libctx, key, err):
 * An EVP_PKEY of this provider in libctx (where it is loaded) for key, of
 * which it takes a reference. Returns 0, HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int provider_wrap_key(
    EVP_PKEY **out, OSSL_LIB_CTX *libctx, struct token_key *key, struct error *err);

#endif
