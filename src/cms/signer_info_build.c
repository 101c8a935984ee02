#include "cms/signer_info_build.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include <hsmime/result.h>

#include "cms/attributes.h"
#include "cms/signer_certificate.h"
#include "util/name.h"

static int find_kind(
    struct signature_algorithm *s, const struct signed_write *request, struct cms_env *env)
{
	bool rsa = signature_fits(SIGNATURE_RSA, request->key);

	s->kind = request->pss ? SIGNATURE_PSS : rsa ? SIGNATURE_RSA : SIGNATURE_ECDSA;
	if (signature_fits(s->kind, request->key))
		return 0;
	if (!request->pss && signature_fits(SIGNATURE_PSS, request->key)) {
		error_set(env->err, HSMIME_EUSAGE, "the key is for RSA-PSS only");
		return error_hint(env->err, "ask for RSA-PSS signatures");
	}
	if (request->pss)
		return error_set(env->err, HSMIME_EUSAGE,
		    "RSA-PSS needs an RSA key, and this is %s",
		    EVP_PKEY_get0_type_name(request->key));
	return error_set(env->err, HSMIME_EUNSUPPORTED, "signing with %s keys is not supported",
	    EVP_PKEY_get0_type_name(request->key));
}

static int find_digest(struct signature_algorithm *s, const char *name, struct cms_env *env)
{
	s->digest = name == NULL ? digest_by_nid(NID_sha256) : digest_by_name(name);
	s->mgf = s->digest;
	if (s->digest == NULL)
		return error_set(env->err, HSMIME_EUSAGE, "there is no digest algorithm %s", name);
	s->salt = (int)s->digest->size;
	if (s->digest->sign)
		return 0;
	error_set(env->err, HSMIME_EPOLICY, "%s is too weak for a new signature", s->digest->name);
	return error_hint(env->err, "use sha256, sha384 or sha512");
}

/* RFC 8017 sections 9.1.1 and 9.2: digest, salt and frame fit into the modulus. */
static int check_room(const struct signature_algorithm *s, const EVP_PKEY *key, struct cms_env *env)
{
	size_t room = (size_t)EVP_PKEY_get_size(key);
	size_t frame = s->kind == SIGNATURE_PSS ? s->digest->size + 3 : 11 + 19;

	if (s->kind == SIGNATURE_ECDSA || room >= s->digest->size + frame)
		return 0;
	return error_set(env->err, HSMIME_EUNSUPPORTED,
	    "the key of %d bits is too short for %s with %s", EVP_PKEY_get_bits(key),
	    signature_kind_name(s->kind), s->digest->name);
}

int signer_scheme(
    struct signature_algorithm *out, const struct signed_write *request, struct cms_env *env)
{
	EVP_PKEY *public_key = X509_get0_pubkey(request->certificate);
	int status = 0;

	memset(out, 0, sizeof(*out));
	status = find_kind(out, request, env);
	if (status == 0)
		status = find_digest(out, request->digest, env);
	if (status == 0)
		status = check_room(out, request->key, env);
	if (status == 0 && (public_key == NULL || EVP_PKEY_eq(public_key, request->key) != 1))
		status = error_set(
		    env->err, HSMIME_ENOKEY, "the certificate does not belong to the private key");
	return status;
}

static int fill_attributes(SIGNER_INFO *info, const struct signed_write *request,
    const struct signature_algorithm *scheme, struct cms_env *env)
{
	static const unsigned char zero[DIGEST_MAX_SIZE];
	bool now = request->signing_time == HSMIME_NO_TIME;
	struct attributes_write w = { .content_type = cms_type_oid(CMS_DATA),
		.signing_time = now ? (int64_t)time(NULL) : request->signing_time,
		.message_digest = zero,
		.message_digest_len = scheme->digest->size,
		.certificate = request->certificate,
		.certificate_digest = scheme->digest,
		.oaep = signature_fits(SIGNATURE_RSA, request->key) };
	int status = attributes_new(&info->attributes, &w, env->libctx);

	if (status == HSMIME_EUSAGE)
		return error_set(env->err, status, "the signing time is out of range");
	return status == HSMIME_ENOMEM ? error_nomem(env->err) : status;
}

/* RFC 5754 section 2: a digest's parameters are left out. */
static int fill_algorithms(
    SIGNER_INFO *info, const struct signature_algorithm *scheme, struct cms_env *env)
{
	int status = signature_to_algorithm(info->algorithm, scheme);

	if (status == HSMIME_EUNSUPPORTED)
		return error_set(env->err, status, "%s with %s is not supported",
		    signature_kind_name(scheme->kind), scheme->digest->name);
	if (status != 0 || !ASN1_INTEGER_set(info->version, 1) ||
	    !X509_ALGOR_set0(info->digest, OBJ_nid2obj(scheme->digest->nid), V_ASN1_UNDEF, NULL))
		return error_nomem(env->err);
	return 0;
}

int signer_info_new(SIGNER_INFO **out, const struct signed_write *request,
    const struct signature_algorithm *scheme, struct cms_env *env)
{
	SIGNER_INFO *info = SIGNER_INFO_new();
	int size = EVP_PKEY_get_size(request->key);
	int status = 0;

	*out = NULL;
	if (info == NULL)
		return error_nomem(env->err);
	if (signer_certificate_set_id(info->sid, request->certificate) != 0 ||
	    !ASN1_STRING_set(info->signature, NULL, size))
		status = error_nomem(env->err);
	if (status == 0)
		status = fill_algorithms(info, scheme, env);
	if (status == 0)
		status = fill_attributes(info, request, scheme, env);
	if (status == 0)
		*out = info;
	else
		SIGNER_INFO_free(info);
	return status;
}

struct signed_octets {
	const unsigned char *data;
	size_t len;
};

static int digest_attributes(unsigned char *out, unsigned *out_len, const SIGNER_INFO *info,
    const struct digest_algorithm *digest, OSSL_LIB_CTX *libctx)
{
	EVP_MD *md = EVP_MD_fetch(libctx, digest->fetch, NULL);
	unsigned char *der = NULL;
	int len = attributes_encode(&der, info->attributes, true);
	bool ok =
	    md != NULL && len > 0 && EVP_Digest(der, (size_t)len, out, out_len, md, NULL) == 1;

	OPENSSL_free(der);
	EVP_MD_free(md);
	return ok ? 0 : HSMIME_ENOMEM;
}

/* A fault in the token, or a key that is not the certificate's, would leave with the signature. */
static int verify_own(const struct signed_write *request, const struct signature_algorithm *scheme,
    const struct signed_octets *value, const struct signed_octets *signature, struct cms_env *env)
{
	char *subject = NULL;

	if (signature_verify(scheme, X509_get0_pubkey(request->certificate), env->libctx,
		value->data, value->len, signature->data, signature->len))
		return 0;
	error_forget();
	subject = name_text(X509_get_subject_name(request->certificate));
	error_set(env->err, HSMIME_ETOKEN,
	    "the token's signature does not verify with the certificate of %s",
	    subject != NULL ? subject : "the signer");
	free(subject);
	return error_hint(env->err,
	    "the certificate may be another key's with the same ID: choose the key with -k; if it "
	    "is the right one, the token computes wrong signatures");
}

int signer_info_sign(SIGNER_INFO *info, const struct signed_write *request,
    const struct signature_algorithm *scheme, const unsigned char *digest, struct cms_env *env)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned value_len = 0;
	unsigned char *signature = NULL;
	size_t len = 0;
	int status = attributes_set_digest(info->attributes, digest, scheme->digest->size);

	if (status == 0)
		status = digest_attributes(value, &value_len, info, scheme->digest, env->libctx);
	if (status != 0)
		return error_nomem(env->err);
	status =
	    signature_make(&signature, &len, scheme, request->key, env->libctx, value, value_len);
	if (status == HSMIME_ENOMEM)
		return error_nomem(env->err);
	if (status != 0)
		return error_openssl(env->err, status, "the private key did not sign");
	status = verify_own(request, scheme, &(struct signed_octets){ value, value_len },
	    &(struct signed_octets){ signature, len }, env);
	if (status != 0) {
		OPENSSL_free(signature);
		return status;
	}
	ASN1_STRING_set0(info->signature, signature, (int)len);
	return 0;
}
