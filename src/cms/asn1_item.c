#include "cms/asn1_item.h"

#include <limits.h>

#include <openssl/err.h>

void *asn1_decode(const ASN1_ITEM *item, const unsigned char *data, size_t len)
{
	const unsigned char *p = data;
	ASN1_VALUE *value;

	if (len > LONG_MAX)
		return NULL;
	ERR_set_mark();
	value = ASN1_item_d2i(NULL, &p, (long)len, item);
	ERR_pop_to_mark();
	if (value != NULL && p != data + len) {
		ASN1_item_free(value, item);
		value = NULL;
	}
	return value;
}

void *asn1_decode_any(const ASN1_ITEM *item, const ASN1_TYPE *any)
{
	if (any == NULL || any->type != V_ASN1_SEQUENCE)
		return NULL;
	return asn1_decode(item, any->value.sequence->data, (size_t)any->value.sequence->length);
}

ASN1_TYPE *asn1_encode_any(const ASN1_ITEM *item, const void *value)
{
	ASN1_STRING *encoded = ASN1_item_pack((void *)value, item, NULL);
	ASN1_TYPE *any = encoded == NULL ? NULL : ASN1_TYPE_new();

	if (any == NULL) {
		ASN1_STRING_free(encoded);
		return NULL;
	}
	ASN1_TYPE_set(any, V_ASN1_SEQUENCE, encoded);
	return any;
}
