#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/rsa.h>

#include "api_faults.h"

#define MODULUS 256
#define CONTENT_KEY 32

const struct making making_rsa[MAKING_RSA] = {
	{ "PKCS#1 v1.5, CBC", "AES-256-CBC", NULL, &api_rsa },
	{ "PKCS#1 v1.5, GCM", "AES-256-GCM", NULL, &api_rsa },
	{ "OAEP by the token, CBC", "AES-256-CBC", "SHA1", &api_rsa },
	{ "OAEP by the token, GCM", "AES-256-GCM", "SHA1", &api_rsa },
	{ "OAEP in software, CBC", "AES-256-CBC", "SHA256", &api_rsa },
	{ "OAEP in software, GCM", "AES-256-GCM", "SHA256", &api_rsa },
};

const struct making making_ec[MAKING_EC] = {
	{ "ECDH, CBC", "AES-256-CBC", NULL, &api_ec },
	{ "ECDH, GCM", "AES-256-GCM", NULL, &api_ec },
};

bool making_is_cbc(const struct making *m)
{
	return strcmp(m->cipher, "AES-256-CBC") == 0;
}

static void set_padding(EVP_PKEY_CTX *ctx, const char *digest)
{
	if (digest == NULL)
		return;
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL), 1);
}

void making_make(struct text *out, const struct making *m)
{
	making_make_sized(out, m, MAKING_CONTENT);
}

void making_make_sized(struct text *out, const struct making *m, size_t size)
{
	char *content = malloc(size + 1);
	BIO *in = BIO_new_mem_buf(memset(content, 'x', size + 1), (int)size);
	CMS_ContentInfo *cms =
	    CMS_encrypt(NULL, in, EVP_get_cipherbyname(m->cipher), CMS_PARTIAL | CMS_BINARY);
	CMS_RecipientInfo *to = CMS_add1_recipient_cert(cms, m->to->cert, CMS_KEY_PARAM);
	unsigned char *der = NULL;
	int len;

	assert_non_null(to);
	if (m->to == &api_rsa)
		set_padding(CMS_RecipientInfo_get0_pkey_ctx(to), m->digest);
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	len = i2d_CMS_ContentInfo(cms, &der);
	assert_true(len > 0);
	text_add(out, der, (size_t)len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	free(content);
}

unsigned char *octets_behind(const struct text *message, const char *header, size_t header_len)
{
	char *at = memmem(message->data, message->len, header, header_len);

	assert_non_null(at);
	return (unsigned char *)at + header_len;
}

bool is_content_sized(const struct outcome *o, size_t size)
{
	size_t i = 0;

	while (i < o->output.len && o->output.data[i] == 'x')
		i++;
	return o->status == 0 && o->output.len == size && i == size;
}

bool is_content(const struct outcome *o)
{
	return is_content_sized(o, MAKING_CONTENT);
}

/* The encrypted content key of an RSA recipient. */
static unsigned char *encrypted_key(const struct text *message)
{
	return octets_behind(message, "\x04\x82\x01\x00", 4);
}

static void encrypt_key(
    unsigned char *at, const char *digest, int padding, const void *data, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(api_rsa.key, NULL);
	size_t made = MODULUS;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	if (padding == RSA_PKCS1_OAEP_PADDING)
		set_padding(ctx, digest);
	assert_int_equal(EVP_PKEY_encrypt(ctx, at, &made, data, len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void raw(unsigned char *at, unsigned start, size_t separator)
{
	unsigned char block[MODULUS];

	memset(block, 0x5a, sizeof(block));
	block[0] = (unsigned char)(start >> 8);
	block[1] = (unsigned char)start;
	if (separator != 0)
		block[separator] = 0;
	encrypt_key(at, NULL, RSA_NO_PADDING, block, sizeof(block));
}

static void another_key(unsigned char *at, const char *digest, size_t len)
{
	unsigned char key[CONTENT_KEY + 1] = { 0x11 };

	encrypt_key(
	    at, digest, digest == NULL ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING, key, len);
}

static void spoil_key(unsigned char *at, enum fault fault, const char *digest)
{
	static const size_t lengths[FAULTS] = { [KEY_SHORT] = CONTENT_KEY - 1,
		[KEY_LONG] = CONTENT_KEY + 1,
		[KEY_OF_ANOTHER_CIPHER] = 16,
		[WRONG_KEY] = CONTENT_KEY };
	static const struct {
		unsigned start;
		size_t separator;
	} blocks[FAULTS] = { [WRONG_TYPE] = { 1, MODULUS - CONTENT_KEY - 1 },
		[WRONG_START] = { 0x0102, MODULUS - CONTENT_KEY - 1 },
		[NO_SEPARATOR] = { 2, 0 },
		[SHORT_PADDING] = { 2, 5 } };

	if (blocks[fault].start != 0)
		raw(at, blocks[fault].start, blocks[fault].separator);
	else if (fault == KEY_EMPTY || lengths[fault] != 0)
		another_key(at, digest, lengths[fault]);
	else
		memset(at, fault == NOISE ? 0x37 : fault == ZERO ? 0 : 0xff, MODULUS);
}

void spoil_content(struct text *message, const struct making *m)
{
	/* Behind the content of GCM comes its tag. */
	message->data[message->len - (making_is_cbc(m) ? 17 : 33)] ^= 0x40;
}

void spoil(struct text *message, const struct making *m, enum fault fault)
{
	if (fault == ALTERED_CONTENT)
		spoil_content(message, m);
	else
		spoil_key(encrypted_key(message), fault, m->digest);
}

bool looks_like(
    const struct outcome *like, const struct outcome *o, const struct making *m, const char *what)
{
	struct outcome expected = *like;

	if (o->status == 0 && making_is_cbc(m)) {
		assert_false(is_content(o));
		expected.status = 0;
		expected.words = o->words;
	}
	assert_same_outcome(&expected, o, what);
	return o->status != 0;
}

void faulty(struct outcome *o, hsmime_ctx *ctx, const struct making *m, enum fault fault)
{
	struct text message = { 0 };

	making_make(&message, m);
	spoil(&message, m, fault);
	api_open(o, ctx, message.data, message.len);
	text_free(&message);
}
