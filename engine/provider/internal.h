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
#include "engine/provider/provider.h"
#include "engine/token_key.h"

/* The provider in one library context. */
struct provider {
	const OSSL_CORE_HANDLE *core;
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_LIB_CTX
	*software; /* default provider alone: digests, KDF, public keys; made on first use */
	struct engine *engine; /* loadable only: opened at the first pkcs11: URI */
	char *module;          /* from openssl.cnf, or NULL */
	char *pin_source;
	char *token;
	OSSL_PASSPHRASE_CALLBACK *ask; /* while a store loads: who asks a person */
	void *ask_arg;
};

/* provider_software(p): the software library context, or NULL when that fails. */
OSSL_LIB_CTX *provider_software(struct provider *p);

/* provider_engine(p, err): the tokens; 0 or engine_new's errors. */
int provider_engine(struct provider *p, struct error *err);

/* Reasons on OpenSSL's error queue. */
enum provider_reason { REASON_TOKEN = 1, REASON_USAGE, REASON_DECRYPTION, REASON_INTERNAL };

/* provider_raise(p, reason, fmt, ...): put an error on OpenSSL's queue. Returns 0. */
int provider_raise(struct provider *p, enum provider_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * provider_fail(p, status, err):
 * An operation ended with status: tell OpenSSL, and keep err for engine_take_error
 * where it was for the token's sake. Returns 0.
 */
int provider_fail(struct provider *p, int status, const struct error *err);

/* A key as OpenSSL holds it: on the token, or the public part alone (a peer, a key to compare). */
struct provider_key {
	struct provider *provider;
	struct token_key *token; /* NULL: public part alone */
	EVP_PKEY *public_only;
};

/* provider_key_public(key): its public part as a software key, borrowed; NULL where empty. */
EVP_PKEY *provider_key_public(const struct provider_key *key);

/* provider_key_up_ref(key): a copy with references of its own; NULL when out of memory. */
struct provider_key *provider_key_up_ref(const struct provider_key *key);
void provider_key_free(struct provider_key *key);

extern const OSSL_DISPATCH keymgmt_rsa_functions[];
extern const OSSL_DISPATCH keymgmt_ec_functions[];
extern const OSSL_DISPATCH signature_rsa_functions[];
extern const OSSL_DISPATCH signature_ecdsa_functions[];
extern const OSSL_DISPATCH asym_cipher_rsa_functions[];
extern const OSSL_DISPATCH key_exchange_ecdh_functions[];
extern const OSSL_DISPATCH store_functions[];

#endif
