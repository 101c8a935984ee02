/*
 * asn1_signed: the small structures of SignedData as OpenSSL ASN.1 templates
 * (RFC 5652 section 5, RFC 5035, RFC 6211).
 */
#ifndef CMS_ASN1_SIGNED_H
#define CMS_ASN1_SIGNED_H

#include <stdbool.h>

#include <openssl/asn1.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* SignerIdentifier */
#define SIGNER_ID_ISSUER_SERIAL 0
#define SIGNER_ID_KEY_ID 1
typedef struct signer_id_st {
	int type;
	union {
		PKCS7_ISSUER_AND_SERIAL *issuer_serial;
		ASN1_OCTET_STRING *key_id;
	} d;
} SIGNER_ID;

/* SignerInfo; the elements of unsigned_attributes are kept as they came. */
typedef struct signer_info_st {
	ASN1_INTEGER *version;
	SIGNER_ID *sid;
	X509_ALGOR *digest;
	STACK_OF(X509_ATTRIBUTE) *attributes; /* signed; NULL where absent */
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *signature;
	STACK_OF(ASN1_TYPE) *unsigned_attributes;
} SIGNER_INFO;
DECLARE_ASN1_FUNCTIONS(SIGNER_INFO)
DEFINE_STACK_OF(SIGNER_INFO)

/* IssuerSerial (RFC 5035 section 5) */
typedef struct cert_issuer_serial_st {
	GENERAL_NAMES *issuer;
	ASN1_INTEGER *serial;
} CERT_ISSUER_SERIAL;

/* ESSCertID and ESSCertIDv2; hash is NULL for SHA-1 in the former, SHA-256 in the latter. */
typedef struct cert_hash_id_st {
	X509_ALGOR *hash;
	ASN1_OCTET_STRING *cert_hash;
	CERT_ISSUER_SERIAL *issuer_serial;
} CERT_HASH_ID;
DEFINE_STACK_OF(CERT_HASH_ID)

/* SigningCertificate and SigningCertificateV2 */
typedef struct signing_cert_st {
	STACK_OF(CERT_HASH_ID) *ids;
	STACK_OF(ASN1_TYPE) *policies;
} SIGNING_CERT;

/* signing_cert_decode(der, v2): NULL where malformed. signing_cert_encode(out, cert): a V2; length, or negative. */
SIGNING_CERT *signing_cert_decode(const ASN1_STRING *der, bool v2);
int signing_cert_encode(unsigned char **out, const SIGNING_CERT *cert);
SIGNING_CERT *signing_cert_new(void);
void signing_cert_free(SIGNING_CERT *cert, bool v2);
CERT_HASH_ID *cert_hash_id_new(void);
void cert_hash_id_free(CERT_HASH_ID *id);

/* CMSAlgorithmProtection (RFC 6211) */
typedef struct algorithm_protection_st {
	X509_ALGOR *digest;
	X509_ALGOR *signature;
	X509_ALGOR *mac;
} ALGORITHM_PROTECTION;

/* algorithm_protection_decode(der): NULL where malformed. */
ALGORITHM_PROTECTION *algorithm_protection_decode(const ASN1_STRING *der);
void algorithm_protection_free(ALGORITHM_PROTECTION *p);

/*
 * attributes_encode(out, attributes, sorted):
 * The SET OF that is signed (RFC 5652 section 5.4), in DER order or in the
 * order of the stack. Returns its length (OPENSSL_free *out), or negative.
 */
int attributes_encode(unsigned char **out, const STACK_OF(X509_ATTRIBUTE) *attributes, bool sorted);

/*
 * certificates_encode(out, certs): certificates [0], in DER order.
 * signer_infos_encode(out, infos): the SET OF; out may be NULL for the length alone.
 */
int certificates_encode(unsigned char **out, const STACK_OF(X509) *certs);
int signer_infos_encode(unsigned char **out, const STACK_OF(SIGNER_INFO) *infos);

#endif
