/* Two calls each also where parameters, or padding that the token can't do, make more of an operation. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "token_rig.h"

#define ROOM 512
#define TIMES 3

static struct engine *e;
static struct token_key *key;
static unsigned char digest[64];

/* Each test's engine has to find out anew what the token can do. */
static int begin(void **state)
{
	token_rig_begin(state);
	memset(digest, 0x5c, sizeof(digest));
	e = operate_engine();
	key = operate_key(e, TOKEN_RIG_RSA, ENGINE_SIGN);
	return 0;
}

static int end(void **state)
{
	(void)state;
	token_key_free(key);
	engine_free(e);
	return 0;
}

static void verify(const struct token_sign *q, const unsigned char *sig, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(key), NULL);
	bool pss = q->scheme == TOKEN_SIGN_RSA_PSS;

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(q->digest)), 1);
	if (pss) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx,
				     q->mgf1_digest != NULL ? q->mgf1_digest : q->digest, NULL),
		    1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)q->salt_len), 1);
	}
	assert_int_equal(EVP_PKEY_verify(ctx, sig, len, q->data, q->len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void sign(const struct token_sign *how)
{
	unsigned char sig[ROOM];
	size_t len = sizeof(sig);
	struct token_sign q = *how;

	q.data = digest;
	q.len = strcmp(q.digest, "SHA512") == 0 ? 64 : 32;
	if (token_key_sign(key, sig, &len, &q, &token_rig.err) != 0)
		fail_msg("%s", token_rig.err.message);
	verify(&q, sig, len);
}

static void is_two_calls(const char *init, const char *call)
{
	assert_int_equal(token_rig.proxy->count(init), TIMES);
	assert_int_equal(token_rig.proxy->count(call), TIMES);
	assert_int_equal(token_rig.proxy->round_trips(), 2 * TIMES);
}

static void warm_signatures_are_two_calls(const struct token_sign *how)
{
	sign(how);
	token_rig.proxy->reset();
	for (int i = 0; i < TIMES; i++)
		sign(how);
	is_two_calls("C_SignInit", "C_Sign");
}

static void a_warm_pss_signature_is_two_calls(void **state)
{
	static const struct token_sign ways[] = {
		{ .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA256", .salt_len = 32 },
		{ .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA512", .salt_len = 64 },
		{ .scheme = TOKEN_SIGN_RSA_PSS,
		    .digest = "SHA256",
		    .mgf1_digest = "SHA1",
		    .salt_len = 20 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		warm_signatures_are_two_calls(&ways[i]);
}

/* The token shows that it lacks it once, and is not asked again. */
static void so_is_one_that_is_padded_in_software(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE lacks;
		struct token_sign how;
	} ways[] = {
		{ CKM_RSA_PKCS_PSS,
		    { .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA256", .salt_len = 32 } },
		{ CKM_RSA_PKCS, { .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		token_rig.proxy->hide_mechanism(ways[i].lacks);
		sign(&ways[i].how);
		token_rig.proxy->reset();
		token_rig.proxy->hide_mechanism(ways[i].lacks);
		for (int n = 0; n < TIMES; n++)
			sign(&ways[i].how);
		is_two_calls("C_SignInit", "C_Sign");
	}
}

/* A way to encrypt; digest NULL: PKCS #1 v1.5. */
struct way {
	const char *digest, *mgf1_digest, *label;
	CK_MECHANISM_TYPE lacks; /* and the token hides that; 0: nothing */
};

static size_t encrypt(unsigned char *data, const struct way *w)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(key), NULL);
	size_t len = ROOM;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	if (w->digest != NULL) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, w->digest, NULL), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx,
				     w->mgf1_digest != NULL ? w->mgf1_digest : w->digest, NULL),
		    1);
	}
	if (w->label != NULL)
		assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(
				     ctx, OPENSSL_strdup(w->label), (int)strlen(w->label)),
		    1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, data, &len, operate_secret, OPERATE_SECRET), 1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

static int decrypt(const struct way *w, const unsigned char *data, size_t len)
{
	unsigned char out[ROOM];
	size_t out_len = sizeof(out);
	struct token_decrypt q = { .digest = w->digest,
		.mgf1_digest = w->mgf1_digest,
		.label = (const unsigned char *)w->label,
		.label_len = w->label != NULL ? strlen(w->label) : 0,
		.data = data,
		.len = len };
	int r;

	q.scheme = w->digest != NULL ? TOKEN_DECRYPT_RSA_OAEP : TOKEN_DECRYPT_RSA_PKCS1;
	r = token_key_decrypt(key, out, &out_len, &q, &token_rig.err);
	if (r == 0) {
		assert_int_equal(out_len, OPERATE_SECRET);
		assert_memory_equal(out, operate_secret, OPERATE_SECRET);
	}
	return r;
}

static void reset(const struct way *w)
{
	token_rig.proxy->reset();
	if (w->lacks != 0)
		token_rig.proxy->hide_mechanism(w->lacks);
}

static void warm_decryptions_are_two_calls(const struct way *w)
{
	unsigned char data[ROOM];
	size_t len = encrypt(data, w);

	reset(w);
	assert_int_equal(decrypt(w, data, len), 0);
	reset(w);
	for (int i = 0; i < TIMES; i++)
		assert_int_equal(decrypt(w, data, len), 0);
	is_two_calls("C_DecryptInit", "C_Decrypt");
	/* A bad one costs as much, and so does the good one after it. */
	data[9] ^= 1;
	reset(w);
	assert_int_equal(decrypt(w, data, len), HSMIME_EINVALID);
	data[9] ^= 1;
	assert_int_equal(decrypt(w, data, len), 0);
	assert_int_equal(decrypt(w, data, len), 0);
	is_two_calls("C_DecryptInit", "C_Decrypt");
}

static void a_warm_oaep_decryption_is_two_calls_good_or_bad(void **state)
{
	/* SoftHSM does the first one itself; the others are unpadded in software. */
	static const struct way ways[] = {
		{ .digest = "SHA1" },
		{ .digest = "SHA256" },
		{ .digest = "SHA512" },
		{ .digest = "SHA256", .mgf1_digest = "SHA1" },
		{ .digest = "SHA1", .label = "label" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		warm_decryptions_are_two_calls(&ways[i]);
}

static void so_is_one_that_is_unpadded_in_software(void **state)
{
	static const struct way ways[] = {
		{ .lacks = CKM_RSA_PKCS },
		{ .digest = "SHA1", .lacks = CKM_RSA_PKCS_OAEP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		warm_decryptions_are_two_calls(&ways[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_warm_pss_signature_is_two_calls),
		TEST(so_is_one_that_is_padded_in_software),
		TEST(a_warm_oaep_decryption_is_two_calls_good_or_bad),
		TEST(so_is_one_that_is_unpadded_in_software),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
