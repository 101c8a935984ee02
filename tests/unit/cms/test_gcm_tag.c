/* cms/gcm_tag.h: the tag is that of OpenSSL's AES-GCM, which gets the additional data first. */
#include "cms/enveloped_support.h"

#include <openssl/objects.h>

#include "cms/gcm_tag.h"

static const char *const names[] = { "aes-128-gcm", "aes-256-gcm", NULL };
static const size_t sizes[] = { 0, 1, 15, 16, 17, 31, 32, 33, 255, 4096, 70001 };
static const size_t nonces[] = { 12, 1, 16, 128 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct sample {
	const struct content_cipher *cipher;
	struct content_params params;
	struct secret key;
	const unsigned char *data;
	size_t len;
	struct buffer aad;
	unsigned char tag[16];
	unsigned char *encrypted;
};

static struct cms_env env;

/* By OpenSSL alone. */
static void encrypt(struct sample *s)
{
	EVP_CIPHER_CTX *ctx = NULL;
	int len = 0;

	s->encrypted = malloc(s->len + 16);
	assert_non_null(s->encrypted);
	assert_int_equal(content_cipher_start(&ctx, s->cipher, &s->params, &s->key, true, &env), 0);
	if (s->aad.len > 0)
		assert_int_equal(
		    EVP_EncryptUpdate(ctx, NULL, &len, s->aad.data, (int)s->aad.len), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, s->encrypted, &len, s->data, (int)s->len), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, s->encrypted + s->len, &len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, s->tag), 1);
	EVP_CIPHER_CTX_free(ctx);
}

static void tag_of(unsigned char *tag, const struct sample *s, size_t step)
{
	struct gcm_tag t = { 0 };
	hsmime_sink sink;

	assert_int_equal(gcm_tag_open(&sink, &t, s->cipher, &s->params, &s->key, &env), 0);
	assert_int_equal(seal_content(&sink, s->encrypted, s->len, step), 0);
	assert_int_equal(gcm_tag_finish(tag, &t, &s->aad), 0);
	gcm_tag_close(&t);
}

static void the_tag_is_openssl_s_for_all_sizes(void **state)
{
	unsigned char *data = some_octets(70101);

	(void)state;
	for (size_t i = 0; i < 3 * COUNT(sizes) * COUNT(sizes); i++) {
		const char *name = names[i % 3];
		struct sample s = { .cipher = name != NULL ? content_cipher_by_name(name)
							   : content_cipher_by_nid(NID_aes_192_gcm),
			.data = data,
			.len = sizes[i / 3 % COUNT(sizes)] };
		unsigned char tag[16];

		s.params.tag_len = 16;
		s.params.iv_len = nonces[i % COUNT(nonces)];
		memcpy(s.params.iv, data + i, s.params.iv_len);
		assert_int_equal(secret_new(&s.key, s.cipher->key_len), 0);
		s.key.len = s.cipher->key_len;
		memcpy(s.key.data, data + 2 * i, s.key.len);
		buffer_init(&s.aad, SUPPORT_MAX);
		buffer_add(&s.aad, data + 100, sizes[i / 3 / COUNT(sizes)]);
		encrypt(&s);
		for (size_t step = 0; step < 40; step += 13) {
			tag_of(tag, &s, step);
			assert_memory_equal(tag, s.tag, 16);
		}
		/* It is the tag of these octets alone, and of this additional data. */
		if (s.len > 0) {
			s.encrypted[s.len - 1] ^= 1;
			tag_of(tag, &s, 0);
			assert_memory_not_equal(tag, s.tag, 16);
			s.encrypted[s.len - 1] ^= 1;
		}
		buffer_add(&s.aad, "", 1);
		tag_of(tag, &s, 0);
		assert_memory_not_equal(tag, s.tag, 16);
		buffer_free(&s.aad);
		secret_free(&s.key);
		free(s.encrypted);
	}
	free(data);
}

static void closing_nothing_is_nothing(void **state)
{
	struct gcm_tag t = { 0 };

	(void)state;
	gcm_tag_close(&t);
	assert_null(t.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tag_is_openssl_s_for_all_sizes),
		cmocka_unit_test(closing_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
