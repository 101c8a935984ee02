/* RSA signatures: PKCS#1 v1.5, PSS and raw. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "engine/provider/algorithm_id.h"
#include "engine/provider/key.h"
#include "engine/provider/padding_name.h"
#include "engine/provider/signature.h"

#define SALT_MAX 4096 /* octets, more than any modulus has room for */

static void *rsa_newctx(void *provctx, const char *properties)
{
	(void)properties;
	return token_signature_new(provctx, RSA_PKCS1_PADDING);
}

static const struct {
	const char *name;
	int value;
} salts[] = {
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST },
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX },
	{ OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO },
	{ SALT_NAME_DIGEST_AT_MOST, SALT_DIGEST_AT_MOST },
};
#define SALTS (sizeof(salts) / sizeof(salts[0]))

static int salt_of_name(int *len, const char *name)
{
	char *end;
	long octets;

	for (size_t i = 0; i < SALTS; i++) {
		if (strcmp(name, salts[i].name) == 0) {
			*len = salts[i].value;
			return 1;
		}
	}
	octets = strtol(name, &end, 10);
	if (end == name || *end != '\0' || octets > SALT_MAX || octets < SALT_DIGEST_AT_MOST)
		return 0;
	*len = (int)octets;
	return 1;
}

static int take_salt(struct signature *s, const OSSL_PARAM *p)
{
	int len = 0;
	int ok;

	if (p->data_type == OSSL_PARAM_UTF8_STRING)
		ok = salt_of_name(&len, p->data);
	else
		ok = OSSL_PARAM_get_int(p, &len) && len >= SALT_DIGEST_AT_MOST && len <= SALT_MAX;
	if (ok)
		s->salt_len = len;
	return ok;
}

static int rsa_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct signature *s = ctx;
	const OSSL_PARAM *p;

	if (params == NULL)
		return 1;
	if (!token_signature_take_digest(s, params))
		return 0;
	if (!digest_take(s->mgf1_digest, params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST))
		return provider_raise(s->provider, REASON_USAGE, "an unknown MGF1 digest");
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p != NULL && !padding_name_take(&s->padding, p, PADDING_SIGNS))
		return provider_raise(s->provider, REASON_USAGE, "an unknown RSA padding");
	p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (p != NULL && !take_salt(s, p))
		return provider_raise(s->provider, REASON_USAGE, "an impossible salt length");
	return 1;
}

static const OSSL_PARAM settable[] = {
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
	OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0),
	OSSL_PARAM_END,
};

static const OSSL_PARAM *rsa_settable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return settable;
}

static const char *mgf1_of(const struct signature *s)
{
	return s->mgf1_digest[0] != '\0' ? s->mgf1_digest : s->digest;
}

/* The salt's octets that a signature is made with (RFC 8017 section 9.1.1); negative: none fits. */
static int salt_octets(const struct signature *s)
{
	int size = (int)digest_size(s->digest);
	int most;

	if (s->salt_len >= 0)
		return s->salt_len;
	if (s->salt_len == RSA_PSS_SALTLEN_DIGEST || s->key == NULL)
		return size;
	most = (EVP_PKEY_get_bits(provider_key_public(s->key)) - 1 + 7) / 8 - size - 2;
	return s->salt_len == SALT_DIGEST_AT_MOST && size < most ? size : most;
}

static int put_algorithm(const struct signature *s, OSSL_PARAM *p)
{
	if (s->padding == RSA_PKCS1_PSS_PADDING)
		return algorithm_id_pss(p, s->digest, mgf1_of(s), salt_octets(s));
	return algorithm_id_pkcs1(p, s->digest);
}

static int put_salt(const struct signature *s, OSSL_PARAM *p)
{
	char text[16];

	if (p->data_type == OSSL_PARAM_INTEGER)
		return OSSL_PARAM_set_int(p, s->salt_len);
	for (size_t i = 0; i < SALTS; i++)
		if (salts[i].value == s->salt_len)
			return OSSL_PARAM_set_utf8_string(p, salts[i].name);
	snprintf(text, sizeof(text), "%d", s->salt_len);
	return OSSL_PARAM_set_utf8_string(p, text);
}

static int rsa_get_params(void *ctx, OSSL_PARAM params[])
{
	struct signature *s = ctx;
	OSSL_PARAM *p;

	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
	if (p != NULL && !put_algorithm(s, p))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (p != NULL && !padding_name_put(p, s->padding))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
	if (p != NULL && !OSSL_PARAM_set_utf8_string(p, s->digest))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
	if (p != NULL && !OSSL_PARAM_set_utf8_string(p, mgf1_of(s)))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	return p == NULL || put_salt(s, p);
}

static const OSSL_PARAM *rsa_gettable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static int rsa_begin(void *ctx, void *key, const OSSL_PARAM params[])
{
	return token_signature_begin(ctx, key) && rsa_set_params(ctx, params);
}

static int rsa_sign(void *ctx, unsigned char *sig, size_t *sig_len, size_t room,
    const unsigned char *tbs, size_t tbs_len)
{
	struct signature *s = ctx;
	struct token_sign request = { .data = tbs, .len = tbs_len };
	int salt;

	if (s->digest[0] != '\0')
		request.digest = s->digest;
	switch (s->padding) {
	case RSA_PKCS1_PSS_PADDING:
		/* OpenSSL's own keys would take SHA-1. */
		if (request.digest == NULL)
			return provider_raise(s->provider, REASON_USAGE, "PSS needs a digest");
		salt = salt_octets(s);
		if (salt < 0)
			return provider_raise(s->provider, REASON_USAGE,
			    "the key is too short for PSS with %s", s->digest);
		request.scheme = TOKEN_SIGN_RSA_PSS;
		request.mgf1_digest = mgf1_of(s);
		request.salt_len = (size_t)salt;
		break;
	case RSA_NO_PADDING:
		request.scheme = TOKEN_SIGN_RSA_RAW;
		break;
	default:
		request.scheme = TOKEN_SIGN_RSA_PKCS1;
		break;
	}
	return token_signature_sign(s, sig, sig_len, room, &request);
}

static int rsa_digest_begin(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
	return rsa_begin(ctx, key, params) && token_signature_digest_begin(ctx, mdname);
}

static int rsa_digest_sign(void *ctx, unsigned char *sig, size_t *sig_len, size_t room)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	size_t len = sizeof(value);

	if (sig == NULL)
		return rsa_sign(ctx, NULL, sig_len, 0, NULL, 0);
	return token_signature_digest_end(ctx, value, &len) &&
	       rsa_sign(ctx, sig, sig_len, room, value, len);
}

const OSSL_DISPATCH signature_rsa_functions[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))rsa_newctx },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))token_signature_free },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))token_signature_dup },
	{ OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))rsa_begin },
	{ OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))rsa_sign },
	{ OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))rsa_begin },
	{ OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))token_signature_verify },
	{ OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, (void (*)(void))rsa_begin },
	{ OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, (void (*)(void))token_signature_recover },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))rsa_digest_begin },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))token_signature_digest_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))rsa_digest_sign },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))rsa_digest_begin },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))token_signature_digest_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))token_signature_digest_verify },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))rsa_set_params },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))rsa_settable },
	{ OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))rsa_get_params },
	{ OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))rsa_gettable },
	{ 0, NULL },
};
