#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "engine/padding.h"
#include "rsa.h"

static EVP_PKEY_CTX *verifier(EVP_PKEY *k, int padding, const char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k, NULL);

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(digest)), 1);
	return ctx;
}

static void pss_verifies(EVP_PKEY *k, const struct padding *p)
{
	size_t bits = (size_t)EVP_PKEY_get_bits(k), len = (bits + 7) / 8,
	       size = digest_size(p->digest);
	unsigned char hash[EVP_MAX_MD_SIZE], em[K], sig[K];
	const char *mgf = p->mgf1_digest != NULL ? p->mgf1_digest : p->digest;
	EVP_PKEY_CTX *ctx = verifier(k, RSA_PKCS1_PSS_PADDING, p->digest);

	memset(hash, 0x33, sizeof(hash));
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)p->salt_len), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL), 1);
	assert_int_equal(padding_encode_pss(em, len, bits, p, hash, size), 0);
	rsa_raw(sig, k, em, len);
	assert_int_equal(EVP_PKEY_verify(ctx, sig, len, hash, size), 1);
	hash[0] ^= 1;
	assert_int_not_equal(EVP_PKEY_verify(ctx, sig, len, hash, size), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void pss_blocks_verify_for_every_hash_mgf1_and_salt(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j <= 4; j++) {
			struct padding p = { digests[i], j < 4 ? digests[j] : NULL,
				digest_size(digests[i]), NULL, 0 };

			pss_verifies(rsa_key, &p);
			p.salt_len = 0;
			pss_verifies(rsa_key, &p);
			pss_verifies(rsa_odd, &p);
			p.salt_len = K - digest_size(digests[i]) - 2;
			pss_verifies(rsa_key, &p);
		}
}

static void pss_that_does_not_fit_is_refused(void **state)
{
	struct padding p = { "SHA512", NULL, K - 64 - 1, NULL, 0 };
	unsigned char hash[64] = { 0 }, em[K];

	(void)state;
	assert_int_equal(padding_encode_pss(em, K, 2048, &p, hash, 64), HSMIME_EUSAGE);
	p.salt_len = SIZE_MAX;
	assert_int_equal(padding_encode_pss(em, K, 2048, &p, hash, 64), HSMIME_EUSAGE);
	p.salt_len = 64;
	assert_int_equal(padding_encode_pss(em, K, 2048, &p, hash, 63), HSMIME_EUSAGE);
	assert_int_equal(padding_encode_pss(em, K - 1, 2048, &p, hash, 64), HSMIME_EUSAGE);
	assert_int_equal(padding_encode_pss(em, K, 0, &p, hash, 64), HSMIME_EUSAGE);
	p.mgf1_digest = "NOPE";
	assert_int_equal(padding_encode_pss(em, K, 2048, &p, hash, 64), HSMIME_EUNSUPPORTED);
}

static void pkcs1_signature_blocks_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		unsigned char hash[64] = { 9 }, info[PADDING_DIGEST_INFO_MAX], em[K], sig[K];
		size_t len = sizeof(info);
		EVP_PKEY_CTX *ctx = verifier(rsa_key, RSA_PKCS1_PADDING, digests[i]);

		assert_int_equal(
		    padding_digest_info(info, &len, digests[i], hash, digest_size(digests[i])), 0);
		assert_int_equal(padding_encode_pkcs1(em, K, info, len), 0);
		rsa_raw(sig, rsa_key, em, K);
		assert_int_equal(EVP_PKEY_verify(ctx, sig, K, hash, digest_size(digests[i])), 1);
		hash[1] ^= 1;
		assert_int_not_equal(
		    EVP_PKEY_verify(ctx, sig, K, hash, digest_size(digests[i])), 1);
		EVP_PKEY_CTX_free(ctx);
	}
}

static void digest_infos_and_pkcs1_blocks_that_do_not_fit_are_refused(void **state)
{
	unsigned char hash[64] = { 0 }, info[PADDING_DIGEST_INFO_MAX], em[K];
	size_t len = sizeof(info);

	(void)state;
	assert_int_equal(padding_digest_info(info, &len, "NOPE", hash, 32), HSMIME_EUNSUPPORTED);
	assert_int_equal(padding_digest_info(info, &len, "SHA256", hash, 31), HSMIME_EUSAGE);
	len = 50;
	assert_int_equal(padding_digest_info(info, &len, "SHA256", hash, 32), HSMIME_EUSAGE);
	len = 51;
	assert_int_equal(padding_digest_info(info, &len, "SHA256", hash, 32), 0);
	assert_int_equal(len, 51);
	assert_int_equal(padding_encode_pkcs1(em, 64, hash, 53), 0);
	assert_int_equal(padding_encode_pkcs1(em, 64, hash, 54), HSMIME_EUSAGE);
	assert_int_equal(padding_encode_pkcs1(em, 10, hash, 0), HSMIME_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pss_blocks_verify_for_every_hash_mgf1_and_salt),
		cmocka_unit_test(pss_that_does_not_fit_is_refused),
		cmocka_unit_test(pkcs1_signature_blocks_verify),
		cmocka_unit_test(digest_infos_and_pkcs1_blocks_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, rsa_set_up, rsa_tear_down);
}
