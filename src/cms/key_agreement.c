#include "cms/key_agreement.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "cms/asn1_enveloped.h"
#include "cms/content_key.h"

#define SHARED_MAX 128 /* octets of the longest shared secret: P-521 has 66 */

/* Cofactor and standard DH are the same on curves of cofactor 1; on others the unwrapping fails. */
static const struct key_agreement schemes[] = {
	{ NID_dhSinglePass_stdDH_sha1kdf_scheme, "SHA1" },
	{ NID_dhSinglePass_stdDH_sha224kdf_scheme, "SHA224" },
	{ NID_dhSinglePass_stdDH_sha256kdf_scheme, "SHA256" },
	{ NID_dhSinglePass_stdDH_sha384kdf_scheme, "SHA384" },
	{ NID_dhSinglePass_stdDH_sha512kdf_scheme, "SHA512" },
	{ NID_dhSinglePass_cofactorDH_sha1kdf_scheme, "SHA1" },
	{ NID_dhSinglePass_cofactorDH_sha224kdf_scheme, "SHA224" },
	{ NID_dhSinglePass_cofactorDH_sha256kdf_scheme, "SHA256" },
	{ NID_dhSinglePass_cofactorDH_sha384kdf_scheme, "SHA384" },
	{ NID_dhSinglePass_cofactorDH_sha512kdf_scheme, "SHA512" },
};
#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

const struct key_agreement *key_agreement_of(int nid)
{
	for (size_t i = 0; i < SCHEMES; i++) {
		if (schemes[i].nid == nid)
			return &schemes[i];
	}
	return NULL;
}

static int curve_name(char *out, size_t size, EVP_PKEY *key)
{
	size_t len = 0;

	return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, out, size, &len);
}

int key_agreement_curve(EVP_PKEY *key)
{
	char name[80];
	int nid = NID_undef;

	ERR_set_mark();
	if (EVP_PKEY_is_a(key, "EC") && curve_name(name, sizeof(name), key) == 1) {
		nid = OBJ_sn2nid(name);
		if (nid == NID_undef)
			nid = EC_curve_nist2nid(name);
	}
	ERR_pop_to_mark();
	return nid;
}

static EVP_PKEY *public_key(
    EVP_PKEY *like, const unsigned char *point, size_t len, OSSL_LIB_CTX *libctx)
{
	char name[80];
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;

	if (curve_name(name, sizeof(name), like) != 1)
		return NULL;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, len);
	params[2] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(libctx, "EC", NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int check_public(EVP_PKEY *key, OSSL_LIB_CTX *libctx)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	int good = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

int key_agreement_peer(
    EVP_PKEY **out, EVP_PKEY *key, const unsigned char *point, size_t len, struct cms_env *env)
{
	EVP_PKEY *peer;
	int status = 0;

	ERR_set_mark();
	peer = public_key(key, point, len, env->libctx);
	if (peer == NULL || !check_public(peer, env->libctx)) {
		EVP_PKEY_free(peer);
		peer = NULL;
		status = content_key_refuse(env);
	}
	ERR_pop_to_mark();
	*out = peer;
	return status;
}

/* The point is checked already: no second, slower check. */
static int shared_secret(struct secret *z, EVP_PKEY *key, EVP_PKEY *peer, struct cms_env *env)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(env->libctx, key, NULL);
	size_t len = SHARED_MAX;
	int status = 0;

	if (ctx == NULL || EVP_PKEY_derive_init(ctx) <= 0) {
		status = error_openssl(env->err, HSMIME_EUNSUPPORTED, "key agreement");
		goto out;
	}
	ERR_set_mark();
	if (EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) <= 0)
		status = content_key_refuse(env);
	ERR_pop_to_mark();
	if (status != 0)
		goto out;
	if (secret_new(z, SHARED_MAX) != 0)
		status = error_nomem(env->err);
	else if (EVP_PKEY_derive(ctx, z->data, &len) <= 0)
		status =
		    error_openssl(env->err, HSMIME_ETOKEN, "the token could not agree on a key");
	else
		z->len = len;
out:
	EVP_PKEY_CTX_free(ctx);
	return status;
}

static int shared_info(unsigned char **der, const struct key_agreement_terms *terms)
{
	uint32_t bits = (uint32_t)terms->wrap->key_len * 8;
	unsigned char length[4] = { bits >> 24 & 0xff, bits >> 16 & 0xff, bits >> 8 & 0xff,
		bits & 0xff };
	ASN1_OCTET_STRING *public_info = ASN1_OCTET_STRING_new();
	ENV_SHARED_INFO info = { terms->wrap_algorithm, terms->ukm, public_info };
	int len = -1;

	*der = NULL;
	if (public_info != NULL && ASN1_OCTET_STRING_set(public_info, length, sizeof(length)) == 1)
		len = i2d_ENV_SHARED_INFO(&info, der);
	ASN1_OCTET_STRING_free(public_info);
	return len;
}

static int kdf(struct secret *kek, const struct secret *z, const struct key_agreement_terms *terms,
    struct cms_env *env)
{
	unsigned char *info = NULL;
	int info_len = shared_info(&info, terms);
	EVP_KDF *fetched = EVP_KDF_fetch(env->libctx, OSSL_KDF_NAME_X963KDF, NULL);
	EVP_KDF_CTX *ctx = fetched == NULL ? NULL : EVP_KDF_CTX_new(fetched);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_KDF_PARAM_DIGEST, (char *)terms->scheme->digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, z->data, z->len),
		OSSL_PARAM_construct_octet_string(
		    OSSL_KDF_PARAM_INFO, info, info_len < 0 ? 0 : (size_t)info_len),
		OSSL_PARAM_construct_end(),
	};
	int status = 0;

	if (info_len <= 0 || ctx == NULL ||
	    EVP_KDF_derive(ctx, kek->data, terms->wrap->key_len, params) <= 0)
		status = error_openssl(env->err, HSMIME_EINTERNAL, "key derivation");
	else
		kek->len = terms->wrap->key_len;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(fetched);
	OPENSSL_free(info);
	return status;
}

int key_agreement_derive(struct secret *kek, EVP_PKEY *key, EVP_PKEY *peer,
    const struct key_agreement_terms *terms, struct cms_env *env)
{
	struct secret z = { 0 };
	int status;

	memset(kek, 0, sizeof(*kek));
	status = shared_secret(&z, key, peer, env);
	if (status == 0 && secret_new(kek, terms->wrap->key_len) != 0)
		status = error_nomem(env->err);
	if (status == 0)
		status = kdf(kek, &z, terms, env);
	if (status != 0)
		secret_free(kek);
	secret_free(&z);
	return status;
}
