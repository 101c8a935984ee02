#include "cms/asn1_signed.h"

#include <openssl/asn1t.h>

/* clang-format off */

DECLARE_ASN1_ITEM(SIGNER_ID)
ASN1_CHOICE(SIGNER_ID) = {
	ASN1_SIMPLE(SIGNER_ID, d.issuer_serial, PKCS7_ISSUER_AND_SERIAL),
	ASN1_IMP(SIGNER_ID, d.key_id, ASN1_OCTET_STRING, 0)
} ASN1_CHOICE_END(SIGNER_ID)

ASN1_SEQUENCE(SIGNER_INFO) = {
	ASN1_SIMPLE(SIGNER_INFO, version, ASN1_INTEGER),
	ASN1_SIMPLE(SIGNER_INFO, sid, SIGNER_ID),
	ASN1_SIMPLE(SIGNER_INFO, digest, X509_ALGOR),
	ASN1_IMP_SET_OF_OPT(SIGNER_INFO, attributes, X509_ATTRIBUTE, 0),
	ASN1_SIMPLE(SIGNER_INFO, algorithm, X509_ALGOR),
	ASN1_SIMPLE(SIGNER_INFO, signature, ASN1_OCTET_STRING),
	ASN1_IMP_SET_OF_OPT(SIGNER_INFO, unsigned_attributes, ASN1_ANY, 1)
} ASN1_SEQUENCE_END(SIGNER_INFO)
IMPLEMENT_ASN1_FUNCTIONS(SIGNER_INFO)

DECLARE_ASN1_ITEM(CERT_ISSUER_SERIAL)
ASN1_SEQUENCE(CERT_ISSUER_SERIAL) = {
	ASN1_SEQUENCE_OF(CERT_ISSUER_SERIAL, issuer, GENERAL_NAME),
	ASN1_SIMPLE(CERT_ISSUER_SERIAL, serial, ASN1_INTEGER)
} ASN1_SEQUENCE_END(CERT_ISSUER_SERIAL)

DECLARE_ASN1_ITEM(CERT_HASH_ID)
ASN1_SEQUENCE(CERT_HASH_ID) = {
	ASN1_SIMPLE(CERT_HASH_ID, cert_hash, ASN1_OCTET_STRING),
	ASN1_OPT(CERT_HASH_ID, issuer_serial, CERT_ISSUER_SERIAL)
} ASN1_SEQUENCE_END(CERT_HASH_ID)

DECLARE_ASN1_ITEM(CERT_HASH_ID_V2)
ASN1_SEQUENCE(CERT_HASH_ID_V2) = {
	ASN1_OPT(CERT_HASH_ID, hash, X509_ALGOR),
	ASN1_SIMPLE(CERT_HASH_ID, cert_hash, ASN1_OCTET_STRING),
	ASN1_OPT(CERT_HASH_ID, issuer_serial, CERT_ISSUER_SERIAL)
} ASN1_SEQUENCE_END_name(CERT_HASH_ID, CERT_HASH_ID_V2)

DECLARE_ASN1_ITEM(SIGNING_CERT)
ASN1_SEQUENCE(SIGNING_CERT) = {
	ASN1_SEQUENCE_OF(SIGNING_CERT, ids, CERT_HASH_ID),
	ASN1_SEQUENCE_OF_OPT(SIGNING_CERT, policies, ASN1_ANY)
} ASN1_SEQUENCE_END(SIGNING_CERT)

DECLARE_ASN1_ITEM(SIGNING_CERT_V2)
ASN1_SEQUENCE(SIGNING_CERT_V2) = {
	ASN1_SEQUENCE_OF(SIGNING_CERT, ids, CERT_HASH_ID_V2),
	ASN1_SEQUENCE_OF_OPT(SIGNING_CERT, policies, ASN1_ANY)
} ASN1_SEQUENCE_END_name(SIGNING_CERT, SIGNING_CERT_V2)

DECLARE_ASN1_ITEM(ALGORITHM_PROTECTION)
ASN1_SEQUENCE(ALGORITHM_PROTECTION) = {
	ASN1_SIMPLE(ALGORITHM_PROTECTION, digest, X509_ALGOR),
	ASN1_IMP_OPT(ALGORITHM_PROTECTION, signature, X509_ALGOR, 1),
	ASN1_IMP_OPT(ALGORITHM_PROTECTION, mac, X509_ALGOR, 2)
} ASN1_SEQUENCE_END(ALGORITHM_PROTECTION)

DECLARE_ASN1_ITEM(ATTRIBUTES_SORTED)
ASN1_ITEM_TEMPLATE(ATTRIBUTES_SORTED) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, attributes, X509_ATTRIBUTE)
ASN1_ITEM_TEMPLATE_END(ATTRIBUTES_SORTED)

DECLARE_ASN1_ITEM(ATTRIBUTES_IN_ORDER)
ASN1_ITEM_TEMPLATE(ATTRIBUTES_IN_ORDER) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF | ASN1_TFLG_IMPTAG | ASN1_TFLG_UNIVERSAL,
	    V_ASN1_SET, attributes, X509_ATTRIBUTE)
ASN1_ITEM_TEMPLATE_END(ATTRIBUTES_IN_ORDER)

DECLARE_ASN1_ITEM(CERTIFICATE_SET)
ASN1_ITEM_TEMPLATE(CERTIFICATE_SET) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF | ASN1_TFLG_IMPTAG | ASN1_TFLG_CONTEXT,
	    0, certificates, X509)
ASN1_ITEM_TEMPLATE_END(CERTIFICATE_SET)

DECLARE_ASN1_ITEM(SIGNER_INFO_SET)
ASN1_ITEM_TEMPLATE(SIGNER_INFO_SET) =
	ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, signerInfos, SIGNER_INFO)
ASN1_ITEM_TEMPLATE_END(SIGNER_INFO_SET)

									/* clang-format on */

									static void *
									decode(
									    const ASN1_STRING *der,
									    const ASN1_ITEM *item)
{
	const unsigned char *start = ASN1_STRING_get0_data(der);
	const unsigned char *p = start;
	int len = ASN1_STRING_length(der);
	ASN1_VALUE *value = ASN1_item_d2i(NULL, &p, len, item);

	if (value != NULL && p != start + len) {
		ASN1_item_free(value, item);
		return NULL;
	}
	return value;
}

static int encode(unsigned char **out, const void *value, const ASN1_ITEM *item)
{
	if (out != NULL)
		*out = NULL;
	return ASN1_item_i2d(value, out, item);
}

static const ASN1_ITEM *signing_cert_item(bool v2)
{
	return v2 ? ASN1_ITEM_rptr(SIGNING_CERT_V2) : ASN1_ITEM_rptr(SIGNING_CERT);
}

SIGNING_CERT *signing_cert_decode(const ASN1_STRING *der, bool v2)
{
	return decode(der, signing_cert_item(v2));
}

int signing_cert_encode(unsigned char **out, const SIGNING_CERT *cert)
{
	return encode(out, cert, signing_cert_item(true));
}

SIGNING_CERT *signing_cert_new(void)
{
	return (SIGNING_CERT *)ASN1_item_new(signing_cert_item(true));
}

void signing_cert_free(SIGNING_CERT *cert, bool v2)
{
	ASN1_item_free((ASN1_VALUE *)cert, signing_cert_item(v2));
}

CERT_HASH_ID *cert_hash_id_new(void)
{
	return (CERT_HASH_ID *)ASN1_item_new(ASN1_ITEM_rptr(CERT_HASH_ID_V2));
}

void cert_hash_id_free(CERT_HASH_ID *id)
{
	ASN1_item_free((ASN1_VALUE *)id, ASN1_ITEM_rptr(CERT_HASH_ID_V2));
}

ALGORITHM_PROTECTION *algorithm_protection_decode(const ASN1_STRING *der)
{
	return decode(der, ASN1_ITEM_rptr(ALGORITHM_PROTECTION));
}

void algorithm_protection_free(ALGORITHM_PROTECTION *p)
{
	ASN1_item_free((ASN1_VALUE *)p, ASN1_ITEM_rptr(ALGORITHM_PROTECTION));
}

int attributes_encode(unsigned char **out, const STACK_OF(X509_ATTRIBUTE) *attributes, bool sorted)
{
	return encode(out, attributes,
	    sorted ? ASN1_ITEM_rptr(ATTRIBUTES_SORTED) : ASN1_ITEM_rptr(ATTRIBUTES_IN_ORDER));
}

int certificates_encode(unsigned char **out, const STACK_OF(X509) *certs)
{
	return encode(out, certs, ASN1_ITEM_rptr(CERTIFICATE_SET));
}

int signer_infos_encode(unsigned char **out, const STACK_OF(SIGNER_INFO) *infos)
{
	return encode(out, infos, ASN1_ITEM_rptr(SIGNER_INFO_SET));
}
