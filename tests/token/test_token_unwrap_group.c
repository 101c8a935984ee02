/* A key that decrypts on one token and unwraps only on another. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "engine/content_on_token.h"
#include "group_rig.h"

#define TIMES 4
#define MODULUS 256

#define LIMIT 20000 /* milliseconds that a call may take: no call hangs here */

/* Alpha's decrypts, Beta's unwraps. */
static int begin(void **state)
{
	group_rig_begin(state);
	group_rig_open_two("%01", "%04", LIMIT);
	assert_false(token_key_unwraps(group_rig.alpha));
	assert_true(token_key_unwraps(group_rig.beta));
	return 0;
}

static void encrypt(unsigned char *out, int padding, const char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(group_rig.group), NULL);
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
	assert_int_equal(decrypt(group_rig.beta, TOKEN_DECRYPT_RSA_RAW, &err), HSMIME_EUNSUPPORTED);
	assert_int_equal(decrypt(group_rig.beta, TOKEN_DECRYPT_RSA_OAEP, &err), HSMIME_ETOKEN);
	group_rig.proxy->reset();
	for (size_t i = 0; i < 3 * TIMES; i++)
		assert_int_equal(decrypt(group_rig.group, schemes[i % 3], &err), 0);
	assert_int_equal(group_rig.proxy->count("C_UnwrapKey"), 0);
	assert_false(group_rig_logged("is set aside"));
}

static void where_it_is_gone_the_other_does_what_it_can(void **state)
{
	struct error err = { 0 };

	(void)state;
	group_rig.proxy->lose("Alpha");
	assert_int_equal(decrypt(group_rig.group, TOKEN_DECRYPT_RSA_PKCS1, &err), 0);
	assert_true(group_rig.proxy->count("C_UnwrapKey") > 0);
	group_rig_was_logged("token \"Alpha\" (serial number");
}

static const unsigned char substitute[16] = "in its place";

/* A content key by the group, without Alpha. */
static struct token_content_key *unwrap(unsigned char *out, size_t *len)
{
	unsigned char data[MODULUS];
	struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = data,
		.len = sizeof(data),
		.substitute = substitute,
		.substitute_len = sizeof(substitute) };
	struct token_content_key *c = NULL;
	struct error err = { 0 };

	encrypt(data, RSA_PKCS1_PADDING, NULL);
	group_rig.proxy->lose("Alpha");
	assert_int_equal(
	    token_key_unwrap(&c, out, len, group_rig.group, &q, TOKEN_CONTENT_AES_CBC, &err), 0);
	return c;
}

static void content_keys_move_on_with_all_the_room_that_there_is(void **state)
{
	unsigned char out[MODULUS];
	size_t len = sizeof(out);

	(void)state;
	assert_null(unwrap(out, &len));
	assert_int_equal(len, sizeof(substitute));
	assert_memory_not_equal(out, substitute, sizeof(substitute));
}

/* The token that could do it is what failed, and the other one is well. */
static void what_the_other_cannot_do_is_no_failure_of_it(void **state)
{
	static const enum token_decrypt_scheme schemes[] = { TOKEN_DECRYPT_RSA_RAW,
		TOKEN_DECRYPT_RSA_OAEP };
	struct error err = { 0 };

	(void)state;
	group_rig.proxy->lose("Alpha");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(decrypt(group_rig.group, schemes[i], &err), HSMIME_ETOKEN);
		assert_non_null(strstr(err.message, "Alpha"));
	}
	assert_false(group_rig_logged("token \"Beta\" (serial number"));
}

static int drop(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return 0;
}

/* Content that was begun on a token ends there, and the next message goes to another one. */
static void a_token_that_fails_at_content_is_set_aside(void **state)
{
	static const unsigned char blocks[32];
	const struct token_content_params params = { blocks, 16, 0 };
	const struct token_content_end none = { NULL, NULL, 0 };
	const hsmime_sink sink = { drop, NULL };
	unsigned char out[MODULUS];
	struct token_content_key *c = NULL;
	struct error err = { 0 };
	size_t len = sizeof(out);

	(void)state;
	group_rig.proxy->unwrap_sensitive(1);
	c = unwrap(out, &len);
	assert_non_null(c);
	assert_int_equal(token_content_begin(c, &params, &sink, &err), 0);
	group_rig.proxy->refuse("C_DecryptUpdate", CKR_DEVICE_REMOVED, 0, 1);
	(void)token_content_update(c, blocks, sizeof(blocks), &err);
	assert_int_equal(token_content_finish(c, &none, &err), HSMIME_ETOKEN);
	group_rig_was_logged("token \"Beta\" (serial number");
	token_content_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, group_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_one_token_alone_can_do_is_done_there),
		TEST(where_it_is_gone_the_other_does_what_it_can),
		TEST(content_keys_move_on_with_all_the_room_that_there_is),
		TEST(what_the_other_cannot_do_is_no_failure_of_it),
		TEST(a_token_that_fails_at_content_is_set_aside),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
