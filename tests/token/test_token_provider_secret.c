/*
 * No branch and no address depends on what the token decrypted. The saboteur gives octets and
 * lengths that valgrind's memcheck takes for undefined (scripts/check-valgrind runs this); without
 * valgrind only the results are tested.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "engine/provider/tls_premaster.h"
#include "operate.h"
#include "token_rig.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(address, len) ((void)(address), (void)(len))
#define VALGRIND_COUNT_ERRORS 0
#endif

#define MODULUS 256 /* octets */
#define SECRET 32   /* octets of a content key */

/* A way in which a content key comes, and the mechanism without which the token does raw RSA. */
struct way {
	enum token_decrypt_scheme scheme;
	const char *digest; /* OAEP */
	CK_MECHANISM_TYPE hidden;
};
static const struct way ways[] = {
	{ TOKEN_DECRYPT_RSA_PKCS1, NULL, 0 },
	{ TOKEN_DECRYPT_RSA_PKCS1, NULL, CKM_RSA_PKCS },
	{ TOKEN_DECRYPT_RSA_OAEP, "SHA1", 0 },
	{ TOKEN_DECRYPT_RSA_OAEP, "SHA1", CKM_RSA_PKCS_OAEP },
	{ TOKEN_DECRYPT_RSA_OAEP, "SHA256", CKM_RSA_PKCS_OAEP },
};

static const unsigned char substitute[SECRET] = "what stands in for content keys";
static unsigned char premaster[TLS_PREMASTER_SIZE] = { TLS1_2_VERSION >> 8, TLS1_2_VERSION & 0xff,
	7 };

/* len octets for k's public key, by that scheme. */
static void encrypt(unsigned char out[MODULUS], struct token_key *k, const struct way *way,
    const unsigned char *data, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(k), NULL);
	size_t out_len = MODULUS;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	if (way->scheme == TOKEN_DECRYPT_RSA_OAEP) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, way->digest, NULL), 1);
	}
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &out_len, data, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

/* What comes of it has to be expected, without a word of valgrind's. */
static void gives(struct token_key *k, const struct way *way, const unsigned char *data,
    const unsigned char *expected)
{
	unsigned char out[2 * MODULUS];
	size_t len = sizeof(out);
	struct token_decrypt q = { .scheme = way->scheme,
		.digest = way->digest,
		.data = data,
		.len = MODULUS,
		.substitute = substitute,
		.substitute_len = SECRET };
	long errors = VALGRIND_COUNT_ERRORS;

	assert_int_equal(token_key_decrypt(k, out, &len, &q, &token_rig.err), 0);
	assert_int_equal(VALGRIND_COUNT_ERRORS, errors);
	assert_int_equal(len, SECRET);
	VALGRIND_MAKE_MEM_DEFINED(out, sizeof(out));
	assert_memory_equal(out, expected, SECRET);
}

static void the_content_key_or_its_substitute_is_chosen_without_a_branch(void **state)
{
	static const unsigned char other[SECRET + 1] = "a content key of another length";

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct engine *e = operate_engine();
		struct token_key *k = operate_key(e, TOKEN_RIG_RSA, ENGINE_DECRYPT);
		unsigned char data[MODULUS];

		if (ways[i].hidden != 0)
			token_rig.proxy->hide_mechanism(ways[i].hidden);
		token_rig.proxy->poison(1);
		encrypt(data, k, &ways[i], operate_secret, SECRET);
		gives(k, &ways[i], data, operate_secret);
		data[MODULUS - 1] ^= 1;
		gives(k, &ways[i], data, substitute);
		encrypt(data, k, &ways[i], other, sizeof(other));
		gives(k, &ways[i], data, substitute);
		assert_int_equal(token_rig.proxy->count("C_Decrypt"), 3);
		token_key_free(k);
		engine_free(e);
		token_rig.proxy->reset();
	}
}

/* What comes of it, without a word of valgrind's: 1 where that is the premaster secret. */
static int comes_out(struct token_key *k, const unsigned char *data)
{
	static const struct tls_versions versions = { TLS1_2_VERSION, TLS1_1_VERSION };
	unsigned char out[TLS_PREMASTER_SIZE];
	long errors = VALGRIND_COUNT_ERRORS;

	assert_int_equal(
	    tls_premaster_decrypt(out, k, data, MODULUS, &versions, &token_rig.err), 0);
	assert_int_equal(VALGRIND_COUNT_ERRORS, errors);
	VALGRIND_MAKE_MEM_DEFINED(out, sizeof(out));
	return memcmp(out, premaster, sizeof(out)) == 0;
}

static void the_premaster_secret_is_chosen_without_a_branch(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct engine *e = operate_engine();
		struct token_key *k = operate_key(e, TOKEN_RIG_RSA, ENGINE_DECRYPT);
		unsigned char data[MODULUS], old[TLS_PREMASTER_SIZE];

		if (ways[i].hidden != 0)
			token_rig.proxy->hide_mechanism(ways[i].hidden);
		token_rig.proxy->poison(1);
		encrypt(data, k, &ways[i], premaster, sizeof(premaster));
		assert_true(comes_out(k, data));
		data[MODULUS - 1] ^= 1;
		assert_false(comes_out(k, data));
		memcpy(old, premaster, sizeof(old));
		old[1] = TLS1_VERSION & 0xff;
		encrypt(data, k, &ways[i], old, sizeof(old));
		assert_false(comes_out(k, data));
		token_key_free(k);
		engine_free(e);
		token_rig.proxy->reset();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    the_content_key_or_its_substitute_is_chosen_without_a_branch, token_rig_begin),
		cmocka_unit_test_setup(
		    the_premaster_secret_is_chosen_without_a_branch, token_rig_begin),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
