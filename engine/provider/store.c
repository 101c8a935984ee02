/* The store of pkcs11: URIs (RFC 7512): a private key, its public part, certificates. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "engine/provider/internal.h"

struct store {
	struct provider *provider;
	char *uri;
	int expect; /* OSSL_STORE_INFO_*, 0: everything */
	bool key_done;
	bool listed;
	hsmime_key *list; /* certificates */
	size_t count;
	size_t next;
};

static void *store_open(void *provctx, const char *uri)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL || strncmp(uri, "pkcs11:", 7) != 0 || (s->uri = strdup(uri)) == NULL) {
		free(s);
		return NULL;
	}
	s->provider = provctx;
	return s;
}

static int store_close(void *ctx)
{
	struct store *s = ctx;

	if (s == NULL)
		return 1;
	engine_keys_free(s->list, s->count);
	free(s->uri);
	free(s);
	return 1;
}

static const OSSL_PARAM *store_settable(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static int store_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct store *s = ctx;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

	return p == NULL || OSSL_PARAM_get_int(p, &s->expect);
}

static bool wants(const struct store *s, int type)
{
	return s->expect == 0 || s->expect == type;
}

static int give_key(struct store *s, struct token_key *key, OSSL_CALLBACK *give, void *arg)
{
	struct provider_key held = { .provider = s->provider, .token = key };
	struct provider_key *reference = &held;
	int object = OSSL_OBJECT_PKEY;
	const char *type = token_key_type(key) == TOKEN_KEY_RSA ? "RSA" : "EC";
	OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_OBJECT_PARAM_TYPE, &object),
		OSSL_PARAM_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)type, strlen(type)),
		OSSL_PARAM_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof(reference)),
		OSSL_PARAM_END,
	};

	return give(params, arg);
}

static int load_key(struct store *s, OSSL_CALLBACK *give, void *arg)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };
	int status = engine_find_key(&found, s->provider->engine, s->uri, ENGINE_SIGN, &err);
	int ok;

	if (status == HSMIME_ENOKEY)
		status = engine_find_key(&found, s->provider->engine, s->uri, ENGINE_DECRYPT, &err);
	if (status != 0)
		return provider_fail(s->provider, status, &err);
	ok = give_key(s, found.key, give, arg);
	engine_found_free(&found);
	return ok;
}

static int list_certificates(struct store *s)
{
	struct error err = { 0 };
	int status = engine_keys(&s->list, &s->count, s->provider->engine, s->uri, false, &err);

	s->listed = true;
	return status == 0 ? 1 : provider_fail(s->provider, status, &err);
}

static int give_certificate(X509 *cert, OSSL_CALLBACK *give, void *arg)
{
	int object = OSSL_OBJECT_CERT;
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	int ok = 0;

	if (len > 0) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_int(OSSL_OBJECT_PARAM_TYPE, &object),
			OSSL_PARAM_octet_string(OSSL_OBJECT_PARAM_DATA, der, (size_t)len),
			OSSL_PARAM_END,
		};
		ok = give(params, arg);
	}
	OPENSSL_free(der);
	return ok;
}

static int load_certificate(struct store *s, OSSL_CALLBACK *give, void *arg)
{
	if (!s->listed && !list_certificates(s))
		return 0;
	while (s->next < s->count) {
		X509 *cert = s->list[s->next++].certificate;

		if (cert != NULL)
			return give_certificate(cert, give, arg);
	}
	return 0;
}

static int open_tokens(struct store *s)
{
	struct error err = { 0 };
	int status = provider_engine(s->provider, &err);

	return status == 0 ? 1 : provider_fail(s->provider, status, &err);
}

static int store_load(
    void *ctx, OSSL_CALLBACK *give, void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	struct store *s = ctx;
	int ok;

	s->provider->ask = ask;
	s->provider->ask_arg = ask_arg;
	ok = open_tokens(s);
	if (ok && !s->key_done && wants(s, OSSL_STORE_INFO_PKEY)) {
		s->key_done = true;
		ok = load_key(s, give, arg);
	} else if (ok) {
		s->key_done = true;
		ok = load_certificate(s, give, arg);
	} else {
		s->key_done = s->listed = true;
	}
	s->provider->ask = NULL;
	return ok;
}

static int store_eof(void *ctx)
{
	struct store *s = ctx;

	if (!s->key_done && wants(s, OSSL_STORE_INFO_PKEY))
		return 0;
	if (!wants(s, OSSL_STORE_INFO_CERT))
		return 1;
	return s->listed && s->next >= s->count;
}

const OSSL_DISPATCH store_functions[] = {
	{ OSSL_FUNC_STORE_OPEN, (void (*)(void))store_open },
	{ OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))store_settable },
	{ OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))store_set_params },
	{ OSSL_FUNC_STORE_LOAD, (void (*)(void))store_load },
	{ OSSL_FUNC_STORE_EOF, (void (*)(void))store_eof },
	{ OSSL_FUNC_STORE_CLOSE, (void (*)(void))store_close },
	{ 0, NULL },
};
