/* Key management: token keys, and public parts beside them. Private material never comes in or goes out. */
#include "engine/provider/internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/* The parameter by which provider_wrap_key hands a key over: the octets of a pointer. */
#define PARAM_TOKEN_KEY "hsmime-token-key"

EVP_PKEY *provider_key_public(const struct provider_key *key)
{
	return key->token != NULL ? token_key_public(key->token) : key->public_only;
}

void provider_key_free(struct provider_key *key)
{
	if (key == NULL)
		return;
	token_key_free(key->token);
	EVP_PKEY_free(key->public_only);
	free(key);
}

struct provider_key *provider_key_up_ref(const struct provider_key *key)
{
	struct provider_key *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *key;
	if (copy->token != NULL)
		token_key_up_ref(copy->token);
	if (copy->public_only != NULL)
		EVP_PKEY_up_ref(copy->public_only);
	return copy;
}

static void *keymgmt_new(void *provctx)
{
	struct provider_key *key = calloc(1, sizeof(*key));

	if (key != NULL)
		key->provider = provctx;
	return key;
}

static void keymgmt_free(void *keydata)
{
	provider_key_free(keydata);
}

static int keymgmt_has(const void *keydata, int selection)
{
	const struct provider_key *key = keydata;

	if (key == NULL || provider_key_public(key) == NULL)
		return 0;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->token != NULL;
}

static int keymgmt_match(const void *a, const void *b, int selection)
{
	EVP_PKEY *x = provider_key_public(a);
	EVP_PKEY *y = provider_key_public(b);

	if (x == NULL || y == NULL)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
		return EVP_PKEY_parameters_eq(x, y) == 1;
	return EVP_PKEY_eq(x, y) == 1;
}

static bool has_private_part(const OSSL_PARAM params[])
{
	return OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D) != NULL ||
	       OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) != NULL;
}

/* A public part, as a peer or to compare with; private keys of other providers stay there. */
static int import_public(struct provider_key *key, const char *type, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx;
	int ok;

	if (has_private_part(params))
		return 0;
	ctx = EVP_PKEY_CTX_new_from_name(provider_software(key->provider), type, NULL);
	ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, &key->public_only, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) ==
		 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static int import(void *keydata, const char *type, const OSSL_PARAM params[])
{
	struct provider_key *key = keydata;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_TOKEN_KEY);
	struct token_key *token;

	if (p == NULL)
		return import_public(key, type, params);
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size != sizeof(token))
		return 0;
	memcpy(&token, p->data, sizeof(token));
	key->token = token_key_up_ref(token);
	return 1;
}

static int import_rsa(void *keydata, int selection, const OSSL_PARAM params[])
{
	(void)selection;
	return import(keydata, "RSA", params);
}

static int import_ec(void *keydata, int selection, const OSSL_PARAM params[])
{
	(void)selection;
	return import(keydata, "EC", params);
}

static const OSSL_PARAM *import_types(int selection)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(PARAM_TOKEN_KEY, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return params;
}

/*
 * OpenSSL 3.0 asks for everything when it looks for another provider that could do an
 * operation; who asks for a private key is refused, and comes back to this provider.
 */
static int keymgmt_export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
	struct provider_key *key = keydata;
	EVP_PKEY *public = provider_key_public(key);
	OSSL_PARAM *params = NULL;
	int ok;

	if (public == NULL)
		return 0;
	if (key->token != NULL && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return 0;
	ok = EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &params) == 1 && callback(params, arg);
	OSSL_PARAM_free(params);
	return ok;
}

static const OSSL_PARAM *export_types(int selection)
{
	return import_types(selection) + 1;
}

/* A store's reference is a struct provider_key, which passes to OpenSSL. */
static void *keymgmt_load(const void *reference, size_t size)
{
	struct provider_key *key;

	if (size != sizeof(key))
		return NULL;
	memcpy(&key, reference, sizeof(key));
	return provider_key_up_ref(key);
}

static int keymgmt_get_params(void *keydata, OSSL_PARAM params[])
{
	EVP_PKEY *public = provider_key_public(keydata);

	return public != NULL && EVP_PKEY_get_params(public, params) == 1;
}

static const OSSL_PARAM *gettable_rsa(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static const OSSL_PARAM *gettable_ec(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static const char *ec_operation(int operation)
{
	return operation == OSSL_OP_KEYEXCH ? "ECDH" : "ECDSA";
}

static const char *rsa_operation(int operation)
{
	(void)operation;
	return "RSA";
}

const OSSL_DISPATCH keymgmt_rsa_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))keymgmt_new },
	{ OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))keymgmt_free },
	{ OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))keymgmt_load },
	{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))keymgmt_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))keymgmt_match },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_rsa },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))import_types },
	{ OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))keymgmt_export },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))export_types },
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))keymgmt_get_params },
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_rsa },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))rsa_operation },
	{ 0, NULL },
};

const OSSL_DISPATCH keymgmt_ec_functions[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))keymgmt_new },
	{ OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))keymgmt_free },
	{ OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))keymgmt_load },
	{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))keymgmt_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))keymgmt_match },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_ec },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))import_types },
	{ OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))keymgmt_export },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))export_types },
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))keymgmt_get_params },
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_ec },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))ec_operation },
	{ 0, NULL },
};

int provider_wrap_key(
    EVP_PKEY **out, OSSL_LIB_CTX *libctx, struct token_key *key, struct error *err)
{
	const char *type = token_key_type(key) == TOKEN_KEY_RSA ? "RSA" : "EC";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, type, "provider=" PROVIDER_NAME);
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(PARAM_TOKEN_KEY, &key, sizeof(key)),
		OSSL_PARAM_END,
	};
	int ok;

	*out = NULL;
	ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0
		  : error_openssl(err, HSMIME_EINTERNAL, "making an OpenSSL key of a token's key");
}
