/*
 * asn1_item: DER in and out of OpenSSL's ASN.1 templates, strictly.
 */
#ifndef CMS_ASN1_ITEM_H
#define CMS_ASN1_ITEM_H

#include <stddef.h>

#include <openssl/asn1.h>
#include <openssl/x509.h>

/*
 * asn1_decode(item, data, len):
 * The structure that fills data[0..len) exactly, or NULL; free it with
 * ASN1_item_free. Leaves nothing in OpenSSL's error queue.
 */
void *asn1_decode(const ASN1_ITEM *item, const unsigned char *data, size_t len);

/* asn1_decode_any(item, any): the same for a SEQUENCE kept as ANY; NULL also where any is none. */
void *asn1_decode_any(const ASN1_ITEM *item, const ASN1_TYPE *any);

/* asn1_encode_any(item, value): value's DER as an ANY, or NULL. */
ASN1_TYPE *asn1_encode_any(const ASN1_ITEM *item, const void *value);

#endif
