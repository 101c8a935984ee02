#include "cms/recipient_info.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>

#include "cms/recipient_ec.h"
#include "cms/recipient_rsa.h"

#define KEY_TRANS_ISSUER 0 /* versions, RFC 5652 section 6.2.1 */
#define KEY_TRANS_KEY_ID 2

void recipient_infos_free(STACK_OF(ENV_RECIPIENT_INFO) *infos)
{
	sk_ENV_RECIPIENT_INFO_pop_free(infos, ENV_RECIPIENT_INFO_free);
}

static const ASN1_OCTET_STRING *key_id_of(X509 *cert, const struct enveloped_write *request)
{
	return request->key_id ? X509_get0_subject_key_id(cert) : NULL;
}

static PKCS7_ISSUER_AND_SERIAL *issuer_serial_of(X509 *cert)
{
	PKCS7_ISSUER_AND_SERIAL *id = PKCS7_ISSUER_AND_SERIAL_new();

	if (id != NULL && X509_NAME_set(&id->issuer, X509_get_issuer_name(cert)) == 1 &&
	    ASN1_STRING_copy(id->serial, X509_get0_serialNumber(cert)) == 1)
		return id;
	PKCS7_ISSUER_AND_SERIAL_free(id);
	return NULL;
}

static int name_key_trans(ENV_KEY_TRANS *info, X509 *cert, const struct enveloped_write *request)
{
	const ASN1_OCTET_STRING *key_id = key_id_of(cert, request);

	if (key_id != NULL) {
		info->rid->d.key_id = ASN1_OCTET_STRING_dup(key_id);
		info->rid->type = RID_KEY_ID;
		return info->rid->d.key_id != NULL &&
		       ASN1_INTEGER_set(info->version, KEY_TRANS_KEY_ID) == 1;
	}
	info->rid->d.issuer_serial = issuer_serial_of(cert);
	info->rid->type = RID_ISSUER_SERIAL;
	return info->rid->d.issuer_serial != NULL &&
	       ASN1_INTEGER_set(info->version, KEY_TRANS_ISSUER) == 1;
}

static int name_key_agree(ENV_KEY_AGREE *info, X509 *cert, const struct enveloped_write *request)
{
	ENV_AGREE_RID *rid = sk_ENV_ENCRYPTED_KEY_value(info->keys, 0)->rid;
	const ASN1_OCTET_STRING *key_id = key_id_of(cert, request);

	if (key_id != NULL) {
		rid->d.key_id = ENV_KEY_IDENTIFIER_new();
		rid->type = AGREE_RID_KEY_ID;
		return rid->d.key_id != NULL &&
		       ASN1_STRING_copy(rid->d.key_id->key_id, key_id) == 1;
	}
	rid->d.issuer_serial = issuer_serial_of(cert);
	rid->type = AGREE_RID_ISSUER_SERIAL;
	return rid->d.issuer_serial != NULL;
}

/*
 * A SubjectPublicKeyInfo as OpenSSL reads it: with rsaEncryption in place of
 * id-RSAES-OAEP, which names the same kind of key (RFC 4055 section 1.2).
 * Returns the octets of *der, which the caller frees; 0 or less: failed.
 */
static int spki_for_openssl(unsigned char **der, X509_PUBKEY *written)
{
	int len = i2d_X509_PUBKEY(written, der);
	const unsigned char *p = *der;
	X509_PUBKEY *spki;
	X509_ALGOR *id = NULL;

	if (len <= 0 || X509_PUBKEY_get0_param(NULL, NULL, NULL, &id, written) != 1 ||
	    OBJ_obj2nid(id->algorithm) != NID_rsaesOaep)
		return len;
	/* Not X509_PUBKEY_dup(): it loses the zero octets that a key may end with. */
	spki = d2i_X509_PUBKEY(NULL, &p, len);
	OPENSSL_free(*der);
	*der = NULL;
	len = -1;
	if (spki != NULL && X509_PUBKEY_get0_param(NULL, NULL, NULL, &id, spki) == 1) {
		X509_ALGOR_set0(id, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL);
		len = i2d_X509_PUBKEY(spki, der);
	}
	X509_PUBKEY_free(spki);
	return len;
}

static EVP_PKEY *decode(X509 *cert, OSSL_LIB_CTX *libctx)
{
	unsigned char *der = NULL;
	int len = spki_for_openssl(&der, X509_get_X509_PUBKEY(cert));
	const unsigned char *p = der;
	EVP_PKEY *key = NULL;

	if (len > 0)
		key = d2i_PUBKEY_ex(NULL, &p, len, libctx, NULL);
	OPENSSL_free(der);
	return key;
}

/* key's numbers as a key of that kind in libctx, or NULL: 5 µs, where decoding takes 100. */
static EVP_PKEY *copy(const EVP_PKEY *key, const char *kind, OSSL_LIB_CTX *libctx)
{
	OSSL_PARAM *numbers = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *made = NULL;

	ERR_set_mark();
	if (EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &numbers) == 1)
		ctx = EVP_PKEY_CTX_new_from_name(libctx, kind, NULL);
	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, numbers) != 1)
		made = NULL;
	ERR_pop_to_mark();
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(numbers);
	return made;
}

/* The certificate's public key in our library context; OpenSSL has decoded it with the certificate. */
static EVP_PKEY *public_key(X509 *cert, OSSL_LIB_CTX *libctx)
{
	static const char *const kinds[] = { "RSA", "EC" };
	EVP_PKEY *known;
	EVP_PKEY *key = NULL;

	ERR_set_mark();
	known = X509_get0_pubkey(cert);
	ERR_pop_to_mark();
	for (size_t i = 0; known != NULL && key == NULL && i < 2; i++) {
		if (EVP_PKEY_is_a(known, kinds[i]))
			key = copy(known, kinds[i], libctx);
	}
	return key != NULL ? key : decode(cert, libctx);
}

static int make_rsa(ENV_RECIPIENT_INFO *info, X509 *cert, EVP_PKEY *public,
    const struct enveloped_write *request, const struct secret *content_key, struct cms_env *env)
{
	int status = recipient_rsa_make(
	    &info->d.key_trans, cert, public, request->key_transport, content_key, env);

	if (status != 0)
		return status;
	info->type = INFO_KEY_TRANS;
	return name_key_trans(info->d.key_trans, cert, request) ? 0 : error_nomem(env->err);
}

static int make_ec(ENV_RECIPIENT_INFO *info, X509 *cert, EVP_PKEY *public,
    const struct enveloped_write *request, const struct secret *content_key, struct cms_env *env)
{
	int status = recipient_ec_make(&info->d.key_agree, public, content_key, env);

	if (status != 0)
		return status;
	info->type = INFO_KEY_AGREE;
	return name_key_agree(info->d.key_agree, cert, request) ? 0 : error_nomem(env->err);
}

static int make(ENV_RECIPIENT_INFO *info, X509 *cert, const struct enveloped_write *request,
    const struct secret *content_key, struct cms_env *env)
{
	EVP_PKEY *public = public_key(cert, env->libctx);
	int status;

	if (public != NULL && EVP_PKEY_is_a(public, "RSA"))
		status = make_rsa(info, cert, public, request, content_key, env);
	else if (public != NULL && EVP_PKEY_is_a(public, "EC"))
		status = make_ec(info, cert, public, request, content_key, env);
	else
		status = error_set(
		    env->err, HSMIME_EUNSUPPORTED, "a recipient's key is neither RSA nor EC");
	EVP_PKEY_free(public);
	return status;
}

int recipient_infos_make(STACK_OF(ENV_RECIPIENT_INFO) **out, const struct enveloped_write *request,
    const struct secret *content_key, struct cms_env *env)
{
	STACK_OF(ENV_RECIPIENT_INFO) *infos = sk_ENV_RECIPIENT_INFO_new_null();
	int count = sk_X509_num(request->recipients);
	int status = infos == NULL ? error_nomem(env->err) : 0;

	*out = NULL;
	for (int i = 0; status == 0 && i < count; i++) {
		ENV_RECIPIENT_INFO *info = ENV_RECIPIENT_INFO_new();

		if (info == NULL || sk_ENV_RECIPIENT_INFO_push(infos, info) <= 0) {
			ENV_RECIPIENT_INFO_free(info);
			status = error_nomem(env->err);
		} else {
			status = make(
			    info, sk_X509_value(request->recipients, i), request, content_key, env);
		}
	}
	if (status != 0) {
		recipient_infos_free(infos);
		infos = NULL;
	}
	*out = infos;
	return status;
}

int recipient_infos_version(const STACK_OF(ENV_RECIPIENT_INFO) *infos)
{
	for (int i = 0; i < sk_ENV_RECIPIENT_INFO_num(infos); i++) {
		const ENV_RECIPIENT_INFO *info = sk_ENV_RECIPIENT_INFO_value(infos, i);

		if (info->type != INFO_KEY_TRANS ||
		    info->d.key_trans->rid->type != RID_ISSUER_SERIAL)
			return 2;
	}
	return 0;
}
