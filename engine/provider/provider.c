#include "engine/provider/internal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "engine/crypto.h"
#include "engine/provider/uri_pem.h"

#define PROPERTIES "provider=" PROVIDER_NAME

static const OSSL_ALGORITHM keymgmts[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, keymgmt_rsa_functions,
	    "token RSA keys" },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, keymgmt_ec_functions,
	    "token EC keys" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, signature_rsa_functions,
	    "RSA signatures on the token" },
	{ "ECDSA", PROPERTIES, signature_ecdsa_functions, "ECDSA on the token" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM asym_ciphers[] = {
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, asym_cipher_rsa_functions,
	    "RSA decryption on the token" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM key_exchanges[] = {
	{ "ECDH", PROPERTIES, key_exchange_ecdh_functions, "ECDH on the token" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM stores[] = {
	{ "pkcs11", PROPERTIES, store_functions, "keys and certificates on tokens" },
	{ NULL, NULL, NULL, NULL },
};

#define DECODES PROPERTIES ",input=der,structure=" URI_PEM_STRUCTURE

static const OSSL_ALGORITHM decoders[] = {
	{ "DER", PROPERTIES ",input=pem", decoder_pem_functions, "PEM files that name token keys" },
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", DECODES, decoder_rsa_functions,
	    "token RSA keys by PEM files" },
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", DECODES, decoder_ec_functions,
	    "token EC keys by PEM files" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keymgmts;
	case OSSL_OP_SIGNATURE:
		return signatures;
	case OSSL_OP_ASYM_CIPHER:
		return asym_ciphers;
	case OSSL_OP_KEYEXCH:
		return key_exchanges;
	case OSSL_OP_STORE:
		return stores;
	case OSSL_OP_DECODER:
		return decoders;
	default:
		return NULL;
	}
}

static const OSSL_ITEM reasons[] = {
	{ REASON_TOKEN, (void *)"the token failed" },
	{ REASON_USAGE, (void *)"unsupported request" },
	{ REASON_DECRYPTION, (void *)"decryption failed" },
	{ REASON_INTERNAL, (void *)"internal error" },
	{ REASON_LOGIN, (void *)"no login" },
	{ REASON_KEY, (void *)"no such key" },
	{ REASON_POLICY, (void *)"refused" },
	{ 0, NULL },
};

static const OSSL_ITEM *reason_strings(void *provctx)
{
	(void)provctx;
	return reasons;
}

static const OSSL_PARAM *gettable(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
		OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
		OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
	OSSL_PARAM *p;

	(void)provctx;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
	if (p != NULL && !OSSL_PARAM_set_utf8_ptr(p, "hsmime: keys on PKCS#11 tokens"))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
	if (p != NULL && !OSSL_PARAM_set_utf8_ptr(p, HSMIME_VERSION))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
	return p == NULL || OSSL_PARAM_set_int(p, 1);
}

/*
 * When the process ends without unloading, OPENSSL_cleanup tears providers down while a
 * software token's own use of OpenSSL may be gone already: then nothing is freed any more.
 */
static atomic_bool cleanup_begun;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void note_cleanup(void)
{
	atomic_store(&cleanup_begun, true);
}

static void watch_cleanup(void)
{
	OPENSSL_atexit(note_cleanup);
}

bool provider_ending(void)
{
	return atomic_load(&cleanup_begun);
}

static void teardown(void *provctx)
{
	struct provider *p = provctx;

	if (p == NULL)
		return;
	if (!provider_ending())
		engine_free(p->engine);
	provider_unconfigure(p);
	gate_free(&p->opening);
	free(p);
}

static const OSSL_DISPATCH provider_functions[] = {
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
	{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable },
	{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
	{ OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))reason_strings },
	{ 0, NULL },
};

static void take_core(
    struct provider *p, OSSL_FUNC_core_get_params_fn **core_params, const OSSL_DISPATCH *in)
{
	for (; in->function_id != 0; in++) {
		switch (in->function_id) {
		case OSSL_FUNC_CORE_NEW_ERROR:
			p->new_error = OSSL_FUNC_core_new_error(in);
			break;
		case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
			p->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
			break;
		case OSSL_FUNC_CORE_VSET_ERROR:
			p->vset_error = OSSL_FUNC_core_vset_error(in);
			break;
		case OSSL_FUNC_BIO_READ_EX:
			p->bio_read = OSSL_FUNC_BIO_read_ex(in);
			break;
		case OSSL_FUNC_BIO_GETS:
			p->bio_gets = OSSL_FUNC_BIO_gets(in);
			break;
		case OSSL_FUNC_CORE_GET_PARAMS:
			*core_params = OSSL_FUNC_core_get_params(in);
			break;
		default:
			break;
		}
	}
}

int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provctx)
{
	struct provider *p = calloc(1, sizeof(*p));
	OSSL_FUNC_core_get_params_fn *core_params = NULL;

	if (p == NULL)
		return 0;
	gate_init(&p->opening);
	p->core = handle;
	take_core(p, &core_params, in);
	if (!provider_configure(p, core_params)) {
		teardown(p);
		return 0;
	}
	pthread_once(&watch_once, watch_cleanup);
	*out = provider_functions;
	*provctx = p;
	return 1;
}

static pthread_once_t built_in_once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *built_in;

static void load_built_in(void)
{
	OSSL_LIB_CTX *context = crypto_context();

	if (context != NULL &&
	    OSSL_PROVIDER_add_builtin(context, PROVIDER_NAME, provider_init) == 1 &&
	    OSSL_PROVIDER_load(context, PROVIDER_NAME) != NULL)
		built_in = context;
}

OSSL_LIB_CTX *provider_context(void)
{
	pthread_once(&built_in_once, load_built_in);
	return built_in;
}

int provider_raise(struct provider *p, enum provider_reason reason, const char *fmt, ...)
{
	const struct error nothing = { 0 };
	va_list args;

	token_key_set_error(&nothing);
	if (p->new_error == NULL || p->vset_error == NULL)
		return 0;
	va_start(args, fmt);
	p->new_error(p->core);
	p->vset_error(p->core, (uint32_t)reason, fmt, args);
	va_end(args);
	return 0;
}

int provider_nomem(struct provider *p)
{
	return provider_raise(p, REASON_INTERNAL, "out of memory");
}

static enum provider_reason reason_of(int status)
{
	switch (status) {
	case HSMIME_EUSAGE:
	case HSMIME_EUNSUPPORTED:
		return REASON_USAGE;
	case HSMIME_EPOLICY:
		return REASON_POLICY;
	case HSMIME_ENOKEY:
		return REASON_KEY;
	case HSMIME_EPIN:
		return REASON_LOGIN;
	case HSMIME_EINTERNAL:
	case HSMIME_ENOMEM:
		return REASON_INTERNAL;
	default:
		return REASON_TOKEN;
	}
}

int provider_fail(struct provider *p, int status, const struct error *err)
{
	if (status == HSMIME_EINVALID)
		return provider_raise(p, REASON_DECRYPTION, "%s", "");
	provider_raise(p, reason_of(status), "%s%s%s", err->message,
	    err->hint[0] != '\0' ? "; " : "", err->hint);
	token_key_set_error(err);
	return 0;
}
