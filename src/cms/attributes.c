#include "cms/attributes.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include <hsmime/error.h>

/* An attribute that is looked at; all lie under 1.2.840.113549.1.9 (PKCS #9). */
struct attribute_row {
	const char *oid; /* what follows that prefix */
	size_t oid_len;
	int type;
	size_t offset; /* in struct attributes */
	const char *problem;
};

#define FIELD(name) offsetof(struct attributes, name)

static const unsigned char pkcs9[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09 };

static const struct attribute_row rows[] = {
	{ "\x03", 1, V_ASN1_OBJECT, FIELD(content_type),
	    "its content-type attribute is malformed or there twice" },
	{ "\x04", 1, V_ASN1_OCTET_STRING, FIELD(message_digest),
	    "its message-digest attribute is malformed or there twice" },
	{ "\x05", 1, V_ASN1_UTCTIME, FIELD(signing_time),
	    "its signing-time attribute is malformed or there twice" },
	{ "\x10\x02\x0c", 3, V_ASN1_SEQUENCE, FIELD(signing_certificate),
	    "its signing-certificate attribute is malformed or there twice" },
	{ "\x10\x02\x2f", 3, V_ASN1_SEQUENCE, FIELD(signing_certificate_v2),
	    "its signing-certificate-v2 attribute is malformed or there twice" },
	{ "\x34", 1, V_ASN1_SEQUENCE, FIELD(algorithm_protection),
	    "its algorithm-protection attribute is malformed or there twice" },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
#define UNSIGNED_FORBIDDEN 3 /* the first so many rows */

static const struct attribute_row *find_row(const ASN1_OBJECT *oid)
{
	const unsigned char *data = OBJ_get0_data(oid);
	size_t len = OBJ_length(oid);

	if (len <= sizeof(pkcs9) || memcmp(data, pkcs9, sizeof(pkcs9)) != 0)
		return NULL;
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (len - sizeof(pkcs9) == rows[i].oid_len &&
		    memcmp(data + sizeof(pkcs9), rows[i].oid, rows[i].oid_len) == 0)
			return &rows[i];
	return NULL;
}

static const ASN1_TYPE **field(struct attributes *a, const struct attribute_row *row)
{
	return (const ASN1_TYPE **)(void *)((char *)a + row->offset);
}

static bool type_is(const ASN1_TYPE *value, int type)
{
	int is = ASN1_TYPE_get(value);

	return is == type || (type == V_ASN1_UTCTIME && is == V_ASN1_GENERALIZEDTIME);
}

const char *attributes_read(struct attributes *out, const STACK_OF(X509_ATTRIBUTE) *stack)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < sk_X509_ATTRIBUTE_num(stack); i++) {
		X509_ATTRIBUTE *a = sk_X509_ATTRIBUTE_value(stack, i);
		const struct attribute_row *row = find_row(X509_ATTRIBUTE_get0_object(a));
		const ASN1_TYPE *value = NULL;

		if (row == NULL)
			continue;
		value = X509_ATTRIBUTE_get0_type(a, 0);
		if (*field(out, row) != NULL || X509_ATTRIBUTE_count(a) != 1 || value == NULL ||
		    !type_is(value, row->type))
			return row->problem;
		*field(out, row) = value;
	}
	if (out->content_type == NULL)
		return "it has no content-type attribute";
	if (out->message_digest == NULL)
		return "it has no message-digest attribute";
	return NULL;
}

static bool is_forbidden(const ASN1_TYPE *element)
{
	const ASN1_STRING *der = NULL;
	const unsigned char *p = NULL;
	X509_ATTRIBUTE *a = NULL;
	const struct attribute_row *row = NULL;

	if (ASN1_TYPE_get(element) != V_ASN1_SEQUENCE)
		return false;
	der = element->value.sequence;
	p = ASN1_STRING_get0_data(der);
	ERR_set_mark();
	a = d2i_X509_ATTRIBUTE(NULL, &p, ASN1_STRING_length(der));
	ERR_pop_to_mark();
	if (a != NULL)
		row = find_row(X509_ATTRIBUTE_get0_object(a));
	X509_ATTRIBUTE_free(a);
	return row != NULL && row < rows + UNSIGNED_FORBIDDEN;
}

bool attributes_misplaced(const STACK_OF(ASN1_TYPE) *unsigned_attributes)
{
	for (int i = 0; i < sk_ASN1_TYPE_num(unsigned_attributes); i++)
		if (is_forbidden(sk_ASN1_TYPE_value(unsigned_attributes, i)))
			return true;
	return false;
}

bool attributes_time(int64_t *out, const ASN1_TYPE *value)
{
	struct tm tm = { .tm_isdst = 0 };

	if (ASN1_TIME_to_tm(value->value.asn1_string, &tm) != 1)
		return false;
	*out = timegm(&tm);
	return true;
}

static int add(STACK_OF(X509_ATTRIBUTE) **stack, int nid, int type, const void *data, int len)
{
	return X509at_add1_attr_by_NID(stack, nid, type, data, len) != NULL ? 0 : HSMIME_ENOMEM;
}

/* UTCTime through 2049, then GeneralizedTime (RFC 5652 section 11.3). */
static int add_time(STACK_OF(X509_ATTRIBUTE) **stack, int64_t when)
{
	ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)when);
	int status = HSMIME_EUSAGE;

	if (time != NULL)
		status = add(stack, NID_pkcs9_signingTime, ASN1_STRING_type(time), time, -1);
	ASN1_TIME_free(time);
	return status;
}

static int hash_certificate(
    CERT_HASH_ID *id, const struct attributes_write *w, OSSL_LIB_CTX *libctx)
{
	EVP_MD *md = EVP_MD_fetch(libctx, w->certificate_digest->fetch, NULL);
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool ok = md != NULL && X509_digest(w->certificate, md, value, &len) == 1 &&
		  ASN1_OCTET_STRING_set(id->cert_hash, value, (int)len) == 1;

	EVP_MD_free(md);
	if (!ok || w->certificate_digest->nid == NID_sha256)
		return ok ? 0 : HSMIME_ENOMEM;
	id->hash = X509_ALGOR_new();
	if (id->hash == NULL ||
	    !X509_ALGOR_set0(id->hash, OBJ_nid2obj(w->certificate_digest->nid), V_ASN1_UNDEF, NULL))
		return HSMIME_ENOMEM;
	return 0;
}

/* issuerSerial stays out: the SignerInfo's sid says it (RFC 5035 section 4). */
static int add_signing_certificate(
    STACK_OF(X509_ATTRIBUTE) **stack, const struct attributes_write *w, OSSL_LIB_CTX *libctx)
{
	SIGNING_CERT *cert = signing_cert_new();
	CERT_HASH_ID *id = cert_hash_id_new();
	unsigned char *der = NULL;
	int len = -1;
	int status = HSMIME_ENOMEM;

	if (cert == NULL || id == NULL || hash_certificate(id, w, libctx) != 0)
		goto out;
	if (sk_CERT_HASH_ID_push(cert->ids, id) <= 0)
		goto out;
	id = NULL;
	len = signing_cert_encode(&der, cert);
	if (len > 0)
		status =
		    add(stack, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE, der, len);
out:
	OPENSSL_free(der);
	cert_hash_id_free(id);
	signing_cert_free(cert, true);
	return status;
}

/* RSAES-OAEP with SHA-256 and MGF1 of SHA-256 (RFC 4055 section 4.1). */
static const unsigned char oaep_capability[] = { 0x30, 0x3c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
	0xf7, 0x0d, 0x01, 0x01, 0x07, 0x30, 0x2f, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,
	0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09,
	0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86,
	0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00 };

static int push_capability(STACK_OF(X509_ALGOR) *list, int nid)
{
	X509_ALGOR *a = X509_ALGOR_new();

	if (a == NULL || !X509_ALGOR_set0(a, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL) ||
	    sk_X509_ALGOR_push(list, a) <= 0) {
		X509_ALGOR_free(a);
		return HSMIME_ENOMEM;
	}
	return 0;
}

static int push_oaep(STACK_OF(X509_ALGOR) *list)
{
	const unsigned char *p = oaep_capability;
	X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, sizeof(oaep_capability));

	if (a == NULL || sk_X509_ALGOR_push(list, a) <= 0) {
		X509_ALGOR_free(a);
		return HSMIME_ENOMEM;
	}
	return 0;
}

/* In order of preference (RFC 8551 section 2.5.2). */
static int add_capabilities(STACK_OF(X509_ATTRIBUTE) **stack, bool oaep)
{
	static const int ciphers[] = { NID_aes_256_gcm, NID_aes_128_gcm, NID_aes_256_cbc,
		NID_aes_128_cbc };
	STACK_OF(X509_ALGOR) *list = sk_X509_ALGOR_new_null();
	unsigned char *der = NULL;
	int len = -1;
	int status = list == NULL ? HSMIME_ENOMEM : 0;

	for (size_t i = 0; status == 0 && i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		status = push_capability(list, ciphers[i]);
	if (status == 0 && oaep)
		status = push_oaep(list);
	if (status == 0)
		len = i2d_X509_ALGORS(list, &der);
	if (status == 0)
		status = len > 0 ? add(stack, NID_SMIMECapabilities, V_ASN1_SEQUENCE, der, len)
				 : HSMIME_ENOMEM;
	OPENSSL_free(der);
	sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
	return status;
}

int attributes_new(
    STACK_OF(X509_ATTRIBUTE) **out, const struct attributes_write *w, OSSL_LIB_CTX *libctx)
{
	STACK_OF(X509_ATTRIBUTE) *stack = NULL;
	int status = add(&stack, NID_pkcs9_contentType, V_ASN1_OBJECT, w->content_type, -1);

	*out = NULL;
	if (status == 0)
		status = add_time(&stack, w->signing_time);
	if (status == 0)
		status = add(&stack, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING,
		    w->message_digest, (int)w->message_digest_len);
	if (status == 0)
		status = add_signing_certificate(&stack, w, libctx);
	if (status == 0)
		status = add_capabilities(&stack, w->oaep);
	if (status == 0)
		*out = stack;
	else
		sk_X509_ATTRIBUTE_pop_free(stack, X509_ATTRIBUTE_free);
	return status;
}

int attributes_set_digest(STACK_OF(X509_ATTRIBUTE) *stack, const unsigned char *digest, size_t len)
{
	int at = X509at_get_attr_by_NID(stack, NID_pkcs9_messageDigest, -1);
	X509_ATTRIBUTE *old = at < 0 ? NULL : X509at_delete_attr(stack, at);

	X509_ATTRIBUTE_free(old);
	return add(&stack, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, digest, (int)len);
}
