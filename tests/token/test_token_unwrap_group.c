/* A key that decrypts on one token and unwraps only on another. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "engine/log.h"
#include "engine/zone.h"
#include "operate.h"
#include "softtoken_put.h"

#define TIMES 4
#define MODULUS 256

static struct softtoken st;
static const struct proxy *proxy;
static struct engine *e;
static struct token_key *decrypts, *unwraps, *group;
static char logged[8192];

static int set_up(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048);

	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Decrypts");
	softtoken_put(&st, 1, "rsa", rsa);
	softtoken_add(&st, "Unwraps");
	softtoken_put_for(&st, 1, "rsa", rsa, KEY_UNWRAP);
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	EVP_PKEY_free(rsa);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	softtoken_end(&st);
	return 0;
}

static void note(void *arg, int level, const char *message)
{
	size_t len = strlen(logged);

	(void)arg;
	(void)level;
	snprintf(logged + len, sizeof(logged) - len, "%s\n", message);
}

static int begin(void **state)
{
	struct token_key *keys[2];
	struct error err = { 0 };

	(void)state;
	proxy->reset();
	logged[0] = '\0';
	log_to((struct log_target){ note, NULL });
	e = operate_engine();
	keys[0] = unwraps = operate_key(e, "pkcs11:token=Unwraps", ENGINE_DECRYPT);
	keys[1] = decrypts = operate_key(e, "pkcs11:token=Decrypts", ENGINE_DECRYPT);
	assert_true(token_key_unwraps(unwraps));
	assert_false(token_key_unwraps(decrypts));
	assert_int_equal(token_key_group(&group, keys, 2, &err), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	token_key_free(group);
	token_key_free(unwraps);
	token_key_free(decrypts);
	engine_free(e);
	zone_end();
	log_to((struct log_target){ NULL, NULL });
	return 0;
}

static void encrypt(unsigned char *out, int padding, const char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(group), NULL);
	unsigned char plain[MODULUS] = { 0 };
	size_t len = MODULUS;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (digest != NULL)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL), 1);
	assert_int_equal(
	    EVP_PKEY_encrypt(ctx, out, &len, plain, padding == RSA_NO_PADDING ? MODULUS : 16), 1);
	EVP_PKEY_CTX_free(ctx);
}

static int decrypt(struct token_key *k, enum token_decrypt_scheme scheme, struct error *err)
{
	unsigned char data[MODULUS], out[MODULUS];
	size_t len = sizeof(out);
	struct token_decrypt q = {
		.scheme = scheme, .digest = "SHA256", .data = data, .len = sizeof(data)
	};

	if (scheme == TOKEN_DECRYPT_RSA_OAEP)
		encrypt(data, RSA_PKCS1_OAEP_PADDING, "SHA256");
	else
		encrypt(data, scheme == TOKEN_DECRYPT_RSA_RAW ? RSA_NO_PADDING : RSA_PKCS1_PADDING,
		    NULL);
	return token_key_decrypt(k, out, &len, &q, err);
}

static void what_one_token_alone_can_do_is_done_there(void **state)
{
	static const enum token_decrypt_scheme schemes[] = { TOKEN_DECRYPT_RSA_RAW,
		TOKEN_DECRYPT_RSA_OAEP, TOKEN_DECRYPT_RSA_PKCS1 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(decrypt(unwraps, TOKEN_DECRYPT_RSA_RAW, &err), HSMIME_EUNSUPPORTED);
	assert_int_equal(decrypt(unwraps, TOKEN_DECRYPT_RSA_OAEP, &err), HSMIME_ETOKEN);
	proxy->reset();
	for (size_t i = 0; i < 3 * TIMES; i++)
		assert_int_equal(decrypt(group, schemes[i % 3], &err), 0);
	assert_int_equal(proxy->count("C_UnwrapKey"), 0);
	assert_null(strstr(logged, "is set aside"));
}

static void where_it_is_gone_the_other_does_what_it_can(void **state)
{
	struct error err = { 0 };

	(void)state;
	proxy->lose("Decrypts");
	assert_int_equal(decrypt(group, TOKEN_DECRYPT_RSA_PKCS1, &err), 0);
	assert_true(proxy->count("C_UnwrapKey") > 0);
	assert_non_null(strstr(logged, "token \"Decrypts\" (serial number"));
	proxy->bring_back();
}

static void content_keys_move_on_with_all_the_room_that_there_is(void **state)
{
	static const unsigned char substitute[16] = "in its place";
	unsigned char data[MODULUS], out[MODULUS];
	struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = data,
		.len = sizeof(data),
		.substitute = substitute,
		.substitute_len = sizeof(substitute) };
	struct token_content_key *c = NULL;
	struct error err = { 0 };
	size_t len = sizeof(out);

	(void)state;
	encrypt(data, RSA_PKCS1_PADDING, NULL);
	proxy->lose("Decrypts");
	assert_int_equal(
	    token_key_unwrap(&c, out, &len, group, &q, TOKEN_CONTENT_AES_CBC, &err), 0);
	assert_null(c);
	assert_int_equal(len, sizeof(substitute));
	assert_memory_not_equal(out, substitute, sizeof(substitute));
	proxy->bring_back();
}

/* The token that could do it is what failed, and the other one is well. */
static void what_the_other_cannot_do_is_no_failure_of_it(void **state)
{
	static const enum token_decrypt_scheme schemes[] = { TOKEN_DECRYPT_RSA_RAW,
		TOKEN_DECRYPT_RSA_OAEP };
	struct error err = { 0 };

	(void)state;
	proxy->lose("Decrypts");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(decrypt(group, schemes[i], &err), HSMIME_ETOKEN);
		assert_non_null(strstr(err.message, "Decrypts"));
	}
	assert_null(strstr(logged, "token \"Unwraps\" (serial number"));
	proxy->bring_back();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_one_token_alone_can_do_is_done_there, begin, end),
		cmocka_unit_test_setup_teardown(
		    where_it_is_gone_the_other_does_what_it_can, begin, end),
		cmocka_unit_test_setup_teardown(
		    content_keys_move_on_with_all_the_room_that_there_is, begin, end),
		cmocka_unit_test_setup_teardown(
		    what_the_other_cannot_do_is_no_failure_of_it, begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
