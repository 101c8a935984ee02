#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "provider_rig.h"

/* Each test runs with the providers in both orders. */
static void in_both_orders(void (*test)(OSSL_LIB_CTX *))
{
	for (size_t i = 0; i < 2; i++) {
		OSSL_LIB_CTX *libctx = rig_context(rig_orders[i][0], rig_orders[i][1]);

		test(libctx);
		rig_close(libctx);
	}
}

static void tells(OSSL_LIB_CTX *libctx)
{
	static const char *const groups[] = { "prime256v1", "secp384r1", "secp521r1" };
	static const int bits[] = { 256, 384, 521 }, strength[] = { 128, 192, 256 };

	for (int id = 1; id < RIG_KEYS; id++) {
		EVP_PKEY *key = rig_key(libctx, id);
		char text[64];
		size_t len = 0;

		assert_int_equal(EVP_PKEY_is_a(key, id < 3 ? "RSA" : "EC"), 1);
		assert_int_equal(EVP_PKEY_get_base_id(key), id < 3 ? EVP_PKEY_RSA : EVP_PKEY_EC);
		assert_int_equal(EVP_PKEY_get_size(key), EVP_PKEY_get_size(rig.software[id]));
		assert_int_equal(EVP_PKEY_get_bits(key), id < 3 ? 2048 : bits[id - 3]);
		assert_int_equal(EVP_PKEY_get_security_bits(key), id < 3 ? 112 : strength[id - 3]);
		assert_int_equal(EVP_PKEY_get_default_digest_name(key, text, sizeof(text)), 1);
		assert_string_equal(text, "SHA256");
		assert_int_equal(EVP_PKEY_get_group_name(key, text, sizeof(text), &len), id > 2);
		if (id > 2)
			assert_string_equal(text, groups[id - 3]);
		EVP_PKEY_free(key);
	}
}

static void keys_tell_their_size_strength_and_group(void **state)
{
	(void)state;
	in_both_orders(tells);
}

static void same_octets(EVP_PKEY *a, EVP_PKEY *b)
{
	unsigned char *x = NULL, *y = NULL;
	size_t x_len = EVP_PKEY_get1_encoded_public_key(a, &x);
	size_t y_len = EVP_PKEY_get1_encoded_public_key(b, &y);

	assert_true(x_len > 0);
	assert_int_equal(x_len, y_len);
	assert_memory_equal(x, y, x_len);
	OPENSSL_free(x);
	OPENSSL_free(y);
}

static void shows(OSSL_LIB_CTX *libctx)
{
	EVP_PKEY *rsa = rig_key(libctx, 1), *ec = rig_key(libctx, 5);
	BIGNUM *n = NULL, *m = NULL, *x = NULL, *y = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(rig.software[1], OSSL_PKEY_PARAM_RSA_N, &m), 1);
	assert_int_equal(BN_cmp(n, m), 0);
	same_octets(ec, rig.software[5]);
	assert_int_equal(EVP_PKEY_get_bn_param(ec, OSSL_PKEY_PARAM_EC_PUB_X, &x), 1);
	assert_int_equal(EVP_PKEY_get_bn_param(rig.software[5], OSSL_PKEY_PARAM_EC_PUB_X, &y), 1);
	assert_int_equal(BN_cmp(x, y), 0);
	BN_free(n);
	BN_free(m);
	BN_free(x);
	BN_free(y);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

static void keys_show_their_public_part(void **state)
{
	(void)state;
	in_both_orders(shows);
}

static void compares(OSSL_LIB_CTX *libctx)
{
	EVP_PKEY *keys[RIG_KEYS] = { NULL };

	for (int id = 1; id < RIG_KEYS; id++)
		keys[id] = rig_key(libctx, id);
	for (int a = 1; a < RIG_KEYS; a++) {
		for (int b = 1; b < RIG_KEYS; b++) {
			assert_int_equal(EVP_PKEY_eq(keys[a], rig.software[b]) == 1, a == b);
			assert_int_equal(EVP_PKEY_eq(rig.software[a], keys[b]) == 1, a == b);
			assert_int_equal(EVP_PKEY_eq(keys[a], keys[b]) == 1, a == b);
		}
	}
	assert_int_equal(EVP_PKEY_parameters_eq(keys[3], rig.software[3]), 1);
	assert_int_not_equal(EVP_PKEY_parameters_eq(keys[3], rig.software[4]), 1);
	for (int id = 1; id < RIG_KEYS; id++) {
		assert_int_equal(X509_check_private_key(rig.certs[1], keys[id]), id == 1);
		assert_int_equal(X509_check_private_key(rig.certs[3], keys[id]), id == 3);
		EVP_PKEY_free(keys[id]);
	}
}

static void keys_equal_their_public_keys_and_certificates_and_no_others(void **state)
{
	(void)state;
	in_both_orders(compares);
}

static void keeps(OSSL_LIB_CTX *libctx, int id, const char *part)
{
	EVP_PKEY *key = rig_key(libctx, id), *copy = NULL;
	OSSL_PARAM *params = NULL;
	unsigned char *der = NULL;
	const unsigned char *at = NULL;
	int len = 0;
	BIGNUM *secret = NULL;
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_not_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params), 1);
	assert_true(rig_said("the private key stays on the token"));
	assert_null(params);
	assert_true(i2d_PrivateKey(key, &der) <= 0);
	assert_null(der);
	assert_int_not_equal(EVP_PKEY_get_bn_param(key, part, &secret), 1);
	assert_null(secret);
	assert_int_not_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(BIO_pending(bio), 0);
	assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
	assert_null(OSSL_PARAM_locate(params, part));
	OSSL_PARAM_free(params);
	len = i2d_PUBKEY(key, &der);
	assert_true(len > 0);
	at = der;
	copy = d2i_PUBKEY(NULL, &at, len);
	assert_int_equal(EVP_PKEY_eq(copy, rig.software[id]), 1);
	EVP_PKEY_free(copy);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
	BIO_free(bio);
}

static void keeps_all(OSSL_LIB_CTX *libctx)
{
	keeps(libctx, 1, OSSL_PKEY_PARAM_RSA_D);
	keeps(libctx, 3, OSSL_PKEY_PARAM_PRIV_KEY);
}

static void the_public_part_goes_out_and_the_private_part_does_not(void **state)
{
	(void)state;
	in_both_orders(keeps_all);
}

/* A key of this provider with what selection takes of from; NULL where it is refused. */
static EVP_PKEY *imported(OSSL_LIB_CTX *libctx, EVP_PKEY *from, int selection)
{
	EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_name(libctx, EVP_PKEY_get0_type_name(from), "provider=hsmime");
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_todata(from, selection, &params), 1);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	(void)EVP_PKEY_fromdata(ctx, &key, selection, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void imports(OSSL_LIB_CTX *libctx)
{
	EVP_PKEY *own[] = { EVP_RSA_gen(2048), EVP_EC_gen("P-256") };

	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = imported(libctx, own[i], EVP_PKEY_PUBLIC_KEY);

		assert_non_null(key);
		assert_int_equal(EVP_PKEY_eq(key, own[i]), 1);
		assert_null(imported(libctx, own[i], EVP_PKEY_KEYPAIR));
		EVP_PKEY_free(key);
		EVP_PKEY_free(own[i]);
	}
}

static void public_keys_come_in_and_private_keys_do_not(void **state)
{
	(void)state;
	in_both_orders(imports);
}

static void copies(OSSL_LIB_CTX *libctx)
{
	EVP_PKEY *key = rig_key(libctx, 3), *whole = EVP_PKEY_dup(key), *peer = EVP_PKEY_new();
	unsigned char *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(rig.software[3], &point);
	EVP_PKEY *other = EVP_EC_gen("P-256");

	assert_int_equal(EVP_PKEY_eq(whole, key), 1);
	assert_int_equal(X509_check_private_key(rig.certs[3], whole), 1);
	assert_int_equal(EVP_PKEY_copy_parameters(peer, key), 1);
	assert_int_equal(EVP_PKEY_parameters_eq(peer, key), 1);
	assert_int_not_equal(EVP_PKEY_eq(peer, key), 1);
	assert_int_equal(EVP_PKEY_set1_encoded_public_key(peer, point, len), 1);
	assert_int_equal(EVP_PKEY_eq(peer, key), 1);
	point[len - 1] ^= 1;
	assert_int_not_equal(EVP_PKEY_set1_encoded_public_key(peer, point, len), 1);
	OPENSSL_free(point);
	len = EVP_PKEY_get1_encoded_public_key(other, &point);
	assert_int_not_equal(EVP_PKEY_set1_encoded_public_key(key, point, len), 1);
	assert_true(rig_said("can't be changed"));
	assert_int_equal(EVP_PKEY_eq(key, rig.software[3]), 1);
	OPENSSL_free(point);
	EVP_PKEY_free(other);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(whole);
	EVP_PKEY_free(key);
}

static void a_copy_of_the_curve_takes_another_point_and_the_key_does_not(void **state)
{
	(void)state;
	in_both_orders(copies);
}

static void checks(OSSL_LIB_CTX *libctx)
{
	for (int id = 1; id < RIG_KEYS; id += 2) {
		EVP_PKEY *key = rig_key(libctx, id);
		EVP_PKEY *part = imported(libctx, rig.software[id], EVP_PKEY_PUBLIC_KEY);
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
		EVP_PKEY_CTX *part_ctx = EVP_PKEY_CTX_new_from_pkey(libctx, part, NULL);

		assert_int_equal(EVP_PKEY_public_check(ctx), 1);
		assert_int_equal(EVP_PKEY_public_check_quick(ctx), 1);
		assert_int_equal(EVP_PKEY_param_check(ctx), 1);
		assert_int_equal(EVP_PKEY_private_check(ctx), 1);
		assert_int_equal(EVP_PKEY_public_check(part_ctx), 1);
		assert_int_not_equal(EVP_PKEY_private_check(part_ctx), 1);
		assert_int_not_equal(EVP_PKEY_pairwise_check(part_ctx), 1);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_CTX_free(part_ctx);
		EVP_PKEY_free(part);
		EVP_PKEY_free(key);
	}
}

static void checking_finds_the_public_part_good_and_misses_a_private_part(void **state)
{
	(void)state;
	in_both_orders(checks);
}

/* Whatever the program expects: the URI says that it is not the private key that is meant. */
static void names_public_keys(OSSL_LIB_CTX *libctx)
{
	char uri[64];

	for (int id = 1; id < RIG_KEYS; id++) {
		snprintf(uri, sizeof(uri), "pkcs11:token=Rig;id=%%%02d;type=public", id);
		assert_null(rig_load(libctx, uri, NULL, NULL));
	}
}

static void a_uri_of_a_public_key_gives_no_private_key(void **state)
{
	(void)state;
	in_both_orders(names_public_keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_tell_their_size_strength_and_group, rig_reset),
		cmocka_unit_test_setup(keys_show_their_public_part, rig_reset),
		cmocka_unit_test_setup(
		    keys_equal_their_public_keys_and_certificates_and_no_others, rig_reset),
		cmocka_unit_test_setup(
		    the_public_part_goes_out_and_the_private_part_does_not, rig_reset),
		cmocka_unit_test_setup(public_keys_come_in_and_private_keys_do_not, rig_reset),
		cmocka_unit_test_setup(
		    a_copy_of_the_curve_takes_another_point_and_the_key_does_not, rig_reset),
		cmocka_unit_test_setup(
		    checking_finds_the_public_part_good_and_misses_a_private_part, rig_reset),
		cmocka_unit_test_setup(a_uri_of_a_public_key_gives_no_private_key, rig_reset),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
