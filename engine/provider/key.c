/* What OpenSSL holds as a key of this provider: a token's key, or a public part in software. */
#include "engine/provider/key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "engine/crypto.h"

EVP_PKEY *provider_key_public(const struct provider_key *key)
{
	if (key->public_only != NULL || key->token == NULL)
		return key->public_only;
	return token_key_public(key->token);
}

int provider_key_show(struct provider_key *key, const OSSL_PARAM *form)
{
	EVP_PKEY *shown = EVP_PKEY_dup(provider_key_public(key));
	OSSL_PARAM params[] = { *form, OSSL_PARAM_END };

	if (shown == NULL || EVP_PKEY_set_params(shown, params) != 1) {
		EVP_PKEY_free(shown);
		return provider_raise(
		    key->provider, REASON_USAGE, "the public key can't be written so");
	}
	EVP_PKEY_free(key->public_only);
	key->public_only = shown;
	return 1;
}

struct provider_key *provider_key_new(struct provider *p)
{
	struct provider_key *key = calloc(1, sizeof(*key));

	if (key != NULL)
		key->provider = p;
	else
		provider_nomem(p);
	return key;
}

void provider_key_free(struct provider_key *key)
{
	if (key == NULL)
		return;
	if (!provider_ending()) {
		token_key_free(key->token);
		EVP_PKEY_free(key->public_only);
	}
	free(key);
}

struct provider_key *provider_key_up_ref(const struct provider_key *key)
{
	struct provider_key *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		provider_nomem(key->provider);
		return NULL;
	}
	*copy = *key;
	if (copy->token != NULL)
		token_key_up_ref(copy->token);
	if (copy->public_only != NULL)
		EVP_PKEY_up_ref(copy->public_only);
	return copy;
}

/* OpenSSL's selection for software keys: never a private part. RSA has no parameters alone. */
static int software_selection(const char *type, int selection)
{
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 || strcmp(type, "RSA") == 0)
		return EVP_PKEY_PUBLIC_KEY;
	return EVP_PKEY_KEY_PARAMETERS;
}

static EVP_PKEY *software_key(const char *type, int selection, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(crypto_context(), type, CRYPTO_SOFTWARE);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(
		    ctx, &key, software_selection(type, selection), (OSSL_PARAM *)params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int provider_key_import(
    struct provider_key *key, const char *type, int selection, const OSSL_PARAM params[])
{
	bool private_part = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D) != NULL ||
			    OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) != NULL;

	if (private_part && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return 0;
	if (provider_key_public(key) != NULL)
		return 0;
	key->public_only = software_key(type, selection, params);
	return key->public_only != NULL;
}

int provider_key_export(
    const struct provider_key *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
	EVP_PKEY *software = provider_key_public(key);
	OSSL_PARAM *params = NULL;
	int ok;

	if (software == NULL)
		return 0;
	if (key->token != NULL && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
		return provider_raise(
		    key->provider, REASON_POLICY, "the private key stays on the token");
	ok = EVP_PKEY_todata(software,
		 software_selection(EVP_PKEY_get0_type_name(software), selection), &params) == 1 &&
	     callback(params, arg);
	OSSL_PARAM_free(params);
	return ok;
}

struct copying {
	struct provider_key *to;
	const char *type;
	int selection;
};

static int copy_params(const OSSL_PARAM params[], void *arg)
{
	struct copying *c = arg;

	return provider_key_import(c->to, c->type, c->selection, params);
}

struct provider_key *provider_key_dup(const struct provider_key *from, int selection)
{
	EVP_PKEY *software = provider_key_public(from);
	int shown = selection & ~OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
	struct copying c = { .selection = shown };

	if (from->token != NULL && shown != selection)
		return provider_key_up_ref(from);
	c.to = provider_key_new(from->provider);
	if (c.to == NULL || software == NULL)
		return c.to;
	c.type = EVP_PKEY_get0_type_name(software);
	if (provider_key_export(from, shown, copy_params, &c))
		return c.to;
	provider_key_free(c.to);
	return NULL;
}

static bool has_public_part(EVP_PKEY *software)
{
	size_t len = 0;

	return EVP_PKEY_is_a(software, "RSA") || EVP_PKEY_get_octet_string_param(software,
						     OSSL_PKEY_PARAM_PUB_KEY, NULL, 0, &len) == 1;
}

bool provider_key_has(const struct provider_key *key, int selection)
{
	EVP_PKEY *software = provider_key_public(key);

	if ((selection & OSSL_KEYMGMT_SELECT_ALL) == 0)
		return true;
	if (software == NULL)
		return false;
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && key->token == NULL)
		return false;
	return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0 || has_public_part(software);
}
