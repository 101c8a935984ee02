/* util/rsa_algorithm.h */
#include "streams.h"

#include <openssl/objects.h>

#include "util/rsa_algorithm.h"

#define SHA256                                                                                     \
	0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00

/* Frees a. */
static void assert_der(X509_ALGOR *a, const unsigned char *expected, size_t len)
{
	unsigned char *der = NULL;

	assert_non_null(a);
	assert_int_equal(i2d_X509_ALGOR(a, &der), len);
	assert_memory_equal(der, expected, len);
	OPENSSL_free(der);
	X509_ALGOR_free(a);
}

static void a_hash_has_null_for_parameters(void **state)
{
	static const unsigned char der[] = { SHA256 };

	(void)state;
	assert_der(rsa_algorithm_hash(NID_sha256), der, sizeof(der));
}

static void mgf1_has_its_hash_for_parameters(void **state)
{
	static const unsigned char der[] = { 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
		0x0d, 0x01, 0x01, 0x08, SHA256 };

	(void)state;
	assert_der(rsa_algorithm_mgf1(NID_sha256), der, sizeof(der));
}

static void no_digest_has_no_algorithm(void **state)
{
	(void)state;
	assert_null(rsa_algorithm_hash(NID_undef));
	assert_null(rsa_algorithm_mgf1(NID_undef));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_has_null_for_parameters),
		cmocka_unit_test(mgf1_has_its_hash_for_parameters),
		cmocka_unit_test(no_digest_has_no_algorithm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
