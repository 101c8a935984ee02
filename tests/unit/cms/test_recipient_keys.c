#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cms/recipient_keys.h"

static X509 *certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	return cert;
}

static void assert_key_of(struct recipient_keys *keys, X509 *cert, const EVP_PKEY *key)
{
	EVP_PKEY *got = recipient_keys_get(keys, cert, NULL);

	assert_non_null(got);
	assert_int_equal(EVP_PKEY_eq(got, key), 1);
	EVP_PKEY_free(got);
}

static void a_key_is_made_once(void **state)
{
	struct recipient_keys keys = { 0 };
	EVP_PKEY *own = EVP_EC_gen("P-256"), *first, *second;
	X509 *cert = certificate(own);

	(void)state;
	first = recipient_keys_get(&keys, cert, NULL);
	second = recipient_keys_get(&keys, cert, NULL);
	assert_ptr_equal(first, second);
	assert_int_equal(EVP_PKEY_eq(first, own), 1);
	recipient_keys_clear(&keys);
	/* It is the caller's as well. */
	assert_int_equal(EVP_PKEY_eq(second, own), 1);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	X509_free(cert);
	EVP_PKEY_free(own);
}

static void without_a_memory_it_is_made_each_time(void **state)
{
	EVP_PKEY *own = EVP_EC_gen("P-384"), *first, *second;
	X509 *cert = certificate(own);

	(void)state;
	first = recipient_keys_get(NULL, cert, NULL);
	second = recipient_keys_get(NULL, cert, NULL);
	assert_ptr_not_equal(first, second);
	assert_int_equal(EVP_PKEY_eq(first, second), 1);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	X509_free(cert);
	EVP_PKEY_free(own);
}

/* A new certificate often lies where one was that was freed. */
static void certificates_that_come_and_go_are_not_mixed_up(void **state)
{
	struct recipient_keys keys = { 0 };
	EVP_PKEY *own[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		own[i] = EVP_EC_gen("P-256");
	for (size_t i = 0; i < 5 * (size_t)RECIPIENT_KEYS_MAX; i++) {
		X509 *cert = certificate(own[i % 3]);

		assert_key_of(&keys, cert, own[i % 3]);
		assert_key_of(&keys, cert, own[i % 3]);
		X509_free(cert);
	}
	recipient_keys_clear(&keys);
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(own[i]);
}

static void a_certificate_without_a_key_has_none(void **state)
{
	struct recipient_keys keys = { 0 };
	X509 *cert = X509_new();

	(void)state;
	assert_null(recipient_keys_get(&keys, cert, NULL));
	assert_null(keys.known[0].cert);
	recipient_keys_clear(&keys);
	X509_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_made_once),
		cmocka_unit_test(without_a_memory_it_is_made_each_time),
		cmocka_unit_test(certificates_that_come_and_go_are_not_mixed_up),
		cmocka_unit_test(a_certificate_without_a_key_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
