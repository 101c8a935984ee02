/* RSA decryption on the token (PKCS#1 v1.5, OAEP, raw), encryption by the public part in software. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "engine/crypto.h"
#include "engine/provider/digest.h"
#include "engine/provider/key.h"
#include "engine/provider/padding_name.h"
#include "engine/provider/tls_premaster.h"
#include "util/secret.h"

struct cipher {
	struct provider *provider;
	struct provider_key *key;
	int padding; /* RSA_*_PADDING */
	char digest[DIGEST_NAME_SIZE];
	char mgf1_digest[DIGEST_NAME_SIZE];
	unsigned char *label;
	size_t label_len;
	struct secret substitute;
	struct tls_versions tls; /* of RSA_PKCS1_WITH_TLS_PADDING */
};

static void *cipher_newctx(void *provctx)
{
	struct cipher *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		provider_nomem(provctx);
		return NULL;
	}
	c->provider = provctx;
	c->padding = RSA_PKCS1_PADDING;
	memcpy(c->digest, "SHA1", sizeof("SHA1"));
	return c;
}

static void cipher_freectx(void *ctx)
{
	struct cipher *c = ctx;

	if (c == NULL)
		return;
	provider_key_free(c->key);
	free(c->label);
	secret_free(&c->substitute);
	free(c);
}

static void *cipher_dupctx(void *ctx)
{
	struct cipher *c = ctx;
	struct cipher *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		provider_nomem(c->provider);
		return NULL;
	}
	*copy = *c;
	copy->key = c->key != NULL ? provider_key_up_ref(c->key) : NULL;
	copy->label = c->label != NULL ? malloc(c->label_len + 1) : NULL;
	copy->substitute = (struct secret){ 0 };
	if ((c->key != NULL && copy->key == NULL) || (c->label != NULL && copy->label == NULL) ||
	    (c->substitute.data != NULL && secret_copy(&copy->substitute, &c->substitute) != 0)) {
		cipher_freectx(copy);
		provider_nomem(c->provider);
		return NULL;
	}
	if (c->label != NULL)
		memcpy(copy->label, c->label, c->label_len);
	return copy;
}

static int take_label(struct cipher *c, const OSSL_PARAM *p)
{
	void *label = NULL;
	size_t len = 0;

	if (!OSSL_PARAM_get_octet_string(p, &label, 0, &len))
		return 0;
	free(c->label);
	c->label = malloc(len + 1);
	c->label_len = c->label != NULL ? len : 0;
	if (c->label != NULL && len > 0)
		memcpy(c->label, label, len);
	OPENSSL_free(label);
	return c->label != NULL ? 1 : provider_nomem(c->provider);
}

static int take_substitute(struct cipher *c, const OSSL_PARAM *p)
{
	if (p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size == 0)
		return 0;
	secret_free(&c->substitute);
	if (secret_new(&c->substitute, p->data_size) != 0)
		return provider_nomem(c->provider);
	memcpy(c->substitute.data, p->data, p->data_size);
	c->substitute.len = p->data_size;
	return 1;
}

static int take_digests(struct cipher *c, const OSSL_PARAM params[])
{
	char digest[DIGEST_NAME_SIZE];

	memcpy(digest, c->digest, sizeof(digest));
	if (!digest_take(digest, params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST) || digest[0] == '\0' ||
	    !digest_take(c->mgf1_digest, params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST))
		return 0;
	memcpy(c->digest, digest, sizeof(digest));
	return 1;
}

static int take_versions(struct tls_versions *v, const OSSL_PARAM params[])
{
	const OSSL_PARAM *client =
	    OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
	const OSSL_PARAM *negotiated =
	    OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);

	return (client == NULL || OSSL_PARAM_get_uint(client, &v->client)) &&
	       (negotiated == NULL || OSSL_PARAM_get_uint(negotiated, &v->negotiated));
}

static int cipher_set_params(void *ctx, const OSSL_PARAM params[])
{
	struct cipher *c = ctx;
	const OSSL_PARAM *p;

	if (params == NULL)
		return 1;
	if (!take_digests(c, params))
		return provider_raise(c->provider, REASON_USAGE, "an unknown digest for OAEP");
	p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);
	if (p != NULL && !padding_name_take(&c->padding, p, PADDING_ENCRYPTS))
		return provider_raise(c->provider, REASON_USAGE, "an unknown RSA padding");
	p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
	if ((p != NULL && !take_label(c, p)) || !take_versions(&c->tls, params))
		return 0;
	p = OSSL_PARAM_locate_const(params, PROVIDER_PARAM_SUBSTITUTE);
	return p == NULL || take_substitute(c, p);
}

static const OSSL_PARAM *cipher_settable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
		OSSL_PARAM_octet_string(PROVIDER_PARAM_SUBSTITUTE, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static const char *mgf1_of(const struct cipher *c)
{
	return c->mgf1_digest[0] != '\0' ? c->mgf1_digest : c->digest;
}

static int cipher_get_params(void *ctx, OSSL_PARAM params[])
{
	struct cipher *c = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);

	if (p != NULL && !padding_name_put(p, c->padding))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
	if (p != NULL && !OSSL_PARAM_set_utf8_string(p, c->digest))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
	if (p != NULL && !OSSL_PARAM_set_utf8_string(p, mgf1_of(c)))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
	return p == NULL || OSSL_PARAM_set_octet_ptr(p, c->label, c->label_len);
}

static const OSSL_PARAM *cipher_gettable(void *ctx, void *provctx)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_octet_ptr(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)ctx;
	(void)provctx;
	return params;
}

static int cipher_begin(void *ctx, void *key, const OSSL_PARAM params[])
{
	struct cipher *c = ctx;
	struct provider_key *copy = key != NULL ? provider_key_up_ref(key) : NULL;

	if (copy == NULL)
		return 0;
	provider_key_free(c->key);
	c->key = copy;
	return cipher_set_params(c, params);
}

static bool encrypt_params(EVP_PKEY_CTX *ctx, const struct cipher *c)
{
	if (c->padding == RSA_PKCS1_OAEP_PADDING)
		return crypto_set_oaep(ctx, c->digest, mgf1_of(c), c->label, c->label_len);
	return EVP_PKEY_CTX_set_rsa_padding(ctx, c->padding) == 1;
}

static int cipher_encrypt(void *arg, unsigned char *out, size_t *out_len, size_t room,
    const unsigned char *in, size_t in_len)
{
	struct cipher *c = arg;
	EVP_PKEY *key = c->key != NULL ? provider_key_public(c->key) : NULL;
	EVP_PKEY_CTX *ctx =
	    key != NULL ? EVP_PKEY_CTX_new_from_pkey(crypto_context(), key, CRYPTO_SOFTWARE) : NULL;
	int ok;

	*out_len = room;
	ok = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && encrypt_params(ctx, c) &&
	     EVP_PKEY_encrypt(ctx, out, out_len, in, in_len) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static enum token_decrypt_scheme scheme_of(const struct cipher *c)
{
	if (c->padding == RSA_PKCS1_OAEP_PADDING)
		return TOKEN_DECRYPT_RSA_OAEP;
	return c->padding == RSA_NO_PADDING ? TOKEN_DECRYPT_RSA_RAW : TOKEN_DECRYPT_RSA_PKCS1;
}

/* A caller's buffer may be as small as the plaintext: the token's answer goes to one of ours first. */
static int decrypt_into(struct cipher *c, unsigned char *out, size_t *out_len, size_t room,
    const struct token_decrypt *request)
{
	struct error err = { 0 };
	struct secret plain;
	size_t len = token_key_size(c->key->token);
	int status;

	if (secret_new(&plain, len) != 0)
		return provider_nomem(c->provider);
	/* A module that uses OpenSSL leaves the reason of a failure there, which must not be told. */
	ERR_set_mark();
	status = token_key_decrypt(c->key->token, plain.data, &len, request, &err);
	ERR_pop_to_mark();
	if (status == 0 && len > room)
		status = error_set(&err, HSMIME_EUSAGE, "the buffer is too small");
	if (status == 0) {
		memcpy(out, plain.data, len);
		*out_len = len;
	}
	secret_free(&plain);
	return status == 0 ? 1 : provider_fail(c->provider, status, &err);
}

static int decrypt_premaster(struct cipher *c, unsigned char *out, size_t *out_len, size_t room,
    const unsigned char *in, size_t in_len)
{
	struct error err = { 0 };
	int status;

	*out_len = TLS_PREMASTER_SIZE;
	if (out == NULL)
		return 1;
	if (room < TLS_PREMASTER_SIZE || c->tls.client == 0)
		return provider_raise(c->provider, REASON_USAGE,
		    "a premaster secret needs a buffer of %d octets and the client's version",
		    TLS_PREMASTER_SIZE);
	/* As in decrypt_into. */
	ERR_set_mark();
	status = tls_premaster_decrypt(out, c->key->token, in, in_len, &c->tls, &err);
	ERR_pop_to_mark();
	return status == 0 ? 1 : provider_fail(c->provider, status, &err);
}

static int cipher_decrypt(void *ctx, unsigned char *out, size_t *out_len, size_t room,
    const unsigned char *in, size_t in_len)
{
	struct cipher *c = ctx;
	struct token_decrypt request = {
		.scheme = scheme_of(c),
		.digest = c->digest,
		.mgf1_digest = mgf1_of(c),
		.label = c->label,
		.label_len = c->label_len,
		.data = in,
		.len = in_len,
		.substitute = c->substitute.data,
		.substitute_len = c->substitute.len,
	};

	if (c->key == NULL || c->key->token == NULL)
		return provider_raise(c->provider, REASON_USAGE, "no private key");
	if (c->padding == RSA_PKCS1_WITH_TLS_PADDING)
		return decrypt_premaster(c, out, out_len, room, in, in_len);
	if (out == NULL) {
		*out_len = token_key_size(c->key->token);
		return 1;
	}
	return decrypt_into(c, out, out_len, room, &request);
}

const OSSL_DISPATCH asym_cipher_rsa_functions[] = {
	{ OSSL_FUNC_ASYM_CIPHER_NEWCTX, (void (*)(void))cipher_newctx },
	{ OSSL_FUNC_ASYM_CIPHER_FREECTX, (void (*)(void))cipher_freectx },
	{ OSSL_FUNC_ASYM_CIPHER_DUPCTX, (void (*)(void))cipher_dupctx },
	{ OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, (void (*)(void))cipher_begin },
	{ OSSL_FUNC_ASYM_CIPHER_ENCRYPT, (void (*)(void))cipher_encrypt },
	{ OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (void (*)(void))cipher_begin },
	{ OSSL_FUNC_ASYM_CIPHER_DECRYPT, (void (*)(void))cipher_decrypt },
	{ OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, (void (*)(void))cipher_set_params },
	{ OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))cipher_settable },
	{ OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, (void (*)(void))cipher_get_params },
	{ OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))cipher_gettable },
	{ 0, NULL },
};
