#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "operate.h"
#include "softtoken.h"

/* RSA 01 (2048) and 02 (1025 bits: PSS blocks are an octet shorter), EC 03 to 07. */
static struct softtoken st;
static EVP_PKEY *keys[8];
static struct engine *e;
static struct error err;
static const struct proxy *proxy;

static int set_up(void **state)
{
	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Sign");
	keys[1] = softtoken_rsa(&st, 1, "rsa", 2048, KEY_SIGN);
	keys[2] = softtoken_rsa(&st, 2, "odd", 1025, KEY_SIGN);
	keys[3] = softtoken_ec(&st, 3, "p256", "P-256", KEY_SIGN);
	keys[4] = softtoken_ec(&st, 4, "p384", "P-384", KEY_SIGN);
	keys[5] = softtoken_ec(&st, 5, "p521", "P-521", KEY_SIGN);
	keys[6] = softtoken_ec(&st, 6, "b571", "B-571", KEY_SIGN);
	keys[7] = softtoken_ec(&st, 7, "k571", "K-571", KEY_SIGN);
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	e = operate_engine();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	engine_free(e);
	for (size_t i = 0; i < 8; i++)
		EVP_PKEY_free(keys[i]);
	softtoken_end(&st);
	return 0;
}

static int reset(void **state)
{
	(void)state;
	proxy->reset();
	return 0;
}

static void open_key(struct engine_found *found, int id)
{
	char uri[64];

	snprintf(uri, sizeof(uri), "pkcs11:token=Sign;id=%%0%d", id);
	assert_int_equal(engine_find_key(found, e, uri, ENGINE_SIGN, &err), 0);
}

static EVP_PKEY_CTX *verifier(EVP_PKEY *key, const struct token_sign *q)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	if (q->scheme == TOKEN_SIGN_RSA_PSS) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)q->salt_len), 1);
		if (q->mgf1_digest != NULL)
			assert_int_equal(
			    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, q->mgf1_digest, NULL), 1);
	}
	if (q->digest != NULL)
		assert_int_equal(
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(q->digest)), 1);
	return ctx;
}

static int sign(int id, unsigned char *sig, size_t *len, const struct token_sign *q)
{
	struct engine_found found = { 0 };
	int r;

	open_key(&found, id);
	r = token_key_sign(found.key, sig, len, q, &err);
	engine_found_free(&found);
	return r;
}

/* Sign with the token, verify with OpenSSL; one changed bit must not verify. */
static void signs(int id, struct token_sign q)
{
	unsigned char digest[64], sig[2048];
	size_t len = sizeof(sig);
	EVP_PKEY_CTX *ctx = verifier(keys[id], &q);

	memset(digest, 0xa5, sizeof(digest));
	q.data = digest;
	q.len = q.digest != NULL ? (size_t)EVP_MD_get_size(EVP_get_digestbyname(q.digest)) : 36;
	assert_int_equal(sign(id, sig, &len, &q), 0);
	assert_int_equal(EVP_PKEY_verify(ctx, sig, len, digest, q.len), 1);
	digest[0] ^= 1;
	assert_int_not_equal(EVP_PKEY_verify(ctx, sig, len, digest, q.len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };

static void pkcs1_signatures_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++)
		signs(
		    1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = digests[i] });
	signs(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA3-256" });
	signs(2, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" });
	signs(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = NULL });
}

static void pss_signatures_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++)
		signs(
		    1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PSS,
			   .digest = digests[i],
			   .salt_len = (size_t)EVP_MD_get_size(EVP_get_digestbyname(digests[i])) });
	signs(1,
	    (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA256", .salt_len = 0 });
}

static void pss_that_the_token_lacks_is_padded_in_software(void **state)
{
	(void)state;
	signs(1, (struct token_sign){
		     .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA3-256", .salt_len = 32 });
	signs(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PSS,
		     .digest = "SHA256",
		     .mgf1_digest = "SHA1",
		     .salt_len = 20 });
	signs(2, (struct token_sign){
		     .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA3-256", .salt_len = 32 });
	signs(2, (struct token_sign){
		     .scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA3-256", .salt_len = 0 });
}

static void a_mechanism_that_is_refused_is_replaced_and_remembered(void **state)
{
	(void)state;
	proxy->refuse("C_SignInit", CKR_MECHANISM_INVALID, 0, 1);
	signs(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA224" });
	assert_int_equal(proxy->count("C_SignInit"), 2);
	signs(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA224" });
	assert_int_equal(proxy->count("C_SignInit"), 3);
}

static void ecdsa_signatures_are_der_and_verify(void **state)
{
	(void)state;
	for (int id = 3; id <= 5; id++)
		for (size_t i = 0; i < 5; i++)
			signs(id, (struct token_sign){
				      .scheme = TOKEN_SIGN_ECDSA, .digest = digests[i] });
}

/* Those of the NIST curves with the longest r and s: B-571's order is twice as large as K-571's. */
static void so_are_those_of_the_largest_curves(void **state)
{
	const struct token_sign q = { .scheme = TOKEN_SIGN_ECDSA, .digest = "SHA512" };

	(void)state;
	for (int id = 6; id <= 7; id++)
		for (int i = 0; i < 20; i++)
			signs(id, q);
}

static void a_raw_block_comes_back_through_the_public_key(void **state)
{
	unsigned char block[256] = { 0 }, sig[512], back[256];
	size_t len = sizeof(sig), back_len = sizeof(back);
	struct token_sign q = { .scheme = TOKEN_SIGN_RSA_RAW, .data = block, .len = 256 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(keys[1], NULL);

	(void)state;
	memset(block + 1, 0x5a, 255);
	assert_int_equal(sign(1, sig, &len, &q), 0);
	assert_int_equal(len, 256);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING);
	assert_int_equal(EVP_PKEY_encrypt(ctx, back, &back_len, sig, len), 1);
	assert_memory_equal(back, block, 256);
	EVP_PKEY_CTX_free(ctx);
}

static void refuses(int id, struct token_sign q, size_t len, size_t room, int status)
{
	unsigned char data[4096] = { 0 }, sig[4096];

	q.data = data;
	q.len = len;
	assert_int_equal(sign(id, sig, &room, &q), status);
	assert_int_equal(room, 0);
	assert_int_equal(err.code, status);
	assert_true(err.message[0] != '\0');
}

static void what_makes_no_sense_is_refused_before_the_token_signs(void **state)
{
	const struct token_sign pkcs1 = { .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" };
	const struct token_sign pss = {
		.scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA3-512", .salt_len = 64
	};

	(void)state;
	refuses(1, pkcs1, 31, 512, HSMIME_EUSAGE);
	refuses(1, pkcs1, 32, 255, HSMIME_EUSAGE);
	refuses(3, pkcs1, 32, 512, HSMIME_EUSAGE);
	refuses(1, (struct token_sign){ .scheme = TOKEN_SIGN_ECDSA, .digest = "SHA256" }, 32, 512,
	    HSMIME_EUSAGE);
	refuses(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_RAW }, 255, 512, HSMIME_EUSAGE);
	refuses(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1 }, 246, 512, HSMIME_EUSAGE);
	refuses(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "NOPE" }, 32, 512,
	    HSMIME_EUNSUPPORTED);
	refuses(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PSS }, 32, 512, HSMIME_EUSAGE);
	refuses(2, pss, 64, 512, HSMIME_EUSAGE);
	for (size_t i = 0; i < 3; i++) {
		static const size_t others[] = { 20, 32, 64 };
		const struct token_sign named = {
			.scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA384", .salt_len = 20
		};

		refuses(1, named, others[i], 512, HSMIME_EUSAGE);
	}
	refuses(1, (struct token_sign){ .scheme = TOKEN_SIGN_RSA_PSS, .digest = "NOPE" }, 32, 512,
	    HSMIME_EUNSUPPORTED);
	assert_int_equal(proxy->count("C_Sign"), 0);
}

static void a_failing_token_is_reported_in_words(void **state)
{
	const struct token_sign pkcs1 = { .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" };

	(void)state;
	proxy->refuse("C_Sign", CKR_DEVICE_ERROR, 0, 1);
	refuses(1, pkcs1, 32, 512, HSMIME_ETOKEN);
	assert_string_equal(
	    err.message, "token \"Sign\" reports a device error (sign: CKR_DEVICE_ERROR)");
	assert_int_equal(proxy->count("C_Sign"), 1);
}

/* The message is not to blame where the token can't do it. */
static void a_token_that_can_not_do_it_says_what_it_lacks(void **state)
{
	static const CK_RV codes[] = { CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_MECHANISM_INVALID,
		CKR_FUNCTION_NOT_SUPPORTED, CKR_KEY_SIZE_RANGE };
	const struct token_sign pss = {
		.scheme = TOKEN_SIGN_RSA_PSS, .digest = "SHA256", .salt_len = 32
	};
	const struct token_sign ecdsa = { .scheme = TOKEN_SIGN_ECDSA, .digest = "SHA256" };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		proxy->refuse("C_SignInit", codes[i], 0, 2);
		refuses(1, pss, 32, 512, HSMIME_ETOKEN);
		assert_non_null(strstr(err.hint, "lacks RSA-PSS signatures (CKM_RSA_PKCS_PSS"));
		proxy->refuse("C_SignInit", codes[i], 0, 1);
		refuses(3, ecdsa, 32, 512, HSMIME_ETOKEN);
		assert_non_null(strstr(err.hint, "lacks ECDSA signatures (CKM_ECDSA)"));
	}
	proxy->refuse("C_SignInit", CKR_DEVICE_ERROR, 0, 1);
	refuses(3, ecdsa, 32, 512, HSMIME_ETOKEN);
	assert_null(strstr(err.hint, "lacks"));
}

/* The session that failed may still have its operation: it is closed, and the login survives. */
static void a_session_that_failed_is_not_used_again(void **state)
{
	const struct token_sign pkcs1 = { .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" };

	(void)state;
	signs(1, pkcs1);
	proxy->reset();
	proxy->refuse("C_Sign", CKR_FUNCTION_FAILED, 0, 1);
	refuses(1, pkcs1, 32, 512, HSMIME_ETOKEN);
	assert_int_equal(proxy->count("C_CloseSession"), 1);
	signs(1, pkcs1);
	assert_int_equal(proxy->count("C_Login"), 0);
}

static void a_lost_session_login_or_object_is_brought_back_once(void **state)
{
	static const CK_RV lost[] = { CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED,
		CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_DEVICE_REMOVED,
		CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN, CKR_OPERATION_ACTIVE };
	const struct token_sign pkcs1 = { .scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256" };

	(void)state;
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		proxy->reset();
		proxy->refuse("C_SignInit", lost[i], 0, 1);
		signs(1, pkcs1);
		assert_int_equal(proxy->count("C_SignInit"), 2);
		proxy->reset();
		proxy->refuse("C_Sign", lost[i], 0, 1);
		signs(1, pkcs1);
		assert_int_equal(proxy->count("C_Sign"), 2);
		proxy->reset();
		proxy->refuse("C_Sign", lost[i], 0, 2);
		refuses(1, pkcs1, 32, 512, HSMIME_ETOKEN);
		assert_int_equal(proxy->count("C_Sign"), 2);
	}
}

static void a_key_outlives_the_engine_s_first_owner(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	unsigned char digest[32] = { 1 }, sig[512];
	size_t len = sizeof(sig);
	struct token_sign q = {
		.scheme = TOKEN_SIGN_ECDSA, .digest = "SHA256", .data = digest, .len = 32
	};
	struct engine_found found = { 0 };
	struct engine *other = NULL;
	struct token_key *k = NULL;

	(void)state;
	assert_int_equal(engine_new(&other, &options, &err), 0);
	assert_int_equal(engine_find_key(&found, other, "pkcs11:id=%03", ENGINE_SIGN, &err), 0);
	engine_free(other);
	k = token_key_up_ref(found.key);
	engine_found_free(&found);
	assert_int_equal(token_key_sign(k, sig, &len, &q, &err), 0);
	token_key_free(k);
	token_key_free(NULL);
}

static void an_error_waits_for_its_thread(void **state)
{
	struct error set = { 0 }, got = { 0 };

	(void)state;
	assert_int_equal(engine_take_error(&got), 0);
	error_set(&set, HSMIME_EPIN, "no");
	token_key_set_error(&set);
	assert_int_equal(engine_take_error(&got), HSMIME_EPIN);
	assert_string_equal(got.message, "no");
	assert_int_equal(engine_take_error(&got), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pkcs1_signatures_verify, reset),
		cmocka_unit_test_setup(pss_signatures_verify, reset),
		cmocka_unit_test_setup(pss_that_the_token_lacks_is_padded_in_software, reset),
		cmocka_unit_test_setup(
		    a_mechanism_that_is_refused_is_replaced_and_remembered, reset),
		cmocka_unit_test_setup(ecdsa_signatures_are_der_and_verify, reset),
		cmocka_unit_test_setup(so_are_those_of_the_largest_curves, reset),
		cmocka_unit_test_setup(a_raw_block_comes_back_through_the_public_key, reset),
		cmocka_unit_test_setup(
		    what_makes_no_sense_is_refused_before_the_token_signs, reset),
		cmocka_unit_test_setup(a_failing_token_is_reported_in_words, reset),
		cmocka_unit_test_setup(a_token_that_can_not_do_it_says_what_it_lacks, reset),
		cmocka_unit_test_setup(a_session_that_failed_is_not_used_again, reset),
		cmocka_unit_test_setup(a_lost_session_login_or_object_is_brought_back_once, reset),
		cmocka_unit_test_setup(a_key_outlives_the_engine_s_first_owner, reset),
		cmocka_unit_test_setup(an_error_waits_for_its_thread, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
