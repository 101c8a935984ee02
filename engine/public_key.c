#include "engine/public_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "engine/crypto.h"
#include "util/error.h"

static EVP_PKEY *from_data(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(crypto_context(), type, CRYPTO_SOFTWARE);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *rsa_key(const CK_ATTRIBUTE *modulus, const CK_ATTRIBUTE *exponent)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus->pValue, (int)modulus->ulValueLen, NULL);
	BIGNUM *e = BN_bin2bn(exponent->pValue, (int)exponent->ulValueLen, NULL);
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (bld == NULL || n == NULL || e == NULL || BN_num_bits(n) < 512)
		goto out;
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params != NULL)
		key = from_data("RSA", params);
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	return key;
}

static EVP_PKEY *ec_key(const char *group, const unsigned char *point, size_t len)
{
	OSSL_PARAM params[3];

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0);
	params[1] =
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (unsigned char *)point, len);
	params[2] = OSSL_PARAM_construct_end();
	return from_data("EC", params);
}

/* "P-256", "secp256r1", and what else OpenSSL knows. */
static int nid_of_name(const char *name)
{
	int nid = EC_curve_nist2nid(name);

	if (strcmp(name, "secp256r1") == 0)
		return NID_X9_62_prime256v1;
	return nid != NID_undef ? nid : OBJ_sn2nid(name);
}

/* PKCS#11 v3.0 section 2.3.3: a curve's name, as a PrintableString. */
static int nid_of_string(const CK_ATTRIBUTE *params)
{
	const unsigned char *p = params->pValue;
	ASN1_PRINTABLESTRING *s = d2i_ASN1_PRINTABLESTRING(NULL, &p, (long)params->ulValueLen);
	char name[32];
	int len = s != NULL ? ASN1_STRING_length(s) : 0, nid = NID_undef;

	if (len > 0 && (size_t)len < sizeof(name)) {
		memcpy(name, ASN1_STRING_get0_data(s), (size_t)len);
		name[len] = '\0';
		nid = nid_of_name(name);
	}
	ASN1_PRINTABLESTRING_free(s);
	return nid;
}

/* CKA_EC_PARAMS as an OID or a name; explicit parameters are not used with CMS. */
static const char *group_of_params(const CK_ATTRIBUTE *params)
{
	const unsigned char *p = params->pValue;
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &p, (long)params->ulValueLen);
	int nid = oid != NULL ? OBJ_obj2nid(oid) : nid_of_string(params);

	ASN1_OBJECT_free(oid);
	return nid != NID_undef ? OBJ_nid2sn(nid) : NULL;
}

/* PKCS#11 v2.40 wants a DER OCTET STRING; several tokens give the bare point. */
static EVP_PKEY *ec_key_of_attribute(const char *group, const CK_ATTRIBUTE *point)
{
	const unsigned char *p = point->pValue;
	ASN1_OCTET_STRING *inner = d2i_ASN1_OCTET_STRING(NULL, &p, (long)point->ulValueLen);
	EVP_PKEY *key = NULL;

	if (inner != NULL && p == (const unsigned char *)point->pValue + point->ulValueLen)
		key =
		    ec_key(group, ASN1_STRING_get0_data(inner), (size_t)ASN1_STRING_length(inner));
	if (key == NULL)
		key = ec_key(group, point->pValue, point->ulValueLen);
	ASN1_OCTET_STRING_free(inner);
	return key;
}

EVP_PKEY *public_key_of_object(const struct object *o)
{
	const CK_ATTRIBUTE *modulus = object_get(o, CKA_MODULUS);
	const CK_ATTRIBUTE *exponent = object_get(o, CKA_PUBLIC_EXPONENT);
	const CK_ATTRIBUTE *params = object_get(o, CKA_EC_PARAMS);
	const CK_ATTRIBUTE *point = object_get(o, CKA_EC_POINT);
	const char *group = params != NULL ? group_of_params(params) : NULL;
	EVP_PKEY *key = NULL;

	if (modulus != NULL && exponent != NULL)
		key = rsa_key(modulus, exponent);
	else if (group != NULL && point != NULL)
		key = ec_key_of_attribute(group, point);
	error_forget();
	return key;
}

static bool same_curve(const CK_ATTRIBUTE *params, const EVP_PKEY *key)
{
	char group[64];
	const char *shown = params != NULL ? group_of_params(params) : NULL;

	return shown == NULL || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	       OBJ_sn2nid(group) == NID_undef || OBJ_sn2nid(shown) == OBJ_sn2nid(group);
}

/* Whether a private key of that type that shows no more may have this public key. */
static bool may_be(CK_ULONG type, const struct object *o, const EVP_PKEY *key)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA"), ec = EVP_PKEY_is_a(key, "EC");

	if (type == CKK_RSA)
		return rsa;
	if (type == CKK_EC || type == CK_UNAVAILABLE_INFORMATION)
		return ec && same_curve(object_get(o, CKA_EC_PARAMS), key);
	return !rsa && !ec;
}

int public_key_compare(const struct object *o, const EVP_PKEY *key)
{
	CK_ULONG type = object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	EVP_PKEY *own = public_key_of_object(o);
	int same = -1;

	if (own != NULL)
		same = EVP_PKEY_eq(own, key) == 1;
	else if (!may_be(type, o, key))
		same = 0;
	EVP_PKEY_free(own);
	error_forget();
	return same;
}

EVP_PKEY *public_key_of_certificate(X509 *cert)
{
	EVP_PKEY *key = X509_get_pubkey(cert);

	error_forget();
	return key;
}

bool public_key_cofactor_one(const EVP_PKEY *key)
{
	BIGNUM *cofactor = NULL;
	bool one = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_COFACTOR, &cofactor) == 1 &&
		   BN_is_one(cofactor);

	BN_free(cofactor);
	return one;
}

EC_GROUP *public_key_group(const EVP_PKEY *key)
{
	char name[64];
	EC_GROUP *group = NULL;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1)
		group = EC_GROUP_new_by_curve_name_ex(crypto_context(), NULL, OBJ_txt2nid(name));
	error_forget();
	return group;
}

/* Where the cofactor is one every point but infinity has it, and no multiplication has to show it. */
static bool has_right_order(const EC_GROUP *group, const EC_POINT *p, BN_CTX *numbers)
{
	EC_POINT *product;
	bool right;

	if (BN_is_one(EC_GROUP_get0_cofactor(group)))
		return true;
	product = EC_POINT_new(group);
	right = product != NULL &&
		EC_POINT_mul(group, product, NULL, p, EC_GROUP_get0_order(group), numbers) == 1 &&
		EC_POINT_is_at_infinity(group, product) == 1;
	EC_POINT_free(product);
	return right;
}

bool public_key_on(const EC_GROUP *group, const unsigned char *point, size_t len)
{
	BN_CTX *numbers = BN_CTX_new_ex(crypto_context());
	EC_POINT *p = EC_POINT_new(group);
	/* Decoding fails for coordinates outside the field and for those off the curve. */
	bool valid = numbers != NULL && p != NULL && len > 1 &&
		     point[0] == POINT_CONVERSION_UNCOMPRESSED &&
		     EC_POINT_oct2point(group, p, point, len, numbers) == 1 &&
		     EC_POINT_is_at_infinity(group, p) == 0 && has_right_order(group, p, numbers);

	EC_POINT_free(p);
	BN_CTX_free(numbers);
	error_forget();
	return valid;
}

bool public_key_modulus(unsigned char *buf, size_t *len, const EVP_PKEY *key)
{
	BIGNUM *n = NULL;
	bool fits = EVP_PKEY_is_a(key, "RSA") &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		    (size_t)BN_num_bytes(n) <= *len;

	*len = fits ? (size_t)BN_bn2bin(n, buf) : 0;
	BN_free(n);
	return fits;
}

/* A key from a certificate may be encoded compressed: the coordinates are asked for. */
bool public_key_point(unsigned char *buf, size_t *len, const EVP_PKEY *key)
{
	BIGNUM *x = NULL, *y = NULL;
	size_t field = public_key_field_size(key), room = *len;
	bool fits = EVP_PKEY_is_a(key, "EC") && field > 0 && room >= 1 + 2 * field &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
		    BN_bn2binpad(x, buf + 1, (int)field) >= 0 &&
		    BN_bn2binpad(y, buf + 1 + field, (int)field) >= 0;

	*len = fits ? 1 + 2 * field : 0;
	if (fits)
		buf[0] = POINT_CONVERSION_UNCOMPRESSED;
	BN_free(x);
	BN_free(y);
	return fits;
}

const char *public_key_curve(const EVP_PKEY *key)
{
	char group[64];

	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return NULL;
	return EC_curve_nid2nist(OBJ_sn2nid(group));
}

size_t public_key_field_size(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_is_a(key, "EC") ? EVP_PKEY_get_bits(key) : 0;

	return bits > 0 ? ((size_t)bits + 7) / 8 : 0;
}
