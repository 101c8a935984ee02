#include "cms/key_wrap.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cms/algorithm_digest.h"
#include "cms/asn1_enveloped.h"
#include "cms/content_key.h"

static const struct key_wrap wraps[] = {
	{ NID_id_aes128_wrap, "AES-128-WRAP", 16 },
	{ NID_id_aes192_wrap, "AES-192-WRAP", 24 },
	{ NID_id_aes256_wrap, "AES-256-WRAP", 32 },
	{ NID_id_smime_alg_CMS3DESwrap, "DES3-WRAP", 24 },
};
#define WRAPS (sizeof(wraps) / sizeof(wraps[0]))

int key_wrap_of(const struct key_wrap **out, const X509_ALGOR *algorithm)
{
	int nid = OBJ_obj2nid(algorithm->algorithm);

	*out = NULL;
	for (size_t i = 0; i < WRAPS; i++) {
		if (wraps[i].nid == nid)
			*out = &wraps[i];
	}
	if (*out == NULL)
		return HSMIME_EUNSUPPORTED;
	return algorithm_is_plain(algorithm) ? 0 : HSMIME_EFORMAT;
}

const struct key_wrap *key_wrap_aes(size_t key_len)
{
	for (size_t i = 0; i < WRAPS; i++) {
		if (wraps[i].key_len == key_len && wraps[i].nid != NID_id_smime_alg_CMS3DESwrap)
			return &wraps[i];
	}
	return NULL;
}

static EVP_CIPHER_CTX *start(
    const struct key_wrap *wrap, const struct secret *kek, int encrypt, struct cms_env *env)
{
	EVP_CIPHER *evp = EVP_CIPHER_fetch(env->libctx, wrap->evp, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (evp == NULL || ctx == NULL || kek->len != wrap->key_len ||
	    EVP_CipherInit_ex2(ctx, evp, kek->data, NULL, encrypt, NULL) != 1) {
		error_openssl(env->err, HSMIME_EINTERNAL, wrap->evp);
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(evp);
	return ctx;
}

static int unwrap(EVP_CIPHER_CTX *ctx, struct secret *out, const unsigned char *data, size_t len)
{
	int have = 0;
	int rest = 0;
	int good;

	ERR_set_mark();
	good = EVP_DecryptUpdate(ctx, out->data, &have, data, (int)len) == 1 && have >= 0 &&
	       EVP_DecryptFinal_ex(ctx, out->data + have, &rest) == 1;
	ERR_pop_to_mark();
	out->len = good ? (size_t)(have + rest) : 0;
	return good;
}

int key_wrap_open(struct secret *out, const struct key_wrap *wrap, const struct secret *kek,
    const unsigned char *data, size_t len, size_t key_len, struct cms_env *env)
{
	EVP_CIPHER_CTX *ctx = NULL;
	int status;

	memset(out, 0, sizeof(*out));
	if (len == 0 || len > KEY_WRAP_MAX)
		return content_key_refuse(env);
	if (secret_new(out, 2 * (size_t)KEY_WRAP_MAX) != 0)
		return error_nomem(env->err);
	ctx = start(wrap, kek, 0, env);
	if (ctx == NULL)
		status = HSMIME_EINTERNAL;
	else if (!unwrap(ctx, out, data, len) || out->len != key_len)
		status = content_key_refuse(env);
	else
		status = 0;
	if (status != 0)
		secret_free(out);
	EVP_CIPHER_CTX_free(ctx);
	return status;
}

int key_wrap_seal(ASN1_OCTET_STRING *out, const struct key_wrap *wrap, const struct secret *kek,
    const struct secret *key, struct cms_env *env)
{
	unsigned char wrapped[2 * KEY_WRAP_MAX];
	EVP_CIPHER_CTX *ctx = start(wrap, kek, 1, env);
	int len = 0;
	int rest = 0;
	int status = 0;

	if (ctx == NULL)
		return HSMIME_EINTERNAL;
	if (key->len > KEY_WRAP_MAX / 2 ||
	    EVP_EncryptUpdate(ctx, wrapped, &len, key->data, (int)key->len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, wrapped + len, &rest) != 1 ||
	    ASN1_OCTET_STRING_set(out, wrapped, len + rest) != 1)
		status = error_openssl(env->err, HSMIME_EINTERNAL, wrap->evp);
	EVP_CIPHER_CTX_free(ctx);
	return status;
}
