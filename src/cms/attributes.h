/*
 * attributes: the signed attributes of a SignerInfo (RFC 5652 section 11,
 * RFC 5035, RFC 6211, RFC 8551 section 2.5).
 */
#ifndef CMS_ATTRIBUTES_H
#define CMS_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "cms/algorithm_digest.h"
#include "cms/asn1_signed.h"

/* The attributes that a verdict depends on; NULL where absent. They belong to the stack. */
struct attributes {
	const ASN1_TYPE *content_type;           /* OBJECT */
	const ASN1_TYPE *message_digest;         /* OCTET STRING */
	const ASN1_TYPE *signing_time;           /* UTCTime or GeneralizedTime */
	const ASN1_TYPE *signing_certificate;    /* SEQUENCE, of SHA-1 */
	const ASN1_TYPE *signing_certificate_v2; /* SEQUENCE */
	const ASN1_TYPE *algorithm_protection;   /* SEQUENCE */
};

/*
 * attributes_read(out, stack):
 * Find them. Returns NULL, or in plain words what is wrong: one of them twice,
 * without exactly one value, of a wrong type, or content-type or
 * message-digest missing.
 */
const char *attributes_read(struct attributes *out, const STACK_OF(X509_ATTRIBUTE) *stack);

/*
 * attributes_misplaced(unsigned_attributes):
 * Whether content-type, message-digest or signing-time is among them, where
 * they must not be (RFC 5652 sections 11.1 to 11.3).
 */
bool attributes_misplaced(const STACK_OF(ASN1_TYPE) *unsigned_attributes);

/* attributes_time(out, value): a signing-time as Unix time; whether it is one. */
bool attributes_time(int64_t *out, const ASN1_TYPE *value);

/* What to write. */
struct attributes_write {
	const ASN1_OBJECT *content_type;
	int64_t signing_time;
	const unsigned char *message_digest;
	size_t message_digest_len;
	X509 *certificate;
	const struct digest_algorithm *certificate_digest;
	bool oaep; /* list RSAES-OAEP among the capabilities */
};

/* attributes_new(out, w, libctx): the stack of signed attributes. 0, HSMIME_EUSAGE (time out of range), HSMIME_ENOMEM. */
int attributes_new(
    STACK_OF(X509_ATTRIBUTE) **out, const struct attributes_write *w, OSSL_LIB_CTX *libctx);

/* attributes_set_digest(stack, digest, len): replace the message-digest's value. 0 or HSMIME_ENOMEM. */
int attributes_set_digest(STACK_OF(X509_ATTRIBUTE) *stack, const unsigned char *digest, size_t len);

#endif
