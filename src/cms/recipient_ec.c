#include "cms/recipient_ec.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cms/algorithm_digest.h"
#include "cms/asn1_item.h"
#include "cms/content_key.h"
#include "cms/key_agreement.h"
#include "cms/key_wrap.h"

#define AGREE_VERSION 3 /* RFC 5652 section 6.2.2 */
#define POINT_MAX 256

/* The message's part of the terms; wrap_algorithm is the caller's to free. */
static int read_terms(struct key_agreement_terms *terms, const ENV_KEY_AGREE *info)
{
	int status;

	memset(terms, 0, sizeof(*terms));
	terms->ukm = info->ukm;
	terms->scheme = key_agreement_of(OBJ_obj2nid(info->algorithm->algorithm));
	if (terms->scheme == NULL)
		return HSMIME_EUNSUPPORTED;
	terms->wrap_algorithm =
	    asn1_decode_any(ASN1_ITEM_rptr(X509_ALGOR), info->algorithm->parameter);
	if (terms->wrap_algorithm == NULL)
		return HSMIME_EFORMAT;
	status = key_wrap_of(&terms->wrap, terms->wrap_algorithm);
	if (status != 0) {
		X509_ALGOR_free(terms->wrap_algorithm);
		terms->wrap_algorithm = NULL;
	}
	return status;
}

/* RFC 5753 section 3.1.1: parameters absent, NULL or ECParameters, of which a named curve is supported. */
static int check_originator(const ENV_ORIGINATOR *originator)
{
	const ENV_ORIGINATOR_KEY *key;

	if (originator->type != ORIGINATOR_KEY)
		return HSMIME_EUNSUPPORTED;
	key = originator->d.key;
	if (OBJ_obj2nid(key->algorithm->algorithm) != NID_X9_62_id_ecPublicKey)
		return HSMIME_EUNSUPPORTED;
	if (algorithm_is_plain(key->algorithm) || key->algorithm->parameter->type == V_ASN1_OBJECT)
		return (key->public_key->flags & 7) == 0 ? 0 : HSMIME_EFORMAT;
	return key->algorithm->parameter->type == V_ASN1_SEQUENCE ? HSMIME_EUNSUPPORTED
								  : HSMIME_EFORMAT;
}

int recipient_ec_check(const ENV_KEY_AGREE *info)
{
	struct key_agreement_terms terms;
	int status = read_terms(&terms, info);

	X509_ALGOR_free(terms.wrap_algorithm);
	return status != 0 ? status : check_originator(info->originator);
}

static int originator_point(
    EVP_PKEY **peer, EVP_PKEY *key, const ENV_ORIGINATOR_KEY *originator, struct cms_env *env)
{
	const ASN1_TYPE *curve = originator->algorithm->parameter;
	const ASN1_BIT_STRING *point = originator->public_key;

	*peer = NULL;
	if (curve != NULL && curve->type == V_ASN1_OBJECT &&
	    OBJ_obj2nid(curve->value.object) != key_agreement_curve(key))
		return content_key_refuse(env);
	return key_agreement_peer(
	    peer, key, ASN1_STRING_get0_data(point), (size_t)ASN1_STRING_length(point), env);
}

static int unwrap(struct secret *out, const struct key_agreement_terms *terms,
    const struct secret *kek, const ENV_ENCRYPTED_KEY *key, size_t key_len, struct cms_env *env)
{
	return key_wrap_open(out, terms->wrap, kek, ASN1_STRING_get0_data(key->encrypted_key),
	    (size_t)ASN1_STRING_length(key->encrypted_key), key_len, env);
}

int recipient_ec_decrypt(struct secret *out, EVP_PKEY *key, const ENV_KEY_AGREE *info, size_t index,
    size_t key_len, struct cms_env *env)
{
	const ENV_ENCRYPTED_KEY *encrypted = sk_ENV_ENCRYPTED_KEY_value(info->keys, (int)index);
	struct key_agreement_terms terms = { 0 };
	struct secret kek = { 0 };
	EVP_PKEY *peer = NULL;
	int status = recipient_ec_check(info);

	memset(out, 0, sizeof(*out));
	if (status == 0 && (encrypted == NULL || read_terms(&terms, info) != 0))
		status = HSMIME_EFORMAT;
	if (status != 0)
		return error_set(env->err, status, "the recipient's key agreement can't be read");
	if (EVP_PKEY_is_a(key, "EC"))
		status = originator_point(&peer, key, info->originator->d.key, env);
	else
		status = error_set(env->err, HSMIME_EUNSUPPORTED,
		    "the key is not of the kind that the recipient needs (EC)");
	if (status == 0)
		status = key_agreement_derive(&kek, key, peer, &terms, env);
	if (status == 0)
		status = unwrap(out, &terms, &kek, encrypted, key_len, env);
	secret_free(&kek);
	EVP_PKEY_free(peer);
	X509_ALGOR_free(terms.wrap_algorithm);
	return status;
}

/* RFC 5753 section 7.1: a digest as strong as the curve. */
static const struct {
	int curve;
	const char *name;
	int scheme;
} choices[] = {
	{ NID_X9_62_prime256v1, "P-256", NID_dhSinglePass_stdDH_sha256kdf_scheme },
	{ NID_secp384r1, "P-384", NID_dhSinglePass_stdDH_sha384kdf_scheme },
	{ NID_secp521r1, "P-521", NID_dhSinglePass_stdDH_sha512kdf_scheme },
};
#define CHOICES (sizeof(choices) / sizeof(choices[0]))

static int choose(struct key_agreement_terms *terms, EVP_PKEY **ephemeral, EVP_PKEY *public,
    size_t key_len, struct cms_env *env)
{
	int curve = key_agreement_curve(public);

	memset(terms, 0, sizeof(*terms));
	for (size_t i = 0; i < CHOICES; i++) {
		if (choices[i].curve != curve)
			continue;
		terms->scheme = key_agreement_of(choices[i].scheme);
		terms->wrap = key_wrap_aes(key_len);
		*ephemeral = EVP_PKEY_Q_keygen(env->libctx, NULL, "EC", choices[i].name);
	}
	if (terms->scheme == NULL) {
		error_set(env->err, HSMIME_EUNSUPPORTED,
		    "a recipient's EC key is on another curve than P-256, P-384 or P-521");
		return HSMIME_EUNSUPPORTED;
	}
	if (*ephemeral == NULL || terms->wrap == NULL)
		return error_openssl(env->err, HSMIME_EINTERNAL, "making an ephemeral EC key");
	/* RFC 3565 section 2.3.2: no parameters. */
	terms->wrap_algorithm = X509_ALGOR_new();
	if (terms->wrap_algorithm == NULL)
		return error_nomem(env->err);
	X509_ALGOR_set0(terms->wrap_algorithm, OBJ_nid2obj(terms->wrap->nid), V_ASN1_UNDEF, NULL);
	return 0;
}

static ENV_ORIGINATOR_KEY *originator_key(EVP_PKEY *ephemeral)
{
	ENV_ORIGINATOR_KEY *key = ENV_ORIGINATOR_KEY_new();
	unsigned char point[POINT_MAX];
	size_t len = 0;

	if (key == NULL)
		return NULL;
	if (EVP_PKEY_get_octet_string_param(
		ephemeral, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
	    ASN1_STRING_set(key->public_key, point, (int)len) != 1) {
		ENV_ORIGINATOR_KEY_free(key);
		return NULL;
	}
	key->public_key->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 7);
	key->public_key->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	X509_ALGOR_set0(key->algorithm, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_UNDEF, NULL);
	return key;
}

/* The parts that need no secret; the encrypted key is filled in after. */
static ENV_KEY_AGREE *describe(EVP_PKEY *ephemeral, const struct key_agreement_terms *terms)
{
	ENV_KEY_AGREE *info = ENV_KEY_AGREE_new();
	ENV_ENCRYPTED_KEY *key = ENV_ENCRYPTED_KEY_new();

	if (info == NULL || key == NULL || sk_ENV_ENCRYPTED_KEY_push(info->keys, key) <= 0) {
		ENV_ENCRYPTED_KEY_free(key);
		ENV_KEY_AGREE_free(info);
		return NULL;
	}
	info->originator->type = ORIGINATOR_KEY;
	info->originator->d.key = originator_key(ephemeral);
	info->algorithm->algorithm = OBJ_nid2obj(terms->scheme->nid);
	info->algorithm->parameter =
	    asn1_encode_any(ASN1_ITEM_rptr(X509_ALGOR), terms->wrap_algorithm);
	if (info->originator->d.key == NULL || info->algorithm->parameter == NULL ||
	    ASN1_INTEGER_set(info->version, AGREE_VERSION) != 1) {
		ENV_KEY_AGREE_free(info);
		return NULL;
	}
	return info;
}

int recipient_ec_make(
    ENV_KEY_AGREE **out, EVP_PKEY *public, const struct secret *content_key, struct cms_env *env)
{
	struct key_agreement_terms terms;
	struct secret kek = { 0 };
	EVP_PKEY *ephemeral = NULL;
	ENV_KEY_AGREE *info = NULL;
	int status = choose(&terms, &ephemeral, public, content_key->len, env);

	if (status == 0) {
		info = describe(ephemeral, &terms);
		status = info == NULL ? error_nomem(env->err) : 0;
	}
	if (status == 0)
		status = key_agreement_derive(&kek, ephemeral, public, &terms, env);
	if (status == 0)
		status = key_wrap_seal(sk_ENV_ENCRYPTED_KEY_value(info->keys, 0)->encrypted_key,
		    terms.wrap, &kek, content_key, env);
	if (status != 0) {
		ENV_KEY_AGREE_free(info);
		info = NULL;
	}
	*out = info;
	secret_free(&kek);
	EVP_PKEY_free(ephemeral);
	X509_ALGOR_free(terms.wrap_algorithm);
	return status;
}
