/*
 * asn1_enveloped: the small structures of EnvelopedData and AuthEnvelopedData
 * as OpenSSL ASN.1 templates (RFC 5652 section 6, RFC 5084, RFC 5753, RFC 8017).
 */
#ifndef CMS_ASN1_ENVELOPED_H
#define CMS_ASN1_ENVELOPED_H

#include <openssl/asn1.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

/* RecipientIdentifier: what of d is set depends on type. */
enum { RID_ISSUER_SERIAL, RID_KEY_ID };
typedef struct {
	int type;
	union {
		PKCS7_ISSUER_AND_SERIAL *issuer_serial;
		ASN1_OCTET_STRING *key_id;
	} d;
} ENV_RID;

/* KeyTransRecipientInfo */
typedef struct {
	ASN1_INTEGER *version;
	ENV_RID *rid;
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *encrypted_key;
} ENV_KEY_TRANS;

/* OriginatorPublicKey */
typedef struct {
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *public_key;
} ENV_ORIGINATOR_KEY;

/* OriginatorIdentifierOrKey */
enum { ORIGINATOR_ISSUER_SERIAL, ORIGINATOR_KEY_ID, ORIGINATOR_KEY };
typedef struct {
	int type;
	union {
		PKCS7_ISSUER_AND_SERIAL *issuer_serial;
		ASN1_OCTET_STRING *key_id;
		ENV_ORIGINATOR_KEY *key;
	} d;
} ENV_ORIGINATOR;

/* RecipientKeyIdentifier and KEKIdentifier, which have one form. */
typedef struct {
	ASN1_OCTET_STRING *key_id;
	ASN1_GENERALIZEDTIME *date;
	X509_ALGOR *other; /* OtherKeyAttribute, whose form is the same */
} ENV_KEY_IDENTIFIER;

/* KeyAgreeRecipientIdentifier */
enum { AGREE_RID_ISSUER_SERIAL, AGREE_RID_KEY_ID };
typedef struct {
	int type;
	union {
		PKCS7_ISSUER_AND_SERIAL *issuer_serial;
		ENV_KEY_IDENTIFIER *key_id;
	} d;
} ENV_AGREE_RID;

/* RecipientEncryptedKey */
typedef struct {
	ENV_AGREE_RID *rid;
	ASN1_OCTET_STRING *encrypted_key;
} ENV_ENCRYPTED_KEY;
/* cppcheck-suppress unknownMacro */
DEFINE_STACK_OF(ENV_ENCRYPTED_KEY)

/* KeyAgreeRecipientInfo */
typedef struct {
	ASN1_INTEGER *version;
	ENV_ORIGINATOR *originator;
	ASN1_OCTET_STRING *ukm;
	X509_ALGOR *algorithm;
	STACK_OF(ENV_ENCRYPTED_KEY) *keys;
} ENV_KEY_AGREE;

/* KEKRecipientInfo */
typedef struct {
	ASN1_INTEGER *version;
	ENV_KEY_IDENTIFIER *kek_id;
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *encrypted_key;
} ENV_KEK;

/* PasswordRecipientInfo */
typedef struct {
	ASN1_INTEGER *version;
	X509_ALGOR *derivation;
	X509_ALGOR *algorithm;
	ASN1_OCTET_STRING *encrypted_key;
} ENV_PASSWORD;

/* OtherRecipientInfo */
typedef struct {
	ASN1_OBJECT *type;
	ASN1_TYPE *value;
} ENV_OTHER;

/* RecipientInfo */
enum { INFO_KEY_TRANS, INFO_KEY_AGREE, INFO_KEK, INFO_PASSWORD, INFO_OTHER };
typedef struct {
	int type;
	union {
		ENV_KEY_TRANS *key_trans;
		ENV_KEY_AGREE *key_agree;
		ENV_KEK *kek;
		ENV_PASSWORD *password;
		ENV_OTHER *other;
	} d;
} ENV_RECIPIENT_INFO;
/* cppcheck-suppress unknownMacro */
DEFINE_STACK_OF(ENV_RECIPIENT_INFO)

/* GCMParameters (RFC 5084 section 3.2) */
typedef struct {
	ASN1_OCTET_STRING *nonce;
	ASN1_INTEGER *icv_len; /* NULL: 12 */
} ENV_GCM_PARAMS;

/* RSAES-OAEP-params (RFC 8017 appendix A.2.1); NULL members have their default. */
typedef struct {
	X509_ALGOR *hash;
	X509_ALGOR *mask;
	X509_ALGOR *source;
} ENV_OAEP_PARAMS;

/* RSAPublicKey (RFC 8017 appendix A.1.1) */
typedef struct {
	ASN1_INTEGER *modulus;
	ASN1_INTEGER *exponent;
} ENV_RSA_PUBLIC_KEY;

/* ECC-CMS-SharedInfo (RFC 5753 section 7.2) */
typedef struct {
	X509_ALGOR *key_info;
	ASN1_OCTET_STRING *entity_info;
	ASN1_OCTET_STRING *public_info;
} ENV_SHARED_INFO;

DECLARE_ASN1_FUNCTIONS(ENV_RECIPIENT_INFO)
DECLARE_ASN1_ALLOC_FUNCTIONS(ENV_ENCRYPTED_KEY)
DECLARE_ASN1_FUNCTIONS(ENV_GCM_PARAMS)
DECLARE_ASN1_FUNCTIONS(ENV_OAEP_PARAMS)
DECLARE_ASN1_FUNCTIONS(ENV_RSA_PUBLIC_KEY)
DECLARE_ASN1_FUNCTIONS(ENV_SHARED_INFO)
DECLARE_ASN1_ALLOC_FUNCTIONS(ENV_KEY_TRANS)
DECLARE_ASN1_ALLOC_FUNCTIONS(ENV_KEY_AGREE)
DECLARE_ASN1_ALLOC_FUNCTIONS(ENV_ORIGINATOR_KEY)
DECLARE_ASN1_ALLOC_FUNCTIONS(ENV_KEY_IDENTIFIER)

DECLARE_ASN1_ITEM(ENV_RECIPIENT_INFOS) /* SET OF RecipientInfo, a stack */
DECLARE_ASN1_ITEM(ENV_ATTRIBUTES_SET)  /* SET OF Attribute, a stack */
DECLARE_ASN1_ITEM(ENV_ATTRIBUTES_1)    /* [1] IMPLICIT SET OF Attribute, a stack */
DECLARE_ASN1_ITEM(ENV_ATTRIBUTES_2)    /* [2] IMPLICIT SET OF Attribute, a stack */

#endif
