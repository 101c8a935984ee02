/*
 * internal: what the provider's parts share.
 */
#ifndef ENGINE_PROVIDER_INTERNAL_H
#define ENGINE_PROVIDER_INTERNAL_H

#include <stdbool.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/types.h>

#include "engine/engine.h"
#include "engine/gate.h"
#include "engine/provider/provider.h"
#include "engine/token_key.h"

/* The provider in one library context. */
struct provider {
	const OSSL_CORE_HANDLE *core;
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_FUNC_BIO_read_ex_fn *bio_read;
	OSSL_FUNC_BIO_gets_fn *bio_gets;
	struct gate opening;   /* of engine */
	struct engine *engine; /* loadable only: opened at the first pkcs11: URI */
	char *module;          /* from openssl.cnf, or NULL */
	char *pin_source;
	char *token;
	char *call_limit; /* seconds that a call of the PKCS#11 module may take; 0: no limit */
};

/* provider_configure(p, get): openssl.cnf's section of this provider. 1, or 0 when out of memory. */
int provider_configure(struct provider *p, OSSL_FUNC_core_get_params_fn *get);

/* provider_unconfigure(p): free what that set. */
void provider_unconfigure(struct provider *p);

/*
 * provider_engine(out, p, err): the tokens, opened at the first call; p keeps them. The environment
 * says what openssl.cnf does not. 0 or engine_new's errors.
 */
int provider_engine(struct engine **out, struct provider *p, struct error *err);

/* provider_ask_with(ask, arg): who asks a person for a PIN in this thread; NULL: nobody is there. */
void provider_ask_with(OSSL_PASSPHRASE_CALLBACK *ask, void *arg);

/* Reasons on OpenSSL's error queue. */
enum provider_reason {
	REASON_TOKEN = 1,
	REASON_USAGE,
	REASON_DECRYPTION,
	REASON_INTERNAL,
	REASON_LOGIN,
	REASON_KEY,
	REASON_POLICY
};

/*
 * provider_raise(p, reason, fmt, ...):
 * Put an error on OpenSSL's queue. What an earlier operation left for engine_take_error is gone.
 * Returns 0.
 */
int provider_raise(struct provider *p, enum provider_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* provider_nomem(p): that memory ran out. Returns 0. */
int provider_nomem(struct provider *p);

/*
 * provider_fail(p, status, err):
 * An operation ended with status: tell OpenSSL, and keep err for engine_take_error
 * where it was for the token's sake. Returns 0.
 */
int provider_fail(struct provider *p, int status, const struct error *err);

/* provider_ending(): OPENSSL_cleanup has begun: no token call, and nothing of OpenSSL's is freed. */
bool provider_ending(void);

extern const OSSL_DISPATCH keymgmt_rsa_functions[];
extern const OSSL_DISPATCH keymgmt_ec_functions[];
extern const OSSL_DISPATCH signature_rsa_functions[];
extern const OSSL_DISPATCH signature_ecdsa_functions[];
extern const OSSL_DISPATCH asym_cipher_rsa_functions[];
extern const OSSL_DISPATCH key_exchange_ecdh_functions[];
extern const OSSL_DISPATCH store_functions[];
extern const OSSL_DISPATCH decoder_pem_functions[];
extern const OSSL_DISPATCH decoder_rsa_functions[];
extern const OSSL_DISPATCH decoder_ec_functions[];

#endif
