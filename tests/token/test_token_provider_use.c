#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "engine/engine.h"
#include "engine/provider/provider.h"
#include "provider_rig.h"

static const unsigned char text[] = "Agreed: 1000 units at 5.";
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

/* A digest-sign context on the token's key; md NULL: the key's default. */
static EVP_MD_CTX *signer(EVP_PKEY_CTX **ctx, int id, const char *md)
{
	EVP_PKEY *key = rig_key(libctx, id);
	EVP_MD_CTX *md_ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestSignInit_ex(md_ctx, ctx, md, libctx, NULL, key, NULL), 1);
	EVP_PKEY_free(key);
	return md_ctx;
}

static void digest_signs(int id, const char *md)
{
	EVP_MD_CTX *ctx = signer(NULL, id, md);
	unsigned char sig[512];
	size_t len = 0;

	assert_int_equal(EVP_DigestSignUpdate(ctx, text, 10), 1);
	assert_int_equal(EVP_DigestSignUpdate(ctx, text + 10, sizeof(text) - 10), 1);
	assert_int_equal(EVP_DigestSignFinal(ctx, NULL, &len), 1);
	assert_true(len <= (size_t)EVP_PKEY_get_size(rig.software[id]));
	assert_int_equal(EVP_DigestSignFinal(ctx, sig, &len), 1);
	assert_true(rig_verifies(id, md, sig, len, text, sizeof(text)));
	assert_false(rig_verifies(id, md, sig, len, text, sizeof(text) - 1));
	EVP_MD_CTX_free(ctx);
}

static void digest_signatures_verify_by_any_name_of_the_digest(void **state)
{
	static const char *const names[] = { "SHA2-256", "SHA-256", "sha256", "SHA2-512",
		"SHA3-384", "2.16.840.1.101.3.4.2.2", "SHA1" };

	(void)state;
	for (int id = 1; id < RIG_KEYS; id += 2)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			digest_signs(id, names[i]);
	digest_signs(1, NULL);
	digest_signs(3, NULL);
}

static void an_unknown_digest_is_refused(void **state)
{
	EVP_PKEY *key = rig_key(libctx, 1);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	char name[] = "NOPE";
	OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, name, 4),
		OSSL_PARAM_END };

	(void)state;
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_not_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
	assert_true(rig_said("unknown digest"));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

/* What is hashed with one digest would be called another's value. */
static void the_digest_can_not_change_while_octets_are_hashed(void **state)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_MD_CTX *md_ctx = signer(&ctx, 1, "SHA256");
	char same_name[] = "SHA2-256", other_name[] = "SHA512";
	OSSL_PARAM same[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, same_name, 8),
		OSSL_PARAM_END };
	OSSL_PARAM other[] = { OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, other_name, 6),
		OSSL_PARAM_END };
	unsigned char sig[256];
	size_t len = sizeof(sig);

	(void)state;
	assert_int_equal(EVP_DigestSignUpdate(md_ctx, text, sizeof(text)), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, same), 1);
	assert_int_not_equal(EVP_PKEY_CTX_set_params(ctx, other), 1);
	assert_true(rig_said("can't change"));
	assert_int_equal(EVP_DigestSignFinal(md_ctx, sig, &len), 1);
	assert_true(rig_verifies(1, "SHA256", sig, len, text, sizeof(text)));
	EVP_MD_CTX_free(md_ctx);
}

static void a_copy_made_while_octets_are_hashed_signs_what_it_got(void **state)
{
	EVP_MD_CTX *ctx = signer(NULL, 3, "SHA256"), *copy = EVP_MD_CTX_new();
	unsigned char sig[2][256];
	size_t len[2] = { sizeof(sig[0]), sizeof(sig[1]) };

	(void)state;
	assert_int_equal(EVP_DigestSignUpdate(ctx, text, 5), 1);
	assert_int_equal(EVP_MD_CTX_copy_ex(copy, ctx), 1);
	assert_int_equal(EVP_DigestSignUpdate(ctx, text + 5, 6), 1);
	assert_int_equal(EVP_DigestSignFinal(ctx, sig[0], &len[0]), 1);
	EVP_MD_CTX_free(ctx);
	assert_int_equal(EVP_DigestSignFinal(copy, sig[1], &len[1]), 1);
	EVP_MD_CTX_free(copy);
	assert_true(rig_verifies(3, "SHA256", sig[0], len[0], text, 11));
	assert_true(rig_verifies(3, "SHA256", sig[1], len[1], text, 5));
}

static void a_context_signs_again_with_another_digest(void **state)
{
	EVP_PKEY *key = rig_key(libctx, 1);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	static const char *const names[] = { "SHA256", "SHA512" };
	unsigned char value[64], sig[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		EVP_MD *md = EVP_MD_fetch(libctx, names[i], NULL);
		size_t len = sizeof(sig);

		assert_int_equal(EVP_Digest(text, sizeof(text), value, NULL, md, NULL), 1);
		assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
		assert_int_equal(
		    EVP_PKEY_sign(ctx, sig, &len, value, (size_t)EVP_MD_get_size(md)), 1);
		assert_true(rig_verifies(1, names[i], sig, len, text, sizeof(text)));
		len = sizeof(sig);
		assert_int_not_equal(EVP_PKEY_sign(ctx, sig, &len, value, 31), 1);
		len = 255;
		assert_int_not_equal(EVP_PKEY_sign(ctx, sig, &len, value, 32 * (i + 1)), 1);
		EVP_MD_free(md);
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static EVP_PKEY_CTX *decrypter(int id, int padding)
{
	EVP_PKEY *key = rig_key(libctx, id);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

	EVP_PKEY_free(key);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	return ctx;
}

static void set_oaep(EVP_PKEY_CTX *ctx)
{
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA2-256", NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, "SHA2-512", NULL), 1);
	assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup("label"), 5), 1);
}

static size_t encrypt(unsigned char out[256], int id, int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, rig.software[id], NULL);
	size_t len = 256;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	if (padding == RSA_PKCS1_OAEP_PADDING)
		set_oaep(ctx);
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &len, text, sizeof(text)), 1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static void decrypts(EVP_PKEY_CTX *ctx, const unsigned char *data, size_t len)
{
	unsigned char plain[256];
	size_t plain_len = 0;

	assert_int_equal(EVP_PKEY_decrypt(ctx, NULL, &plain_len, data, len), 1);
	assert_int_equal(plain_len, 256);
	assert_int_equal(EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len), 1);
	assert_int_equal(plain_len, sizeof(text));
	assert_memory_equal(plain, text, sizeof(text));
	plain_len = sizeof(text) - 1;
	assert_int_not_equal(EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len), 1);
	assert_true(rig_said("too small"));
}

static void a_copied_context_decrypts_with_the_same_parameters(void **state)
{
	EVP_PKEY_CTX *ctx = decrypter(1, RSA_PKCS1_OAEP_PADDING), *copy = NULL;
	unsigned char data[256], *label = NULL;
	size_t len = encrypt(data, 1, RSA_PKCS1_OAEP_PADDING);
	char name[32];

	(void)state;
	set_oaep(ctx);
	copy = EVP_PKEY_CTX_dup(ctx);
	EVP_PKEY_CTX_free(ctx);
	assert_int_equal(EVP_PKEY_CTX_get_rsa_oaep_md_name(copy, name, sizeof(name)), 1);
	assert_string_equal(name, "SHA256");
	assert_int_equal(EVP_PKEY_CTX_get0_rsa_oaep_label(copy, &label), 5);
	assert_memory_equal(label, "label", 5);
	decrypts(copy, data, len);
	EVP_PKEY_CTX_free(copy);
}

/* One error, the same for all of them, and nothing on why; no call of the token is tried again. */
static void refuses(EVP_PKEY_CTX *ctx, const unsigned char *data, size_t len)
{
	static const struct proxy_padding refused = { CKR_ENCRYPTED_DATA_INVALID, 0, 0 };
	unsigned char plain[256];
	size_t plain_len = sizeof(plain);
	struct error err = { 0 };
	unsigned long code;
	const char *words = NULL;

	rig.proxy->reset();
	rig.proxy->bad_padding(&refused);
	ERR_clear_error();
	assert_true(EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len) <= 0);
	assert_int_equal(rig.proxy->count("C_Decrypt"), 1);
	assert_int_equal(engine_take_error(&err), 0);
	code = ERR_get_error_all(NULL, NULL, NULL, &words, NULL);
	assert_string_equal(ERR_reason_error_string(code), "decryption failed");
	assert_string_equal(words, "");
	assert_int_equal(ERR_get_error(), 0);
}

static void what_does_not_decrypt_is_one_error_without_a_reason(void **state)
{
	static const int paddings[] = { RSA_PKCS1_PADDING, RSA_PKCS1_OAEP_PADDING };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY_CTX *ctx = decrypter(1, paddings[i]), *wrong = decrypter(2, paddings[i]);
		unsigned char data[256];
		size_t len = encrypt(data, 1, paddings[i]);

		if (paddings[i] == RSA_PKCS1_OAEP_PADDING) {
			set_oaep(ctx);
			set_oaep(wrong);
		}
		refuses(wrong, data, len);
		decrypts(ctx, data, len);
		data[255] ^= 1;
		refuses(ctx, data, len);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_CTX_free(wrong);
	}
}

/* What the module left on OpenSSL's queue would tell which of the two it was. */
static void with_a_substitute_nothing_tells_a_failure_from_a_success(void **state)
{
	EVP_PKEY_CTX *first = decrypter(1, RSA_PKCS1_PADDING), *ctx = NULL;
	unsigned char substitute[sizeof(text)], plain[256], data[256];
	size_t len = encrypt(data, 1, RSA_PKCS1_PADDING), plain_len = 0;
	OSSL_PARAM params[] = { OSSL_PARAM_octet_string(
				    PROVIDER_PARAM_SUBSTITUTE, substitute, sizeof(substitute)),
		OSSL_PARAM_END };

	(void)state;
	memset(substitute, 's', sizeof(substitute));
	assert_int_equal(EVP_PKEY_CTX_set_params(first, params), 1);
	ctx = EVP_PKEY_CTX_dup(first);
	EVP_PKEY_CTX_free(first);
	for (int damage = 0; damage < 2; damage++) {
		plain_len = sizeof(plain);
		data[255] ^= (unsigned char)damage;
		assert_int_equal(EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len), 1);
		assert_int_equal(plain_len, sizeof(text));
		assert_memory_equal(plain, damage ? substitute : text, sizeof(text));
		assert_int_equal(ERR_peek_error(), 0);
		assert_int_equal(engine_take_error(NULL), 0);
	}
	EVP_PKEY_CTX_free(ctx);
}

static void a_token_that_fails_says_so(void **state)
{
	EVP_MD_CTX *ctx = signer(NULL, 1, "SHA256");
	unsigned char sig[256];
	size_t len = sizeof(sig);
	struct error err = { 0 };

	(void)state;
	rig.proxy->refuse("C_Sign", CKR_DEVICE_ERROR, 0, 1);
	assert_int_not_equal(EVP_DigestSign(ctx, sig, &len, text, sizeof(text)), 1);
	assert_int_equal(engine_take_error(&err), HSMIME_ETOKEN);
	assert_true(rig_said("CKR_DEVICE_ERROR"));
	EVP_MD_CTX_free(ctx);
}

static void uses(OSSL_LIB_CTX *context, int id)
{
	EVP_PKEY *key = rig_key(context, id);
	EVP_MD_CTX *md_ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, key, NULL);
	unsigned char sig[512];
	size_t len = sizeof(sig);

	assert_int_equal(
	    EVP_DigestSignInit_ex(md_ctx, NULL, "SHA256", context, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(md_ctx, sig, &len, text, sizeof(text)), 1);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	if (EVP_PKEY_is_a(key, "RSA"))
		assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	else
		assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(X509_check_private_key(rig.certs[id], key), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_MD_CTX_free(md_ctx);
	EVP_PKEY_free(key);
}

/* OpenSSL asks other providers first and has the private key refused to them. */
static void what_succeeds_leaves_no_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		OSSL_LIB_CTX *context = rig_context(rig_orders[i][0], rig_orders[i][1]);

		ERR_clear_error();
		uses(context, 1);
		uses(context, 3);
		assert_int_equal(ERR_peek_error(), 0);
		rig_close(context);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    digest_signatures_verify_by_any_name_of_the_digest, rig_reset),
		cmocka_unit_test_setup(an_unknown_digest_is_refused, rig_reset),
		cmocka_unit_test_setup(
		    the_digest_can_not_change_while_octets_are_hashed, rig_reset),
		cmocka_unit_test_setup(
		    a_copy_made_while_octets_are_hashed_signs_what_it_got, rig_reset),
		cmocka_unit_test_setup(a_context_signs_again_with_another_digest, rig_reset),
		cmocka_unit_test_setup(
		    a_copied_context_decrypts_with_the_same_parameters, rig_reset),
		cmocka_unit_test_setup(
		    what_does_not_decrypt_is_one_error_without_a_reason, rig_reset),
		cmocka_unit_test_setup(
		    with_a_substitute_nothing_tells_a_failure_from_a_success, rig_reset),
		cmocka_unit_test_setup(a_token_that_fails_says_so, rig_reset),
		cmocka_unit_test_setup(what_succeeds_leaves_no_error, rig_reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
