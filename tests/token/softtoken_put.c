#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

#include "softtoken_put.h"

#define ATTRIBUTES 24
#define OCTETS 520

/* An object while it is put together, with its own copies of the values. */
struct builder {
	CK_ATTRIBUTE attributes[ATTRIBUTES];
	unsigned char values[ATTRIBUTES][OCTETS];
	CK_ULONG count;
};

static void add(struct builder *b, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	unsigned char *at = b->values[b->count];

	assert_true(b->count < ATTRIBUTES && len <= OCTETS);
	memcpy(at, value, len);
	b->attributes[b->count++] = (CK_ATTRIBUTE){ type, at, len };
}

static void add_ulong(struct builder *b, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
	add(b, type, &value, sizeof(value));
}

static void add_bool(struct builder *b, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
	add(b, type, &value, sizeof(value));
}

static void add_number(
    struct builder *b, CK_ATTRIBUTE_TYPE type, const EVP_PKEY *key, const char *name)
{
	BIGNUM *n = NULL;
	unsigned char octets[OCTETS];
	int len;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	len = BN_num_bytes(n);
	assert_true(len > 0 && len <= OCTETS);
	BN_bn2bin(n, octets);
	add(b, type, octets, (size_t)len);
	BN_clear_free(n);
}

static void begin(struct builder *b, CK_OBJECT_CLASS object_class, const EVP_PKEY *key,
    unsigned char id, const char *label)
{
	b->count = 0;
	add_ulong(b, CKA_CLASS, object_class);
	add_ulong(b, CKA_KEY_TYPE, EVP_PKEY_is_a(key, "RSA") ? CKK_RSA : CKK_EC);
	add_bool(b, CKA_TOKEN, CK_TRUE);
	add(b, CKA_ID, &id, 1);
	add(b, CKA_LABEL, label, strlen(label));
}

static void add_private(struct builder *b, unsigned flags)
{
	add_bool(b, CKA_PRIVATE, CK_TRUE);
	add_bool(b, CKA_SENSITIVE, CK_TRUE);
	add_bool(b, CKA_EXTRACTABLE, CK_FALSE);
	add_bool(b, CKA_SIGN, (flags & KEY_SIGN) != 0);
	add_bool(b, CKA_DECRYPT, (flags & KEY_DECRYPT) != 0);
	add_bool(b, CKA_DERIVE, (flags & KEY_DERIVE) != 0);
	add_bool(b, CKA_UNWRAP, (flags & KEY_UNWRAP) != 0);
}

static void add_rsa(struct builder *b, const EVP_PKEY *key, bool secret)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} parts[] = { { CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D },
		{ CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1 },
		{ CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2 },
		{ CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1 },
		{ CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2 },
		{ CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1 } };

	add_number(b, CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N);
	add_number(b, CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E);
	for (size_t i = 0; secret && i < sizeof(parts) / sizeof(parts[0]); i++)
		add_number(b, parts[i].type, key, parts[i].name);
}

static void add_ec(struct builder *b, const EVP_PKEY *key, bool secret)
{
	char curve[64];
	unsigned char *der = NULL, point[OCTETS];
	size_t len = 0;
	ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
	int n;

	assert_int_equal(EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len), 1);
	n = i2d_ASN1_OBJECT(OBJ_nid2obj(OBJ_txt2nid(curve)), &der);
	assert_true(n > 0);
	add(b, CKA_EC_PARAMS, der, (size_t)n);
	OPENSSL_free(der);
	if (secret) {
		add_number(b, CKA_VALUE, key, OSSL_PKEY_PARAM_PRIV_KEY);
	} else {
		der = NULL;
		assert_int_equal(EVP_PKEY_get_octet_string_param(
				     key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
		    1);
		assert_int_equal(ASN1_OCTET_STRING_set(string, point, (int)len), 1);
		n = i2d_ASN1_OCTET_STRING(string, &der);
		assert_true(n > 0);
		add(b, CKA_EC_POINT, der, (size_t)n);
		OPENSSL_free(der);
	}
	ASN1_OCTET_STRING_free(string);
}

static void create(struct softtoken *st, struct builder *b)
{
	CK_OBJECT_HANDLE object = 0;

	assert_int_equal(
	    st->functions->C_CreateObject(st->session, b->attributes, b->count, &object), CKR_OK);
	OPENSSL_cleanse(b, sizeof(*b));
}

void softtoken_put(struct softtoken *st, unsigned char id, const char *label, EVP_PKEY *key)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA");

	softtoken_put_for(st, id, label, key, KEY_SIGN | (rsa ? KEY_DECRYPT : KEY_DERIVE));
}

void softtoken_put_for(
    struct softtoken *st, unsigned char id, const char *label, EVP_PKEY *key, unsigned flags)
{
	struct builder b;
	void (*add_parts)(struct builder *, const EVP_PKEY *, bool) =
	    EVP_PKEY_is_a(key, "RSA") ? add_rsa : add_ec;

	begin(&b, CKO_PRIVATE_KEY, key, id, label);
	add_private(&b, flags);
	add_parts(&b, key, true);
	create(st, &b);
	begin(&b, CKO_PUBLIC_KEY, key, id, label);
	add_parts(&b, key, false);
	create(st, &b);
}
