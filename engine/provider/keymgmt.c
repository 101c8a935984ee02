/* Key management: the dispatch tables of token keys, and provider_wrap_key. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "engine/crypto.h"
#include "engine/provider/key.h"

/* The parameter by which provider_wrap_key hands a key over: the octets of a pointer. */
#define PARAM_TOKEN_KEY "hsmime-token-key"

static void *keymgmt_new(void *provctx)
{
	return provider_key_new(provctx);
}

static void keymgmt_free(void *keydata)
{
	provider_key_free(keydata);
}

static void *keymgmt_dup(const void *keydata, int selection)
{
	return provider_key_dup(keydata, selection);
}

static int keymgmt_has(const void *keydata, int selection)
{
	return keydata != NULL && provider_key_has(keydata, selection);
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

/* The public part is what can be looked at; that the private key belongs to it is the token's word. */
static int keymgmt_validate(const void *keydata, int selection, int checktype)
{
	const struct provider_key *key = keydata;
	EVP_PKEY_CTX *ctx = NULL;
	int ok = 0;

	if (!provider_key_has(key, selection))
		return 0;
	if ((selection & (OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS)) ==
	    0)
		return 1;
	ctx =
	    EVP_PKEY_CTX_new_from_pkey(crypto_context(), provider_key_public(key), CRYPTO_SOFTWARE);
	if (ctx == NULL)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0)
		ok = EVP_PKEY_param_check(ctx);
	else if (checktype == OSSL_KEYMGMT_VALIDATE_QUICK_CHECK)
		ok = EVP_PKEY_public_check_quick(ctx);
	else
		ok = EVP_PKEY_public_check(ctx);
	EVP_PKEY_CTX_free(ctx);
	return ok == 1;
}

static int import(void *keydata, const char *type, int selection, const OSSL_PARAM params[])
{
	struct provider_key *key = keydata;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_TOKEN_KEY);
	struct token_key *token;

	if (p == NULL)
		return provider_key_import(key, type, selection, params);
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size != sizeof(token) ||
	    provider_key_public(key) != NULL)
		return 0;
	memcpy(&token, p->data, sizeof(token));
	key->token = token_key_up_ref(token);
	return 1;
}

static int import_rsa(void *keydata, int selection, const OSSL_PARAM params[])
{
	return import(keydata, "RSA", selection, params);
}

static int import_ec(void *keydata, int selection, const OSSL_PARAM params[])
{
	return import(keydata, "EC", selection, params);
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

static int keymgmt_export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
	return provider_key_export(keydata, selection, callback, arg);
}

static const OSSL_PARAM *export_types(int selection)
{
	return import_types(selection) + 1;
}

/* A store's reference is a struct provider_key, of which OpenSSL gets a copy. */
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
	EVP_PKEY *software = provider_key_public(keydata);

	return software != NULL && EVP_PKEY_get_params(software, params) == 1;
}

/* Whether p says no more than how a key is written. With or without its point: no private part is. */
static bool only_shows(const OSSL_PARAM *p)
{
	int with_point;

	if (strcmp(p->key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC) == 0)
		return OSSL_PARAM_get_int(p, &with_point) && (with_point == 0 || with_point == 1);
	return strcmp(p->key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT) == 0;
}

/* CMS gives a peer's curve and then its point. What is on a token stays as it is. */
static int keymgmt_set_params(void *keydata, const OSSL_PARAM params[])
{
	struct provider_key *key = keydata;
	const OSSL_PARAM *form;

	if (params == NULL || params[0].key == NULL)
		return 1;
	form = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT);
	for (const OSSL_PARAM *p = params; key->token != NULL && p->key != NULL; p++)
		if (!only_shows(p))
			return provider_raise(
			    key->provider, REASON_USAGE, "a key on a token can't be changed");
	if (key->token != NULL)
		return form == NULL || provider_key_show(key, form);
	return key->public_only != NULL &&
	       EVP_PKEY_set_params(key->public_only, (OSSL_PARAM *)params) == 1;
}

static const OSSL_PARAM *settable_ec(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
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
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
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
	{ OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))keymgmt_dup },
	{ OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))keymgmt_load },
	{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))keymgmt_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))keymgmt_match },
	{ OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))keymgmt_validate },
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
	{ OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))keymgmt_dup },
	{ OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))keymgmt_load },
	{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))keymgmt_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))keymgmt_match },
	{ OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))keymgmt_validate },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import_ec },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))import_types },
	{ OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))keymgmt_export },
	{ OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))export_types },
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))keymgmt_get_params },
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_ec },
	{ OSSL_FUNC_KEYMGMT_SET_PARAMS, (void (*)(void))keymgmt_set_params },
	{ OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))settable_ec },
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
