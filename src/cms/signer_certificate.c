#include "cms/signer_certificate.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>

#include <hsmime/error.h>

bool signer_certificate_matches(const SIGNER_ID *sid, X509 *cert)
{
	const ASN1_OCTET_STRING *key_id = NULL;

	if (sid->type == SIGNER_ID_KEY_ID) {
		key_id = X509_get0_subject_key_id(cert);
		return key_id != NULL && ASN1_OCTET_STRING_cmp(key_id, sid->d.key_id) == 0;
	}
	return ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), sid->d.issuer_serial->serial) == 0 &&
	       X509_NAME_cmp(X509_get_issuer_name(cert), sid->d.issuer_serial->issuer) == 0;
}

int signer_certificate_set_id(SIGNER_ID *sid, X509 *cert)
{
	PKCS7_ISSUER_AND_SERIAL *is = PKCS7_ISSUER_AND_SERIAL_new();

	if (is == NULL)
		return HSMIME_ENOMEM;
	sid->type = SIGNER_ID_ISSUER_SERIAL;
	sid->d.issuer_serial = is;
	if (!X509_NAME_set(&is->issuer, X509_get_issuer_name(cert)))
		return HSMIME_ENOMEM;
	ASN1_INTEGER_free(is->serial);
	is->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));
	return is->serial == NULL ? HSMIME_ENOMEM : 0;
}

static bool issuer_serial_is(const CERT_ISSUER_SERIAL *is, X509 *cert)
{
	const GENERAL_NAME *name = NULL;

	if (is == NULL)
		return true;
	if (sk_GENERAL_NAME_num(is->issuer) != 1)
		return false;
	name = sk_GENERAL_NAME_value(is->issuer, 0);
	return name->type == GEN_DIRNAME &&
	       X509_NAME_cmp(name->d.directoryName, X509_get_issuer_name(cert)) == 0 &&
	       ASN1_INTEGER_cmp(is->serial, X509_get0_serialNumber(cert)) == 0;
}

static bool hash_is(const CERT_HASH_ID *id, int default_nid, X509 *cert, OSSL_LIB_CTX *libctx)
{
	const struct digest_algorithm *digest = digest_by_nid(default_nid);
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD *md = NULL;
	bool same = false;

	if (id->hash != NULL)
		digest = digest_of_algorithm(id->hash);
	if (digest == NULL || digest->size == 0)
		return false;
	md = EVP_MD_fetch(libctx, digest->fetch, NULL);
	same = md != NULL && X509_digest(cert, md, value, &len) == 1 &&
	       (int)len == ASN1_STRING_length(id->cert_hash) &&
	       memcmp(value, ASN1_STRING_get0_data(id->cert_hash), len) == 0;
	EVP_MD_free(md);
	return same;
}

/* The first entry is the signer's certificate; the others limit the chain. */
static bool attribute_names(const ASN1_TYPE *value, bool v2, X509 *cert, OSSL_LIB_CTX *libctx)
{
	SIGNING_CERT *list = NULL;
	const CERT_HASH_ID *id = NULL;
	bool ok = false;

	if (value == NULL)
		return true;
	list = signing_cert_decode(value->value.sequence, v2);
	if (list != NULL && sk_CERT_HASH_ID_num(list->ids) > 0) {
		id = sk_CERT_HASH_ID_value(list->ids, 0);
		ok = hash_is(id, v2 ? NID_sha256 : NID_sha1, cert, libctx) &&
		     issuer_serial_is(id->issuer_serial, cert);
	}
	signing_cert_free(list, v2);
	return ok;
}

bool signer_certificate_is_bound(const struct attributes *a, X509 *cert, OSSL_LIB_CTX *libctx)
{
	return attribute_names(a->signing_certificate, false, cert, libctx) &&
	       attribute_names(a->signing_certificate_v2, true, cert, libctx);
}
