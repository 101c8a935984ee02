#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "engine/public_key.h"

static const char *const curves[] = { "P-256", "P-384", "P-521" };
static const size_t fields[] = { 32, 48, 66 };

/* What a token tells of an EC key. */
struct told {
	struct object object;
	unsigned char params[64];
	unsigned char point[300];
};

static void tell(struct told *t, CK_ATTRIBUTE_TYPE type, unsigned char *value, size_t len)
{
	t->object.attributes[t->object.count++] = (CK_ATTRIBUTE){ type, value, len };
}

static void tell_params(struct told *t, const char *curve)
{
	unsigned char *p = t->params;
	int len = i2d_ASN1_OBJECT(OBJ_nid2obj(EC_curve_nist2nid(curve)), &p);

	assert_true(len > 0);
	memset(&t->object, 0, sizeof(t->object));
	tell(t, CKA_EC_PARAMS, t->params, (size_t)len);
}

/* The point of key in an OCTET STRING; the bare point is what follows the header. */
static size_t write_point(unsigned char *out, size_t *header, EVP_PKEY *key)
{
	size_t len = 290;

	assert_true(public_key_point(out + 3, &len, key));
	*header = len > 127 ? 3 : 2;
	memmove(out + *header, out + 3, len);
	out[0] = 4;
	out[1] = len > 127 ? 0x81 : (unsigned char)len;
	if (len > 127)
		out[2] = (unsigned char)len;
	return *header + len;
}

static void reads(struct told *t, EVP_PKEY *expected)
{
	EVP_PKEY *key = public_key_of_object(&t->object);

	if (expected == NULL)
		assert_null(key);
	else
		assert_int_equal(EVP_PKEY_eq(key, expected), 1);
	assert_int_equal(ERR_peek_error(), 0);
	EVP_PKEY_free(key);
}

static void an_ec_point_is_read_with_and_without_its_octet_string(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct told t;
		size_t header = 0, len;
		EVP_PKEY *key = EVP_EC_gen(curves[i]);

		tell_params(&t, curves[i]);
		len = write_point(t.point, &header, key);
		tell(&t, CKA_EC_POINT, t.point, len);
		reads(&t, key);
		tell_params(&t, curves[i]);
		tell(&t, CKA_EC_POINT, t.point + header, len - header);
		reads(&t, key);
		EVP_PKEY_free(key);
	}
}

/* 04 3f …: a bare point of 65 octets that is an OCTET STRING of 63 octets as well. */
static void a_bare_point_that_looks_like_an_octet_string_is_read(void **state)
{
	struct told t;
	size_t header = 0, len = 0;
	EVP_PKEY *key = NULL;

	(void)state;
	tell_params(&t, "P-256");
	do {
		EVP_PKEY_free(key);
		key = EVP_EC_gen("P-256");
		len = write_point(t.point, &header, key);
	} while (t.point[header + 1] != 0x3f);
	tell(&t, CKA_EC_POINT, t.point + header, len - header);
	reads(&t, key);
	EVP_PKEY_free(key);
}

static void a_compressed_point_is_read_and_given_uncompressed(void **state)
{
	struct told t;
	unsigned char out[100];
	size_t header = 0, len, out_len = sizeof(out);
	EVP_PKEY *key = EVP_EC_gen("P-256"), *read = NULL;

	(void)state;
	tell_params(&t, "P-256");
	len = write_point(t.point, &header, key);
	memcpy(out, t.point + header, len - header);
	t.point[header] = 2 + (t.point[len - 1] & 1);
	tell(&t, CKA_EC_POINT, t.point + header, 33);
	read = public_key_of_object(&t.object);
	assert_int_equal(EVP_PKEY_eq(read, key), 1);
	assert_true(public_key_point(t.point, &out_len, read));
	assert_int_equal(out_len, 65);
	assert_memory_equal(t.point, out, 65);
	EVP_PKEY_free(read);
	EVP_PKEY_free(key);
}

static void a_malformed_point_is_no_key(void **state)
{
	struct told t;
	size_t header = 0, len;
	EVP_PKEY *key = EVP_EC_gen("P-256");

	(void)state;
	tell_params(&t, "P-256");
	len = write_point(t.point, &header, key);
	tell(&t, CKA_EC_POINT, t.point, 0);
	for (size_t n = 0; n < len; n++) {
		t.object.attributes[1].ulValueLen = n;
		reads(&t, NULL);
	}
	t.object.attributes[1].ulValueLen = len + 1;
	reads(&t, NULL);
	t.object.attributes[1].ulValueLen = len;
	reads(&t, key);
	t.point[len - 1] ^= 1; /* off the curve */
	reads(&t, NULL);
	memset(t.point + header, 0, len - header);
	reads(&t, NULL);
	EVP_PKEY_free(key);
}

static void a_curve_that_is_told_by_no_known_oid_or_name_is_no_key(void **state)
{
	static unsigned char nist[] = "\x13\x05P-256", secg[] = "\x13\x09secp256r1",
			     other[] = "\x13\x05P-255", unknown[] = "\x06\x03\x2a\x03\x04",
			     junk[] = "\x06\x7f\x2a";
	struct told t;
	size_t header = 0, len;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	CK_ATTRIBUTE *params = &t.object.attributes[0];

	(void)state;
	tell_params(&t, "P-256");
	len = write_point(t.point, &header, key);
	tell(&t, CKA_EC_POINT, t.point, len);
	reads(&t, key);
	*params = (CK_ATTRIBUTE){ CKA_EC_PARAMS, nist, sizeof(nist) - 1 };
	reads(&t, key);
	*params = (CK_ATTRIBUTE){ CKA_EC_PARAMS, secg, sizeof(secg) - 1 };
	reads(&t, key);
	*params = (CK_ATTRIBUTE){ CKA_EC_PARAMS, other, sizeof(other) - 1 };
	reads(&t, NULL);
	*params = (CK_ATTRIBUTE){ CKA_EC_PARAMS, unknown, sizeof(unknown) - 1 };
	reads(&t, NULL);
	*params = (CK_ATTRIBUTE){ CKA_EC_PARAMS, junk, sizeof(junk) - 1 };
	reads(&t, NULL);
	params->ulValueLen = 0;
	reads(&t, NULL);
	tell_params(&t, "P-384");
	tell(&t, CKA_EC_POINT, t.point, len);
	reads(&t, NULL);
	EVP_PKEY_free(key);
}

static void an_rsa_key_is_read_whatever_zeros_lead_its_modulus(void **state)
{
	struct told t = { .object = { .count = 0 } };
	unsigned char modulus[260] = { 0 }, exponent[] = { 0, 1, 0, 1 };
	size_t len = 256;
	EVP_PKEY *key = EVP_RSA_gen(2048);

	(void)state;
	assert_true(public_key_modulus(modulus + 4, &len, key));
	assert_int_equal(len, 256);
	tell(&t, CKA_MODULUS, modulus + 4, 256);
	reads(&t, NULL);
	tell(&t, CKA_PUBLIC_EXPONENT, exponent + 1, 3);
	reads(&t, key);
	t.object.attributes[0] = (CK_ATTRIBUTE){ CKA_MODULUS, modulus, 260 };
	t.object.attributes[1] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, exponent, 4 };
	reads(&t, key);
	t.object.attributes[0] = (CK_ATTRIBUTE){ CKA_MODULUS, modulus, 4 + 63 };
	reads(&t, NULL);
	t.object.attributes[0].ulValueLen = 0;
	reads(&t, NULL);
	len = 255;
	assert_false(public_key_modulus(modulus, &len, key));
	assert_int_equal(len, 0);
	EVP_PKEY_free(key);
}

static void an_object_that_tells_nothing_is_no_key(void **state)
{
	struct told t = { .object = { .count = 0 } };

	(void)state;
	reads(&t, NULL);
}

static void curves_and_sizes_are_told(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(1024);
	unsigned char out[200];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *key = EVP_EC_gen(curves[i]);
		size_t len = 2 * fields[i];

		assert_string_equal(public_key_curve(key), curves[i]);
		assert_int_equal(public_key_field_size(key), fields[i]);
		assert_false(public_key_point(out, &len, key));
		assert_int_equal(len, 0);
		len = 1 + 2 * fields[i];
		assert_true(public_key_point(out, &len, key));
		assert_int_equal(len, 1 + 2 * fields[i]);
		assert_int_equal(out[0], 4);
		len = sizeof(out);
		assert_false(public_key_modulus(out, &len, key));
		EVP_PKEY_free(key);
	}
	assert_null(public_key_curve(rsa));
	assert_int_equal(public_key_field_size(rsa), 0);
	EVP_PKEY_free(rsa);
}

static void a_peer_s_point_has_to_be_on_the_key_s_curve(void **state)
{
	unsigned char point[200];
	size_t len = sizeof(point);
	EVP_PKEY *own = EVP_EC_gen("P-384"), *peer = EVP_EC_gen("P-384");
	EVP_PKEY *other = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(1024);
	EC_GROUP *curve = public_key_group(own), *other_curve = public_key_group(other);

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	assert_true(public_key_on(curve, point, len));
	assert_false(public_key_on(curve, point, len - 1));
	assert_false(public_key_on(other_curve, point, len));
	point[0] = 2 + point[len - 1] % 2; /* compressed */
	assert_false(public_key_on(curve, point, 1 + len / 2));
	point[0] = 4;
	point[len - 1] ^= 1;
	assert_false(public_key_on(curve, point, len));
	memset(point + 1, 0xff, len - 1); /* no numbers of the field */
	assert_false(public_key_on(curve, point, len));
	assert_false(public_key_on(curve, (const unsigned char *)"", 1)); /* infinity */
	assert_false(public_key_on(curve, point, 0));
	assert_null(public_key_group(rsa));
	EC_GROUP_free(curve);
	EC_GROUP_free(other_curve);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(other);
}

/* K-163 has points outside the group that is used: (0, 1) is one of order two. */
static void a_peer_s_point_has_to_be_of_the_right_order(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("K-163");
	EC_GROUP *curve = public_key_group(key);
	unsigned char point[43];
	size_t len = 0;

	(void)state;
	assert_int_equal(EVP_PKEY_get_octet_string_param(
			     key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point), &len),
	    1);
	assert_true(public_key_on(curve, point, len));
	memset(point, 0, sizeof(point));
	point[0] = 4;
	point[42] = 1;
	assert_false(public_key_on(curve, point, sizeof(point)));
	EC_GROUP_free(curve);
	EVP_PKEY_free(key);
}

static void a_certificate_gives_its_key(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *read = NULL;
	X509 *cert = X509_new();

	(void)state;
	assert_null(public_key_of_certificate(cert));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	read = public_key_of_certificate(cert);
	assert_int_equal(EVP_PKEY_eq(read, key), 1);
	EVP_PKEY_free(read);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ec_point_is_read_with_and_without_its_octet_string),
		cmocka_unit_test(a_bare_point_that_looks_like_an_octet_string_is_read),
		cmocka_unit_test(a_compressed_point_is_read_and_given_uncompressed),
		cmocka_unit_test(a_malformed_point_is_no_key),
		cmocka_unit_test(a_curve_that_is_told_by_no_known_oid_or_name_is_no_key),
		cmocka_unit_test(an_rsa_key_is_read_whatever_zeros_lead_its_modulus),
		cmocka_unit_test(an_object_that_tells_nothing_is_no_key),
		cmocka_unit_test(curves_and_sizes_are_told),
		cmocka_unit_test(a_peer_s_point_has_to_be_on_the_key_s_curve),
		cmocka_unit_test(a_peer_s_point_has_to_be_of_the_right_order),
		cmocka_unit_test(a_certificate_gives_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
