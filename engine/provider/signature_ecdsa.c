/* ECDSA signatures (RFC 5480: DER ECDSA-Sig-Value). */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "engine/provider/algorithm_id.h"
#include "engine/provider/signature.h"

static void *ecdsa_newctx(void *provctx, const char *properties)
{
	(void)properties;
	return token_signature_new(provctx, 0);
}

static int ecdsa_set_params(void *ctx, const OSSL_PARAM params[])
{
	return params == NULL || token_signature_take_digest(ctx, params);
}

static const OSSL_PARAM *ecdsa_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static int ecdsa_get_params(void *ctx, OSSL_PARAM params[])
{
	struct signature *s = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);

	if (p != NULL && !algorithm_id_ecdsa(p, s->digest))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
	return p == NULL || OSSL_PARAM_set_utf8_string(p, s->digest);
}

static const OSSL_PARAM *ecdsa_gettable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static int ecdsa_begin(void *ctx, void *key, const OSSL_PARAM params[])
{
	return token_signature_begin(ctx, key) && ecdsa_set_params(ctx, params);
}

static int ecdsa_sign(void *ctx, unsigned char *sig, size_t *sig_len, size_t room,
    const unsigned char *tbs, size_t tbs_len)
{
	struct signature *s = ctx;
	struct token_sign request = { .scheme = TOKEN_SIGN_ECDSA, .data = tbs, .len = tbs_len };

	if (sig != NULL && s->digest[0] != '\0' && tbs_len != digest_size(s->digest))
		return provider_raise(
		    s->provider, REASON_USAGE, "what is to be signed is no %s value", s->digest);
	return token_signature_sign(ctx, sig, sig_len, room, &request);
}

static int ecdsa_digest_begin(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
	return ecdsa_begin(ctx, key, params) && token_signature_digest_begin(ctx, mdname);
}

static int ecdsa_digest_sign(void *ctx, unsigned char *sig, size_t *sig_len, size_t room)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	size_t len = sizeof(value);

	if (sig == NULL)
		return ecdsa_sign(ctx, NULL, sig_len, 0, NULL, 0);
	return token_signature_digest_end(ctx, value, &len) &&
	       ecdsa_sign(ctx, sig, sig_len, room, value, len);
}

const OSSL_DISPATCH signature_ecdsa_functions[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))ecdsa_newctx },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))token_signature_free },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))token_signature_dup },
	{ OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))ecdsa_begin },
	{ OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))ecdsa_sign },
	{ OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))ecdsa_begin },
	{ OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))token_signature_verify },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))ecdsa_digest_begin },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))token_signature_digest_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))ecdsa_digest_sign },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))ecdsa_digest_begin },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))token_signature_digest_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))token_signature_digest_verify },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))ecdsa_set_params },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))ecdsa_settable },
	{ OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))ecdsa_get_params },
	{ OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))ecdsa_gettable },
	{ 0, NULL },
};
