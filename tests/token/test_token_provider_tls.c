/* The premaster secret of TLS's RSA key exchange, as libssl asks for it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include "engine/engine.h"
#include "engine/provider/provider.h"
#include "provider_rig.h"

#define SIZE SSL_MAX_MASTER_KEY_LENGTH

static OSSL_LIB_CTX *libctx;
static unsigned char premaster[64];

static int set_up(void **state)
{
	int r = rig_setup(state);

	rig_reset(state);
	libctx = rig_context("default", "hsmime");
	for (size_t i = 0; i < sizeof(premaster); i++)
		premaster[i] = (unsigned char)(i + 1);
	premaster[0] = TLS1_2_VERSION >> 8;
	premaster[1] = TLS1_2_VERSION & 0xff;
	return r;
}

static int tear_down(void **state)
{
	rig_close(libctx);
	return rig_teardown(state);
}

/* 0 leaves a version out. */
static EVP_PKEY_CTX *server(int id, unsigned client, unsigned negotiated)
{
	EVP_PKEY *key = rig_key(libctx, id);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
	OSSL_PARAM params[3], *p = params;

	EVP_PKEY_free(key);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_WITH_TLS_PADDING), 1);
	if (client != 0)
		*p++ =
		    OSSL_PARAM_construct_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client);
	if (negotiated != 0)
		*p++ = OSSL_PARAM_construct_uint(
		    OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &negotiated);
	*p = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
	rig.proxy->reset();
	ERR_clear_error();
	return ctx;
}

static void encrypt(unsigned char out[256], int padding, const unsigned char *data, size_t data_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, rig.software[1], NULL);
	size_t len = 256;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, out, &len, data, data_len), 1);
	EVP_PKEY_CTX_free(ctx);
}

/* As every answer has to be: of the one length, without an error, after one token call. */
static void answers(
    unsigned char out[SIZE], EVP_PKEY_CTX *ctx, const unsigned char *data, size_t len)
{
	size_t out_len = SIZE;

	rig.proxy->reset();
	assert_int_equal(EVP_PKEY_decrypt(ctx, out, &out_len, data, len), 1);
	assert_int_equal(out_len, SIZE);
	assert_int_equal(rig.proxy->count("C_Decrypt"), 1);
	assert_int_equal(rig.proxy->count("C_DecryptInit"), 1);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(engine_take_error(NULL), 0);
}

/* Other octets each time, as they are made afresh for each handshake. */
static void is_replaced(EVP_PKEY_CTX *ctx, const unsigned char *data, size_t len)
{
	unsigned char first[SIZE], second[SIZE];

	answers(first, ctx, data, len);
	answers(second, ctx, data, len);
	assert_memory_not_equal(first, premaster, SIZE);
	assert_memory_not_equal(first + 2, premaster + 2, SIZE - 2);
	assert_memory_not_equal(first, second, SIZE);
}

static void a_good_premaster_secret_comes_out(void **state)
{
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0), *copy = EVP_PKEY_CTX_dup(ctx);
	unsigned char data[256], out[SIZE];
	size_t len = 0;

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	assert_int_equal(EVP_PKEY_decrypt(ctx, NULL, &len, data, sizeof(data)), 1);
	assert_int_equal(len, SIZE);
	answers(out, ctx, data, sizeof(data));
	assert_memory_equal(out, premaster, SIZE);
	memset(out, 0, sizeof(out));
	answers(out, copy, data, sizeof(data));
	assert_memory_equal(out, premaster, SIZE);
	EVP_PKEY_CTX_free(copy);
	EVP_PKEY_CTX_free(ctx);
}

static void a_wrong_version_is_replaced_without_a_word(void **state)
{
	static const unsigned versions[][2] = { { TLS1_1_VERSION, 0 },
		{ TLS1_1_VERSION, TLS1_VERSION }, { TLS1_2_VERSION & 0xff, 0 }, { 0x10303, 0 },
		{ TLS1_2_VERSION + 0x100, 0 } };
	unsigned char data[256];

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		EVP_PKEY_CTX *ctx = server(1, versions[i][0], versions[i][1]);

		is_replaced(ctx, data, sizeof(data));
		EVP_PKEY_CTX_free(ctx);
	}
}

static void the_negotiated_version_counts_where_it_is_allowed(void **state)
{
	EVP_PKEY_CTX *ctx = server(1, TLS1_3_VERSION, TLS1_2_VERSION);
	unsigned char data[256], out[SIZE];

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	answers(out, ctx, data, sizeof(data));
	assert_memory_equal(out, premaster, SIZE);
	EVP_PKEY_CTX_free(ctx);
}

static void bad_padding_is_replaced_without_a_word(void **state)
{
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0), *other = server(2, TLS1_2_VERSION, 0);
	unsigned char data[256], block[256];

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	is_replaced(other, data, sizeof(data));
	data[255] ^= 1;
	is_replaced(ctx, data, sizeof(data));
	/* A block of the right form but for its type, then but for its separator. */
	memset(block, 0xff, sizeof(block));
	block[0] = 0;
	block[1] = 1;
	block[256 - SIZE - 1] = 0;
	memcpy(block + 256 - SIZE, premaster, SIZE);
	encrypt(data, RSA_NO_PADDING, block, sizeof(block));
	is_replaced(ctx, data, sizeof(data));
	block[1] = 2;
	block[256 - SIZE - 1] = 0xff;
	encrypt(data, RSA_NO_PADDING, block, sizeof(block));
	is_replaced(ctx, data, sizeof(data));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_CTX_free(other);
}

static void a_wrong_length_is_replaced_without_a_word(void **state)
{
	static const size_t lengths[] = { 1, 2, SIZE - 1, SIZE + 1, sizeof(premaster) };
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0);
	unsigned char data[257] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		encrypt(data, RSA_PKCS1_PADDING, premaster, lengths[i]);
		is_replaced(ctx, data, 256);
	}
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	is_replaced(ctx, data, 257);
	is_replaced(ctx, data, 255);
	EVP_PKEY_CTX_free(ctx);
}

static void where_the_token_does_raw_rsa_only_it_is_the_same(void **state)
{
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0), *older = server(1, TLS1_1_VERSION, 0);
	unsigned char data[256], out[SIZE];
	size_t len = SIZE;

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	rig.proxy->refuse("C_DecryptInit", CKR_MECHANISM_INVALID, 0, 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, out, &len, data, sizeof(data)), 1);
	assert_memory_equal(out, premaster, SIZE);
	answers(out, ctx, data, sizeof(data));
	assert_memory_equal(out, premaster, SIZE);
	is_replaced(older, data, sizeof(data));
	data[255] ^= 1;
	is_replaced(ctx, data, sizeof(data));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_CTX_free(older);
}

static void whatever_a_token_says_of_the_ciphertext_is_replaced_too(void **state)
{
	static const CK_RV verdicts[] = { CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE,
		CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED };
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0);
	unsigned char data[256], out[SIZE];

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		size_t len = SIZE;

		rig.proxy->refuse("C_Decrypt", verdicts[i], 0, 1);
		assert_int_equal(EVP_PKEY_decrypt(ctx, out, &len, data, sizeof(data)), 1);
		assert_memory_not_equal(out, premaster, SIZE);
		assert_int_equal(ERR_peek_error(), 0);
	}
	EVP_PKEY_CTX_free(ctx);
}

/* The closed list: what the token says of itself is the same for every premaster secret. */
static void the_token_s_own_failure_is_an_error(void **state)
{
	static const struct {
		CK_RV rv;
		int status;
	} codes[] = { { CKR_DEVICE_REMOVED, HSMIME_ETOKEN },
		{ CKR_TOKEN_NOT_PRESENT, HSMIME_ETOKEN }, { CKR_SESSION_CLOSED, HSMIME_ETOKEN },
		{ CKR_SESSION_HANDLE_INVALID, HSMIME_ETOKEN },
		{ CKR_KEY_HANDLE_INVALID, HSMIME_ETOKEN },
		{ CKR_OBJECT_HANDLE_INVALID, HSMIME_ETOKEN },
		{ CKR_USER_NOT_LOGGED_IN, HSMIME_ETOKEN }, { CKR_DEVICE_MEMORY, HSMIME_ETOKEN },
		{ CKR_HOST_MEMORY, HSMIME_ENOMEM } };
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0);
	unsigned char data[256], out[SIZE];

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(codes) / sizeof(codes[0]); i++) {
		size_t len = SIZE;

		encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
		data[255] ^= i % 2;
		rig.proxy->refuse("C_Decrypt", codes[i / 2].rv, 0, 2);
		assert_int_not_equal(EVP_PKEY_decrypt(ctx, out, &len, data, sizeof(data)), 1);
		assert_int_equal(engine_take_error(NULL), codes[i / 2].status);
		rig.proxy->reset();
		/* Where there is a way out it is gone once. */
		rig.proxy->refuse("C_Decrypt", codes[i / 2].rv, 0, 1);
		len = SIZE;
		if (EVP_PKEY_decrypt(ctx, out, &len, data, sizeof(data)) == 1)
			assert_int_equal(rig.proxy->count("C_Decrypt"), 2);
		else
			assert_int_equal(rig.proxy->count("C_Decrypt"), 1);
		rig.proxy->reset();
		(void)engine_take_error(NULL);
		ERR_clear_error();
	}
	EVP_PKEY_CTX_free(ctx);
}

static void a_token_that_is_gone_is_an_error(void **state)
{
	EVP_PKEY_CTX *ctx = server(1, TLS1_2_VERSION, 0);
	unsigned char data[256], out[SIZE];
	size_t len = SIZE;

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	rig.proxy->refuse("C_DecryptInit", CKR_DEVICE_ERROR, 0, 10);
	assert_int_not_equal(EVP_PKEY_decrypt(ctx, out, &len, data, sizeof(data)), 1);
	assert_true(rig_said("CKR_DEVICE_ERROR"));
	EVP_PKEY_CTX_free(ctx);
}

static void without_the_clients_version_or_room_the_token_is_not_asked(void **state)
{
	EVP_PKEY_CTX *unknown = server(1, 0, TLS1_2_VERSION), *ctx = server(1, TLS1_2_VERSION, 0);
	unsigned char data[256], out[SIZE];
	size_t len = SIZE;

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, premaster, SIZE);
	assert_int_not_equal(EVP_PKEY_decrypt(unknown, out, &len, data, sizeof(data)), 1);
	assert_true(rig_said("the client's version"));
	len = SIZE - 1;
	assert_int_not_equal(EVP_PKEY_decrypt(ctx, out, &len, data, sizeof(data)), 1);
	assert_true(rig_said("48 octets"));
	assert_int_equal(rig.proxy->count("C_Decrypt"), 0);
	EVP_PKEY_CTX_free(unknown);
	EVP_PKEY_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_premaster_secret_comes_out, rig_reset),
		cmocka_unit_test_setup(a_wrong_version_is_replaced_without_a_word, rig_reset),
		cmocka_unit_test_setup(
		    the_negotiated_version_counts_where_it_is_allowed, rig_reset),
		cmocka_unit_test_setup(bad_padding_is_replaced_without_a_word, rig_reset),
		cmocka_unit_test_setup(a_wrong_length_is_replaced_without_a_word, rig_reset),
		cmocka_unit_test_setup(
		    whatever_a_token_says_of_the_ciphertext_is_replaced_too, rig_reset),
		cmocka_unit_test_setup(the_token_s_own_failure_is_an_error, rig_reset),
		cmocka_unit_test_setup(a_token_that_is_gone_is_an_error, rig_reset),
		cmocka_unit_test_setup(
		    without_the_clients_version_or_room_the_token_is_not_asked, rig_reset),
		/* The last: the token's mechanism is remembered. */
		cmocka_unit_test_setup(where_the_token_does_raw_rsa_only_it_is_the_same, rig_reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
