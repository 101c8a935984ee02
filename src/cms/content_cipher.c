#include "cms/content_cipher.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "cms/asn1_enveloped.h"
#include "cms/asn1_item.h"

#define GCM_NONCE 12 /* RFC 5084 section 3.2 */
#define GCM_ICV_DEFAULT 12

/* clang-format off */
static const struct content_cipher ciphers[] = {
	{ "aes-128-cbc", "AES-128-CBC", "AES-128-CBC",  16, 16, NID_aes_128_cbc, false },
	{ "aes-256-cbc", "AES-256-CBC", "AES-256-CBC",  32, 16, NID_aes_256_cbc, false },
	{ "aes-128-gcm", "AES-128-GCM", "AES-128-GCM",  16,  1, NID_aes_128_gcm, true },
	{ "aes-256-gcm", "AES-256-GCM", "AES-256-GCM",  32,  1, NID_aes_256_gcm, true },
	{ NULL,          "AES-192-CBC", "AES-192-CBC",  24, 16, NID_aes_192_cbc, false },
	{ NULL,          "AES-192-GCM", "AES-192-GCM",  24,  1, NID_aes_192_gcm, true },
	{ NULL,          "3DES-CBC",    "DES-EDE3-CBC", 24,  8, NID_des_ede3_cbc, false },
};
/* clang-format on */
#define CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

const struct content_cipher *content_cipher_by_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < CIPHERS; i++) {
		if (ciphers[i].name != NULL && strcmp(ciphers[i].name, name) == 0)
			return &ciphers[i];
	}
	return NULL;
}

const struct content_cipher *content_cipher_by_nid(int nid)
{
	for (size_t i = 0; i < CIPHERS; i++) {
		if (ciphers[i].nid == nid)
			return &ciphers[i];
	}
	return NULL;
}

static int take_iv(struct content_params *p, const ASN1_OCTET_STRING *iv)
{
	size_t len = (size_t)ASN1_STRING_length(iv);

	if (len == 0 || len > sizeof(p->iv))
		return HSMIME_EFORMAT;
	memcpy(p->iv, ASN1_STRING_get0_data(iv), len);
	p->iv_len = len;
	return 0;
}

static int read_cbc(
    struct content_params *p, const struct content_cipher *cipher, const ASN1_TYPE *parameter)
{
	if (parameter == NULL || parameter->type != V_ASN1_OCTET_STRING)
		return HSMIME_EFORMAT;
	if (ASN1_STRING_length(parameter->value.octet_string) != (int)cipher->block)
		return HSMIME_EFORMAT;
	p->tag_len = 0;
	return take_iv(p, parameter->value.octet_string);
}

static int read_gcm(struct content_params *p, const ASN1_TYPE *parameter)
{
	ENV_GCM_PARAMS *gcm = asn1_decode_any(ASN1_ITEM_rptr(ENV_GCM_PARAMS), parameter);
	int64_t tag_len = GCM_ICV_DEFAULT;
	int status = HSMIME_EFORMAT;

	if (gcm == NULL)
		return status;
	if (gcm->icv_len != NULL && ASN1_INTEGER_get_int64(&tag_len, gcm->icv_len) != 1)
		goto out;
	if (tag_len < CONTENT_TAG_MIN || tag_len > CONTENT_TAG_MAX)
		goto out;
	p->tag_len = (size_t)tag_len;
	status = take_iv(p, gcm->nonce);
out:
	ENV_GCM_PARAMS_free(gcm);
	return status;
}

int content_params_read(
    struct content_params *p, const struct content_cipher *cipher, const X509_ALGOR *algorithm)
{
	if (cipher->authenticated)
		return read_gcm(p, algorithm->parameter);
	return read_cbc(p, cipher, algorithm->parameter);
}

int content_params_make(
    struct content_params *p, const struct content_cipher *cipher, OSSL_LIB_CTX *libctx)
{
	p->iv_len = cipher->authenticated ? GCM_NONCE : cipher->block;
	p->tag_len = cipher->authenticated ? CONTENT_TAG_MAX : 0;
	return RAND_bytes_ex(libctx, p->iv, p->iv_len, 0) == 1 ? 0 : HSMIME_EINTERNAL;
}

static ASN1_TYPE *octet_string_any(const struct content_params *p)
{
	ASN1_OCTET_STRING *iv = ASN1_OCTET_STRING_new();
	ASN1_TYPE *any = ASN1_TYPE_new();

	if (iv == NULL || any == NULL || ASN1_OCTET_STRING_set(iv, p->iv, (int)p->iv_len) != 1) {
		ASN1_OCTET_STRING_free(iv);
		ASN1_TYPE_free(any);
		return NULL;
	}
	ASN1_TYPE_set(any, V_ASN1_OCTET_STRING, iv);
	return any;
}

static ASN1_TYPE *gcm_any(const struct content_params *p)
{
	ENV_GCM_PARAMS *gcm = ENV_GCM_PARAMS_new();
	ASN1_TYPE *any = NULL;

	if (gcm == NULL || (gcm->icv_len = ASN1_INTEGER_new()) == NULL)
		goto out;
	if (ASN1_OCTET_STRING_set(gcm->nonce, p->iv, (int)p->iv_len) != 1)
		goto out;
	if (ASN1_INTEGER_set(gcm->icv_len, (long)p->tag_len) != 1)
		goto out;
	any = asn1_encode_any(ASN1_ITEM_rptr(ENV_GCM_PARAMS), gcm);
out:
	ENV_GCM_PARAMS_free(gcm);
	return any;
}

X509_ALGOR *content_params_write(
    const struct content_cipher *cipher, const struct content_params *p)
{
	ASN1_TYPE *parameter = cipher->authenticated ? gcm_any(p) : octet_string_any(p);
	X509_ALGOR *algorithm = parameter == NULL ? NULL : X509_ALGOR_new();

	if (algorithm == NULL) {
		ASN1_TYPE_free(parameter);
		return NULL;
	}
	algorithm->algorithm = OBJ_nid2obj(cipher->nid);
	algorithm->parameter = parameter;
	return algorithm;
}

static int init(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *evp, const struct content_cipher *cipher,
    const struct content_params *p, const unsigned char *key, int encrypt)
{
	if (EVP_CipherInit_ex2(ctx, evp, NULL, NULL, encrypt, NULL) != 1)
		return 0;
	if (cipher->authenticated &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)p->iv_len, NULL) != 1)
		return 0;
	if (EVP_CipherInit_ex2(ctx, NULL, key, p->iv, encrypt, NULL) != 1)
		return 0;
	return encrypt || EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
}

int content_cipher_start(EVP_CIPHER_CTX **ctx, const struct content_cipher *cipher,
    const struct content_params *p, const struct secret *key, bool encrypt, struct cms_env *env)
{
	EVP_CIPHER *evp = EVP_CIPHER_fetch(env->libctx, cipher->evp, NULL);
	int status = 0;

	*ctx = EVP_CIPHER_CTX_new();
	if (evp == NULL || *ctx == NULL || key->len != cipher->key_len ||
	    init(*ctx, evp, cipher, p, key->data, encrypt) != 1) {
		status = error_openssl(env->err, HSMIME_EINTERNAL, cipher->label);
		EVP_CIPHER_CTX_free(*ctx);
		*ctx = NULL;
	}
	EVP_CIPHER_free(evp);
	return status;
}
