#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "unwrap_rig.h"
#include "util/buffer.h"
#include "util/sink.h"

#define LEN (4 * UNWRAP_BLOCK)

struct unwrap_rig unwrap_rig;

static const unsigned char iv[UNWRAP_BLOCK] = "initialisation ";

void unwrap_rig_encrypt_key(EVP_PKEY *rsa)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
	size_t len = sizeof(unwrap_rig.encrypted_key);

	memset(unwrap_rig.content_key, 0xc0, UNWRAP_KEY);
	memset(unwrap_rig.substitute, 0x50, UNWRAP_KEY);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, unwrap_rig.encrypted_key, &len,
			     unwrap_rig.content_key, UNWRAP_KEY),
	    1);
	EVP_PKEY_CTX_free(ctx);
}

struct token_decrypt unwrap_rig_request(void)
{
	return (struct token_decrypt){ .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = unwrap_rig.encrypted_key,
		.len = sizeof(unwrap_rig.encrypted_key) };
}

int unwrap_rig_unwrap(struct token_content_key **c, struct token_key *k, enum token_content content,
    struct error *err)
{
	struct token_decrypt q = unwrap_rig_request();
	unsigned char out[256];
	size_t len = sizeof(out);
	int r;

	q.substitute = unwrap_rig.substitute;
	q.substitute_len = UNWRAP_KEY;
	r = token_key_unwrap(c, out, &len, k, &q, content, err);
	if (r == 0 && *c == NULL) {
		assert_int_equal(len, UNWRAP_KEY);
		assert_memory_equal(out, unwrap_rig.content_key, UNWRAP_KEY);
	}
	return r;
}

void unwrap_rig_encrypt(unsigned char *out, unsigned char value, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *plain = malloc(len);
	int n = 0;

	assert_non_null(plain);
	memset(plain, value, len);
	assert_int_equal(
	    EVP_EncryptInit_ex2(ctx, EVP_aes_256_cbc(), unwrap_rig.content_key, iv, NULL), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &n, plain, (int)len), 1);
	EVP_CIPHER_CTX_free(ctx);
	free(plain);
}

int unwrap_rig_content(struct token_content_key *c, const hsmime_sink *sink, struct error *err)
{
	struct token_content_params p = { iv, sizeof(iv), 0 };

	return token_content_begin(c, &p, sink, err);
}

int unwrap_rig_decrypt(struct token_content_key *c, unsigned char value, struct error *err)
{
	static const struct token_content_end end = { NULL, NULL, 0 };
	unsigned char encrypted[LEN], plain[LEN];
	struct buffer out;
	hsmime_sink sink;
	int r;

	memset(plain, value, sizeof(plain));
	buffer_init(&out, 1000);
	sink_buffer(&sink, &out);
	unwrap_rig_encrypt(encrypted, value, LEN);
	r = unwrap_rig_content(c, &sink, err);
	for (size_t i = 0; r == 0 && i < LEN; i++)
		r = token_content_update(c, encrypted + i, 1, err);
	if (r == 0)
		r = token_content_finish(c, &end, err);
	if (r == 0 && (out.len != LEN || memcmp(out.data, plain, LEN) != 0))
		r = 1;
	buffer_free(&out);
	return r;
}

int unwrap_rig_set_up(void **state)
{
	struct softtoken *st = &unwrap_rig.st;

	(void)state;
	softtoken_begin(st);
	softtoken_add(st, "Unwraps");
	unwrap_rig.rsa = softtoken_rsa(st, 1, "unwraps", 2048, KEY_UNWRAP);
	EVP_PKEY_free(softtoken_rsa(st, 3, "asks", 2048, KEY_UNWRAP | KEY_ALWAYS_AUTHENTICATE));
	softtoken_seal(st);
	unwrap_rig_encrypt_key(unwrap_rig.rsa);
	unwrap_rig.proxy = softtoken_proxy();
	return 0;
}

int unwrap_rig_tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(unwrap_rig.rsa);
	softtoken_end(&unwrap_rig.st);
	return 0;
}

int unwrap_rig_begin(void **state)
{
	(void)state;
	unwrap_rig.proxy->reset();
	memset(&unwrap_rig.err, 0, sizeof(unwrap_rig.err));
	unwrap_rig.e = operate_engine();
	unwrap_rig.key = operate_key(unwrap_rig.e, "pkcs11:token=Unwraps;id=%01", ENGINE_DECRYPT);
	return 0;
}

int unwrap_rig_end(void **state)
{
	(void)state;
	token_key_free(unwrap_rig.key);
	engine_free(unwrap_rig.e);
	return 0;
}

struct token_content_key *unwrap_rig_stays(enum token_content content)
{
	struct token_content_key *c = NULL;

	unwrap_rig.proxy->unwrap_sensitive(1);
	assert_int_equal(unwrap_rig_unwrap(&c, unwrap_rig.key, content, &unwrap_rig.err), 0);
	assert_non_null(c);
	return c;
}

int unwrap_rig_operate(void)
{
	struct token_content_key *c = NULL;
	int r = unwrap_rig_unwrap(&c, unwrap_rig.key, TOKEN_CONTENT_AES_CBC, &unwrap_rig.err);

	if (r == 0)
		r = unwrap_rig_decrypt(c, 'y', &unwrap_rig.err);
	token_content_free(c);
	return r;
}
