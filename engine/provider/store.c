/*
 * The store of pkcs11: URIs (RFC 7512). Who expects a private key gets the one that the URI names, or
 * is told why there is not exactly one; who expects anything, or searches, gets all that fit.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "engine/provider/named_key.h"
#include "engine/provider/store_search.h"

struct store {
	struct provider *provider;
	struct engine *engine; /* the provider's */
	char *uri;
	int expect;  /* OSSL_STORE_INFO_*, 0: everything */
	int named;   /* the same, as the URI's type has it, whatever the program expects */
	bool login;  /* list private keys too */
	bool listed; /* list holds, or there is none to be had */
	struct store_search search;
	hsmime_key *list;
	size_t count;
	size_t next;
	struct engine_missing missing; /* what the list lacks, which is told at its end */
	bool key_given;                /* of list[next]; its certificate is to come */
	bool failed;
	bool done;
};

/* The attribute type of uri (RFC 7512 section 2.3) with what ends it, and its length; 0 where there is none. */
static size_t find_type(const char **type, const char *uri)
{
	const char *at = strchr(uri, ':') + 1;

	while (at[0] != '\0' && at[0] != '?') {
		size_t len = strcspn(at, ";?");

		len += at[len] == ';' ? 1 : 0;
		*type = at;
		if (strncmp(at, "type=", 5) == 0)
			return len;
		at += len;
	}
	return 0;
}

static bool type_is(const char *type, size_t len, const char *value)
{
	size_t value_len = strlen(value);

	len -= type[len - 1] == ';' ? 1 : 0;
	return len == 5 + value_len && memcmp(type + 5, value, value_len) == 0;
}

/*
 * What can't come of an object of that type is not looked for, nor is anyone asked for a PIN. A
 * public key may come of a certificate too, so these are listed without the type.
 */
static void expect_type(struct store *s)
{
	const char *type = NULL;
	size_t len = find_type(&type, s->uri);
	char *at;

	s->login = true;
	if (len == 0)
		return;
	at = s->uri + (type - s->uri);
	if (type_is(type, len, "cert")) {
		s->expect = s->named = OSSL_STORE_INFO_CERT;
		s->login = false;
	} else if (type_is(type, len, "public")) {
		s->expect = s->named = OSSL_STORE_INFO_PUBKEY;
		s->login = false;
		memmove(at, at + len, strlen(at + len) + 1);
	}
}

static void *store_open(void *provctx, const char *uri)
{
	struct store *s = calloc(1, sizeof(*s));

	if (strncasecmp(uri, "pkcs11:", 7) != 0) {
		free(s);
		return NULL;
	}
	if (s == NULL || (s->uri = strdup(uri)) == NULL) {
		free(s);
		provider_nomem(provctx);
		return NULL;
	}
	s->provider = provctx;
	expect_type(s);
	return s;
}

static int store_close(void *ctx)
{
	struct store *s = ctx;

	if (s == NULL)
		return 1;
	engine_keys_free(s->list, s->count);
	engine_missing_free(&s->missing);
	store_search_clear(&s->search);
	free(s->uri);
	free(s);
	return 1;
}

static const OSSL_PARAM *store_settable(void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
		STORE_SEARCH_PARAMS,
		OSSL_PARAM_END,
	};

	(void)provctx;
	return params;
}

static int store_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct store *s = ctx;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

	if (p != NULL && !OSSL_PARAM_get_int(p, &s->expect))
		return 0;
	if (s->named != 0)
		s->expect = s->named;
	return store_search_take(&s->search, params);
}

static int load_key(struct store *s, const char *uri, OSSL_CALLBACK *give, void *arg)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };
	int status = named_key_find(&found, s->engine, uri, &err);
	int ok;

	if (status != 0)
		return provider_fail(s->provider, status, &err);
	ok = named_key_give(s->provider, found.key, give, arg);
	engine_found_free(&found);
	return ok;
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

/* In DER, so that OpenSSL's own provider takes it: what public keys do needs no token. */
static int give_public(EVP_PKEY *key, OSSL_CALLBACK *give, void *arg)
{
	static const char structure[] = "SubjectPublicKeyInfo";
	int object = OSSL_OBJECT_PKEY;
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	int ok = 0;

	if (len > 0) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_int(OSSL_OBJECT_PARAM_TYPE, &object),
			OSSL_PARAM_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)structure,
			    sizeof(structure) - 1),
			OSSL_PARAM_octet_string(OSSL_OBJECT_PARAM_DATA, der, (size_t)len),
			OSSL_PARAM_END,
		};
		ok = give(params, arg);
	}
	OPENSSL_free(der);
	return ok;
}

/* Of a certificate where there is one, which needs no login. */
static int load_public(struct store *s, const hsmime_key *k, OSSL_CALLBACK *give, void *arg)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };
	int status, ok;

	if (k->certificate != NULL)
		return give_public(X509_get0_pubkey(k->certificate), give, arg);
	status = named_key_find(&found, s->engine, k->uri, &err);
	if (status != 0)
		return provider_fail(s->provider, status, &err);
	ok = give_public(token_key_public(found.key), give, arg);
	engine_found_free(&found);
	return ok;
}

static int list_objects(struct store *s, bool login)
{
	struct error err = { 0 };
	int status = engine_list(&s->list, &s->count, &s->missing, s->engine, s->uri, login, &err);

	s->listed = status == 0;
	s->failed = status != 0 && (!login || status != HSMIME_EPIN);
	s->login = false;
	return status == 0 ? 1 : provider_fail(s->provider, status, &err);
}

static bool wants_keys(const struct store *s)
{
	return s->expect == 0 || s->expect == OSSL_STORE_INFO_PKEY;
}

/* The end of the list: 0, and an error for each token that is not in it. */
static int tell_missing(struct store *s)
{
	for (size_t i = 0; i < s->missing.count; i++)
		(void)provider_fail(s->provider, s->missing.list[i].code, &s->missing.list[i]);
	s->failed = s->missing.count > 0;
	engine_missing_free(&s->missing);
	return 0;
}

/* The next of what the list holds for s, or its end. */
static int give_next(struct store *s, OSSL_CALLBACK *give, void *arg)
{
	while (s->next < s->count) {
		const hsmime_key *k = &s->list[s->next];
		if (!store_search_fits(&s->search, k)) {
			s->next++;
			continue;
		}
		if (wants_keys(s) && !s->key_given && k->has_private_key == 1) {
			s->key_given = true;
			return load_key(s, k->uri, give, arg);
		}
		s->next++;
		s->key_given = false;
		if (s->expect == OSSL_STORE_INFO_PUBKEY)
			return load_public(s, k, give, arg);
		if (s->expect != OSSL_STORE_INFO_PKEY && k->certificate != NULL)
			return give_certificate(k->certificate, give, arg);
	}
	return tell_missing(s);
}

/*
 * Without a PIN certificates can still be listed, so a login that fails is an error of its own and the
 * list follows. Nothing is asked twice.
 */
static int load_listed(struct store *s, OSSL_CALLBACK *give, void *arg)
{
	bool login = s->login && wants_keys(s);

	if (!s->listed && !list_objects(s, login))
		return 0;
	return give_next(s, give, arg);
}

/* OpenSSL takes a failure for the end where the store says so: the end comes with the next call. */
static int load(struct store *s, OSSL_CALLBACK *give, void *arg)
{
	struct error err = { 0 };
	int status, ok;

	if (s->failed) {
		s->done = true;
		return 0;
	}
	status = provider_engine(&s->engine, s->provider, &err);
	if (status != 0) {
		s->failed = true;
		return provider_fail(s->provider, status, &err);
	}
	if (s->expect != OSSL_STORE_INFO_PKEY || store_search_any(&s->search))
		return load_listed(s, give, arg);
	ok = load_key(s, s->uri, give, arg);
	s->done = ok == 1;
	s->failed = ok != 1;
	return ok;
}

static int store_load(
    void *ctx, OSSL_CALLBACK *give, void *arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	int ok;

	provider_ask_with(ask, ask_arg);
	ok = load(ctx, give, arg);
	provider_ask_with(NULL, NULL);
	return ok;
}

static int store_eof(void *ctx)
{
	struct store *s = ctx;
	bool told = s->missing.count == 0 && !s->failed;

	return s->done || (s->listed && s->next >= s->count && told);
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
