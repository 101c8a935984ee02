#include "cms/recipient_info.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "cms/recipient_ec.h"
#include "cms/recipient_keys.h"
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
	EVP_PKEY *public = recipient_keys_get(request->keys, cert, env->libctx);
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
