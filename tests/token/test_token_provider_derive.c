#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>

#include "provider_rig.h"

static OSSL_LIB_CTX *libctx;

static int set_up(void **state)
{
	int r = rig_setup(state);

	rig_reset(state);
	libctx = rig_context("default", "hsmime");
	return r;
}

static int tear_down(void **state)
{
	rig_close(libctx);
	return rig_teardown(state);
}

/* What the token derives in out, or 0; with the X9.63 KDF where kdf is set. */
static size_t derive(unsigned char *out, EVP_PKEY *key, EVP_PKEY *peer, bool kdf, bool copied)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL), *copy = NULL;
	size_t len = 0;

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	if (kdf) {
		assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63), 1);
		assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha384()), 1);
		assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, 40), 1);
		assert_int_equal(EVP_PKEY_CTX_set0_ecdh_kdf_ukm(
				     ctx, (unsigned char *)OPENSSL_strdup("shared"), 6),
		    1);
	}
	copy = copied ? EVP_PKEY_CTX_dup(ctx) : ctx;
	if (EVP_PKEY_derive_set_peer(copy, peer) != 1 || EVP_PKEY_derive(copy, NULL, &len) != 1 ||
	    EVP_PKEY_derive(copy, out, &len) != 1)
		len = 0;
	if (copied)
		EVP_PKEY_CTX_free(copy);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static EVP_PKEY *public_of(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	const unsigned char *at = der;
	EVP_PKEY *public_key = d2i_PUBKEY(NULL, &at, len);

	OPENSSL_free(der);
	return public_key;
}

static void derives(int id, const char *curve)
{
	EVP_PKEY *own = EVP_EC_gen(curve), *peer = public_of(own), *key = rig_key(libctx, id);
	unsigned char ours[80], theirs[80];

	for (int i = 0; i < 4; i++) {
		bool kdf = i % 2 == 1;
		size_t len = derive(ours, key, peer, kdf, i >= 2);

		assert_int_equal(len, kdf ? 40 : (EVP_PKEY_get_bits(own) + 7) / 8);
		assert_int_equal(derive(theirs, own, rig.software[id], kdf, false), len);
		assert_memory_equal(ours, theirs, len);
	}
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(key);
}

static void both_sides_derive_the_same_on_each_curve(void **state)
{
	(void)state;
	derives(3, "P-256");
	derives(4, "P-384");
	derives(5, "P-521");
}

static void a_peer_on_another_curve_and_a_small_buffer_are_refused(void **state)
{
	EVP_PKEY *key = rig_key(libctx, 3);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	unsigned char out[80];
	size_t len = 31;

	(void)state;
	assert_int_equal(derive(out, key, rig.software[4], false, false), 0);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, rig.software[3]), 1);
	rig.proxy->reset();
	assert_int_not_equal(EVP_PKEY_derive(ctx, out, &len), 1);
	assert_int_equal(rig.proxy->count("C_DeriveKey"), 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static void a_peer_on_another_curve_is_called_that(void **state)
{
	EVP_PKEY *key = rig_key(libctx, 3);
	unsigned char out[80];

	(void)state;
	rig.proxy->reset();
	assert_int_equal(derive(out, key, rig.software[4], false, false), 0);
	assert_true(rig_said("not on the curve"));
	assert_int_equal(rig.proxy->count("C_DeriveKey"), 0);
	EVP_PKEY_free(key);
}

static void a_key_derivation_without_a_digest_or_a_length_is_refused_in_words(void **state)
{
	EVP_PKEY *key = rig_key(libctx, 3), *peer = rig.software[3];
	unsigned char out[80];

	(void)state;
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
		size_t len = sizeof(out);

		assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
		assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
		assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63), 1);
		if (i == 0)
			assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, 40), 1);
		else
			assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()), 1);
		rig.proxy->reset();
		assert_int_not_equal(EVP_PKEY_derive(ctx, out, &len), 1);
		assert_true(rig_said("needs a digest and a length"));
		assert_int_equal(rig.proxy->count("C_DeriveKey"), 0);
		EVP_PKEY_CTX_free(ctx);
	}
	EVP_PKEY_free(key);
}

/* With a cofactor of one the modes are one; elsewhere the token would do what was not asked for. */
static void cofactor_mode_is_taken_where_it_makes_no_difference_and_else_refused(void **state)
{
	EVP_PKEY *binary = EVP_EC_gen("B-233"), *public_key = public_of(binary);
	EVP_PKEY *key = rig_key(libctx, 3);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

	(void)state;
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 0);
	assert_int_equal(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 1), 1);
	assert_int_equal(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 1);
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new_from_pkey(libctx, public_key, "provider=hsmime");
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 0), 1);
	assert_int_not_equal(EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 1), 1);
	assert_true(rig_said("cofactor is not done"));
	assert_int_equal(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 0);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(binary);
	EVP_PKEY_free(public_key);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_sides_derive_the_same_on_each_curve, rig_reset),
		cmocka_unit_test_setup(
		    a_peer_on_another_curve_and_a_small_buffer_are_refused, rig_reset),
		cmocka_unit_test_setup(a_peer_on_another_curve_is_called_that, rig_reset),
		cmocka_unit_test_setup(
		    a_key_derivation_without_a_digest_or_a_length_is_refused_in_words, rig_reset),
		cmocka_unit_test_setup(
		    cofactor_mode_is_taken_where_it_makes_no_difference_and_else_refused,
		    rig_reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
