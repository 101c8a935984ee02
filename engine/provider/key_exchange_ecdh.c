/* ECDH on the token, with the X9.63 KDF (SEC 1 section 3.6.1) in software where the caller asks for it. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "engine/crypto.h"
#include "engine/provider/digest.h"
#include "engine/provider/key.h"
#include "engine/public_key.h"

#define POINT_MAX 256 /* octets of an uncompressed point; P-521: 133 */

struct exchange {
	struct provider *provider;
	struct provider_key *key;
	unsigned char peer[POINT_MAX];
	size_t peer_len;
	int cofactor_mode; /* 0, 1, or -1: as the key says, which is 0 */
	bool kdf;
	char kdf_digest[DIGEST_NAME_SIZE];
	size_t kdf_len;
	unsigned char *ukm;
	size_t ukm_len;
};

static void *exchange_newctx(void *provctx)
{
	struct exchange *e = calloc(1, sizeof(*e));

	if (e != NULL)
		e->provider = provctx;
	else
		provider_nomem(provctx);
	return e;
}

static void exchange_freectx(void *ctx)
{
	struct exchange *e = ctx;

	if (e == NULL)
		return;
	provider_key_free(e->key);
	free(e->ukm);
	free(e);
}

static void *exchange_dupctx(void *ctx)
{
	struct exchange *e = ctx;
	struct exchange *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		provider_nomem(e->provider);
		return NULL;
	}
	*copy = *e;
	copy->key = e->key != NULL ? provider_key_up_ref(e->key) : NULL;
	copy->ukm = e->ukm != NULL ? malloc(e->ukm_len + 1) : NULL;
	if ((e->key != NULL && copy->key == NULL) || (e->ukm != NULL && copy->ukm == NULL)) {
		provider_nomem(e->provider);
		exchange_freectx(copy);
		return NULL;
	}
	if (e->ukm != NULL)
		memcpy(copy->ukm, e->ukm, e->ukm_len);
	return copy;
}

static int take_kdf_type(struct exchange *e, const OSSL_PARAM *p)
{
	char name[32];
	char *at = name;

	if (!OSSL_PARAM_get_utf8_string(p, &at, sizeof(name)))
		return 0;
	if (name[0] != '\0' && strcmp(name, OSSL_KDF_NAME_X963KDF) != 0)
		return 0;
	e->kdf = name[0] != '\0';
	return 1;
}

/* The token multiplies without the cofactor: where that is one, both modes are the same. */
static int take_cofactor_mode(struct exchange *e, const OSSL_PARAM *p)
{
	EVP_PKEY *own = e->key != NULL ? provider_key_public(e->key) : NULL;
	int mode = 0;

	if (!OSSL_PARAM_get_int(p, &mode) || mode < -1 || mode > 1)
		return provider_raise(e->provider, REASON_USAGE, "no such cofactor mode");
	if (mode == 1 && (own == NULL || !public_key_cofactor_one(own)))
		return provider_raise(
		    e->provider, REASON_USAGE, "ECDH with the cofactor is not done on this curve");
	e->cofactor_mode = mode;
	return 1;
}

static int take_ukm(struct exchange *e, const OSSL_PARAM *p)
{
	void *ukm = NULL;
	size_t len = 0;

	if (!OSSL_PARAM_get_octet_string(p, &ukm, 0, &len))
		return 0;
	free(e->ukm);
	e->ukm = malloc(len + 1);
	e->ukm_len = e->ukm != NULL ? len : 0;
	if (e->ukm != NULL && len > 0)
		memcpy(e->ukm, ukm, len);
	OPENSSL_free(ukm);
	return e->ukm != NULL ? 1 : provider_nomem(e->provider);
}

static int exchange_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct exchange *e = ctx;
	const OSSL_PARAM *p;

	if (params == NULL)
		return 1;
	p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
	if (p != NULL && !take_cofactor_mode(e, p))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
	if (p != NULL && !take_kdf_type(e, p))
		return provider_raise(
		    e->provider, REASON_USAGE, "an unknown key derivation function");
	if (!digest_take(e->kdf_digest, params, OSSL_EXCHANGE_PARAM_KDF_DIGEST))
		return provider_raise(
		    e->provider, REASON_USAGE, "an unknown digest for key derivation");
	p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
	if (p != NULL && !OSSL_PARAM_get_size_t(p, &e->kdf_len))
		return 0;
	p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
	return p == NULL || take_ukm(e, p);
}

static const OSSL_PARAM *exchange_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
		OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
		OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static int exchange_get_params(void *ctx, OSSL_PARAM params[])
{
	struct exchange *e = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);

	if (p != NULL && !OSSL_PARAM_set_int(p, e->cofactor_mode == 1))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
	if (p != NULL && !OSSL_PARAM_set_utf8_string(p, e->kdf ? OSSL_KDF_NAME_X963KDF : ""))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
	if (p != NULL && !OSSL_PARAM_set_utf8_string(p, e->kdf_digest))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
	if (p != NULL && !OSSL_PARAM_set_size_t(p, e->kdf_len))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
	return p == NULL || OSSL_PARAM_set_octet_ptr(p, e->ukm, e->ukm_len);
}

static const OSSL_PARAM *exchange_gettable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
		OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
		OSSL_PARAM_octet_ptr(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static int exchange_begin(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct exchange *e = ctx;
	struct provider_key *copy = key != NULL ? provider_key_up_ref(key) : NULL;

	if (copy == NULL)
		return 0;
	provider_key_free(e->key);
	e->key = copy;
	e->peer_len = 0;
	e->cofactor_mode = 0;
	return exchange_set_params(e, params);
}

static int exchange_set_peer(void *ctx, void *peerdata)
{
	struct exchange *e = ctx;
	EVP_PKEY *peer = provider_key_public(peerdata);
	EVP_PKEY *own = e->key != NULL ? provider_key_public(e->key) : NULL;

	e->peer_len = 0;
	if (peer == NULL || own == NULL || EVP_PKEY_parameters_eq(peer, own) != 1)
		return provider_raise(e->provider, REASON_USAGE,
		    "the peer's public key is not on the curve of the private key");
	/* This parameter is always the uncompressed point, which the token layer wants. */
	return EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, e->peer,
		   sizeof(e->peer), &e->peer_len) == 1;
}

static int run_kdf(struct exchange *e, unsigned char *out, const unsigned char *z, size_t z_len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(crypto_context(), OSSL_KDF_NAME_X963KDF, NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, e->kdf_digest, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)z, z_len),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, e->ukm, e->ukm_len),
		OSSL_PARAM_END,
	};
	int ok;

	params[0].data_size = strlen(e->kdf_digest);
	ok = ctx != NULL && EVP_KDF_derive(ctx, out, e->kdf_len, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 1 : provider_raise(e->provider, REASON_INTERNAL, "the key derivation failed");
}

static size_t octets_wanted(const struct exchange *e)
{
	if (e->kdf)
		return e->kdf_len;
	return ((size_t)EVP_PKEY_get_bits(provider_key_public(e->key)) + 7) / 8;
}

static int derive_into(struct exchange *e, unsigned char *out, size_t *out_len)
{
	unsigned char z[POINT_MAX];
	size_t z_len = sizeof(z);
	struct error err = { 0 };
	int ok = 1;
	int status;

	ERR_set_mark();
	status = token_key_derive(e->key->token, z, &z_len, e->peer, e->peer_len, &err);
	ERR_pop_to_mark();
	/* Nothing was decrypted: there is no secret in why a point is refused. */
	if (status == HSMIME_EINVALID)
		return provider_raise(e->provider, REASON_USAGE, "%s", err.message);
	if (status != 0)
		return provider_fail(e->provider, status, &err);
	*out_len = e->kdf ? e->kdf_len : z_len;
	if (e->kdf)
		ok = run_kdf(e, out, z, z_len);
	else
		memcpy(out, z, z_len);
	OPENSSL_cleanse(z, sizeof(z));
	return ok;
}

static int exchange_derive(void *ctx, unsigned char *out, size_t *out_len, size_t room)
{
	struct exchange *e = ctx;

	if (e->key == NULL || e->key->token == NULL || e->peer_len == 0)
		return provider_raise(e->provider, REASON_USAGE, "no private key or no peer");
	if (e->kdf && (e->kdf_digest[0] == '\0' || e->kdf_len == 0))
		return provider_raise(e->provider, REASON_USAGE,
		    "the key derivation function needs a digest and a length");
	if (out == NULL) {
		*out_len = octets_wanted(e);
		return 1;
	}
	if (room < octets_wanted(e))
		return provider_raise(e->provider, REASON_USAGE, "the buffer is too small");
	return derive_into(e, out, out_len);
}

const OSSL_DISPATCH key_exchange_ecdh_functions[] = {
	{ OSSL_FUNC_KEYEXCH_NEWCTX, (void (*)(void))exchange_newctx },
	{ OSSL_FUNC_KEYEXCH_FREECTX, (void (*)(void))exchange_freectx },
	{ OSSL_FUNC_KEYEXCH_DUPCTX, (void (*)(void))exchange_dupctx },
	{ OSSL_FUNC_KEYEXCH_INIT, (void (*)(void))exchange_begin },
	{ OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))exchange_set_peer },
	{ OSSL_FUNC_KEYEXCH_DERIVE, (void (*)(void))exchange_derive },
	{ OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, (void (*)(void))exchange_set_params },
	{ OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, (void (*)(void))exchange_settable },
	{ OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, (void (*)(void))exchange_get_params },
	{ OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, (void (*)(void))exchange_gettable },
	{ 0, NULL },
};
