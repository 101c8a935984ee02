/*
 * enveloped_build: enveloped messages put together by hand, with a known content key and
 * whatever is to be wrong or unusual about them.
 */
#ifndef TESTS_CMS_ENVELOPED_BUILD_H
#define TESTS_CMS_ENVELOPED_BUILD_H

#include "cms/enveloped_support.h"

#include <openssl/evp.h>
#include <openssl/objects.h>

#include "cms/asn1_enveloped.h"
#include "cms/recipient_info.h"

struct building {
	const struct party *to;
	bool authenticated; /* AES-128-GCM, else AES-128-CBC */
	bool indefinite;    /* all that is constructed */
	bool nested;        /* content as strings in strings */
	bool absent;        /* no encryptedContent */
	bool no_recipients;
	bool garbage;   /* behind the last element */
	size_t drop;    /* octets off the end of the encrypted content */
	int iv_len;     /* 0: as usual, -1: none */
	size_t tag_len; /* 0: 16 */
	int icv_len;    /* as announced; with tag_len 0 16, 0: the default of 12 */
	bool no_tag;
	bool attributes;      /* authAttrs */
	bool free_attributes; /* unauthAttrs, unprotectedAttrs */
	bool unsorted;        /* authAttrs not in DER's order */
	bool wrong_aad;
	bool signed_content;      /* content type id-signedData */
	const char *content_type; /* value of a content-type attribute, 9 octets of an OID */
	bool twice;               /* that attribute twice */
};

/* Append an element. */
static inline void put(
    struct buffer *out, const struct building *b, unsigned tag, const struct buffer *content)
{
	bool open = b->indefinite && (tag & 0x20);
	unsigned char h[] = { (unsigned char)tag, 0x82, (unsigned char)(content->len >> 8),
		(unsigned char)content->len };

	if (open)
		h[1] = 0x80;
	else if (content->len < 128)
		h[1] = (unsigned char)content->len;
	else if (content->len < 256)
		h[1] = 0x81, h[2] = (unsigned char)content->len;
	buffer_add(out, h, open || content->len < 128 ? 2 : content->len < 256 ? 3 : 4);
	buffer_add(out, content->data, content->len);
	if (open)
		buffer_add(out, "\0", 2);
}

static inline void put_octets(
    struct buffer *out, const struct building *b, unsigned tag, const void *data, size_t len)
{
	struct buffer content;

	buffer_init(&content, SUPPORT_MAX);
	buffer_add(&content, data, len);
	put(out, b, tag, &content);
	buffer_free(&content);
}

/* Take inner into an element of outer, and free it. */
static inline void enclose(
    struct buffer *outer, const struct building *b, unsigned tag, struct buffer *inner)
{
	put(outer, b, tag, inner);
	buffer_free(inner);
}

/* Attribute { 1.2.3.N, SET { OCTET STRING } }: the longer N comes later in DER. */
static inline void put_attribute(struct buffer *out, unsigned char n)
{
	const unsigned char attribute[] = { 0x30, 0x09, 0x06, 0x03, 0x2a, 0x03, n, 0x31, 0x02, 0x04,
		0x00 };

	buffer_add(out, attribute, sizeof(attribute));
}

static inline void put_content_type(struct buffer *out, const char *value)
{
	static const unsigned char head[] = { 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
		0x0d, 0x01, 0x09, 0x03, 0x31, 0x0b, 0x06, 0x09 };

	buffer_add(out, head, sizeof(head));
	buffer_add(out, value, 9);
}

/* The attributes' contents, in DER's order or as the message has them. */
static inline void put_attributes(struct buffer *out, const struct building *b, bool sorted)
{
	bool reversed = b->unsorted && !sorted;

	put_attribute(out, reversed ? 5 : 4);
	put_attribute(out, reversed ? 4 : 5);
	if (b->content_type != NULL)
		put_content_type(out, b->content_type);
	if (b->content_type != NULL && b->twice)
		put_content_type(out, b->content_type);
}

static inline void encrypt_content(struct buffer *out, unsigned char *tag, const struct building *b,
    const unsigned char *key, const unsigned char *iv, size_t iv_len, const unsigned char *plain,
    size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char *room = buffer_extend(out, len + 32);
	struct building der = { .to = NULL };
	struct buffer attributes;
	struct buffer aad;
	int made = 0;
	int rest = 0;

	buffer_init(&attributes, SUPPORT_MAX);
	buffer_init(&aad, SUPPORT_MAX);
	EVP_EncryptInit_ex(
	    ctx, b->authenticated ? EVP_aes_128_gcm() : EVP_aes_128_cbc(), NULL, NULL, NULL);
	if (b->authenticated)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_len, NULL);
	EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv);
	if (b->attributes) {
		put_attributes(&attributes, b, true);
		put(&aad, &der, 0x31, &attributes);
		aad.data[aad.len - 1] ^= b->wrong_aad;
		EVP_EncryptUpdate(ctx, NULL, &made, aad.data, (int)aad.len);
	}
	EVP_EncryptUpdate(ctx, room, &made, plain, (int)len);
	EVP_EncryptFinal_ex(ctx, room + made, &rest);
	if (b->authenticated)
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	out->len = (size_t)(made + rest) - b->drop;
	EVP_CIPHER_CTX_free(ctx);
	buffer_free(&attributes);
	buffer_free(&aad);
}

static inline void put_recipients(
    struct buffer *out, const struct building *b, const unsigned char *key)
{
	struct cms_env env = { NULL, NULL };
	struct enveloped_write request = { .recipients = sk_X509_new_null(),
		.key_transport = HSMIME_KEY_TRANSPORT_PKCS1 };
	struct secret content_key;
	STACK_OF(ENV_RECIPIENT_INFO) *infos = NULL;
	unsigned char *der = NULL;
	int len;

	assert_int_equal(secret_new(&content_key, 16), 0);
	memcpy(content_key.data, key, 16);
	content_key.len = 16;
	if (!b->no_recipients)
		sk_X509_push(request.recipients, b->to->cert);
	assert_int_equal(recipient_infos_make(&infos, &request, &content_key, &env), 0);
	len = ASN1_item_i2d((const ASN1_VALUE *)infos, &der, ASN1_ITEM_rptr(ENV_RECIPIENT_INFOS));
	assert_true(len > 0);
	buffer_add(out, der, (size_t)len);
	OPENSSL_free(der);
	recipient_infos_free(infos);
	sk_X509_free(request.recipients);
	secret_free(&content_key);
}

static inline void put_algorithm(
    struct buffer *out, const struct building *b, const unsigned char *iv, size_t iv_len)
{
	struct building der = { .to = NULL };
	struct buffer algorithm;
	struct buffer parameters;
	unsigned char icv = b->tag_len == 0 ? 16 : (unsigned char)b->icv_len;

	buffer_init(&algorithm, SUPPORT_MAX);
	buffer_init(&parameters, SUPPORT_MAX);
	put_octets(&algorithm, &der, 0x06,
	    b->authenticated ? "\x60\x86\x48\x01\x65\x03\x04\x01\x06"
			     : "\x60\x86\x48\x01\x65\x03\x04\x01\x02",
	    9);
	put_octets(b->authenticated ? &parameters : &algorithm, &der, 0x04, iv, iv_len);
	if (b->authenticated && icv != 0)
		put_octets(&parameters, &der, 0x02, &icv, 1);
	if (b->authenticated)
		put(&algorithm, &der, 0x30, &parameters);
	put(out, &der, 0x30, &algorithm);
	buffer_free(&algorithm);
	buffer_free(&parameters);
}

/* Strings in a string in the constructed [0]: one octet, then the rest inside another. */
static inline void put_content(
    struct buffer *out, const struct building *b, const struct buffer *encrypted)
{
	struct buffer inner;
	struct buffer outer;

	if (b->absent)
		return;
	if (!b->nested && !b->indefinite) {
		put(out, b, 0x80, encrypted);
		return;
	}
	buffer_init(&inner, SUPPORT_MAX);
	buffer_init(&outer, SUPPORT_MAX);
	if (b->nested && encrypted->len > 0) {
		put_octets(&outer, b, 0x04, encrypted->data, 1);
		put_octets(&inner, b, 0x04, encrypted->data + 1, encrypted->len - 1);
		put_octets(&inner, b, 0x04, "", 0);
		enclose(&outer, b, 0x24, &inner);
	} else {
		put(&outer, b, 0x04, encrypted);
	}
	enclose(out, b, 0xa0, &outer);
}

static inline void put_tail(struct buffer *out, const struct building *b, const unsigned char *tag)
{
	struct buffer attributes;

	buffer_init(&attributes, SUPPORT_MAX);
	if (b->attributes) {
		put_attributes(&attributes, b, false);
		put(out, b, 0xa1, &attributes);
	}
	if (b->authenticated && !b->no_tag)
		put_octets(out, b, 0x04, tag, b->tag_len == 0 ? 16 : b->tag_len);
	if (b->free_attributes) {
		buffer_reset(&attributes);
		put_attribute(&attributes, 9);
		put(out, b, b->authenticated ? 0xa2 : 0xa1, &attributes);
	}
	if (b->garbage)
		put_octets(out, b, 0x04, "garbage", 7);
	buffer_free(&attributes);
}

static inline void build(
    struct buffer *out, const struct building *b, const unsigned char *plain, size_t len)
{
	static const unsigned char key[16] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	unsigned char iv[256] = { 9, 8, 7 };
	unsigned char tag[32] = { 0 };
	size_t iv_len = b->iv_len < 0      ? 0
			: b->iv_len > 0    ? (size_t)b->iv_len
			: b->authenticated ? 12
					   : 16;
	struct buffer encrypted, info, message, outer, content_info;

	buffer_init(out, SUPPORT_MAX);
	buffer_init(&encrypted, SUPPORT_MAX);
	buffer_init(&info, SUPPORT_MAX);
	buffer_init(&message, SUPPORT_MAX);
	buffer_init(&outer, SUPPORT_MAX);
	buffer_init(&content_info, SUPPORT_MAX);
	encrypt_content(&encrypted, tag, b, key, iv, iv_len == 0 ? 12 : iv_len, plain, len);
	put_octets(&message, b, 0x02, "\0", 1);
	put_recipients(&message, b, key);
	put_octets(&info, b, 0x06,
	    b->signed_content ? "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
			      : "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
	    9);
	put_algorithm(&info, b, iv, iv_len);
	put_content(&info, b, &encrypted);
	enclose(&message, b, 0x30, &info);
	put_tail(&message, b, tag);
	enclose(&outer, b, 0x30, &message);
	if (b->authenticated)
		put_octets(
		    &content_info, b, 0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17", 11);
	else
		put_octets(&content_info, b, 0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", 9);
	enclose(&content_info, b, 0xa0, &outer);
	enclose(out, b, 0x30, &content_info);
	buffer_free(&encrypted);
	assert_int_equal(out->status, 0);
}

/* One message of each kind, for rsa or ec, whom it returns; odd ones are authenticated. */
#define BUILD_KINDS 12

static inline const struct party *build_kind(struct buffer *out, size_t kind,
    const struct party *rsa, const struct party *ec, const unsigned char *plain, size_t len)
{
	static const char *const ciphers[] = { "aes-128-cbc", "aes-256-gcm" };
	const struct party *to = kind & 2 ? ec : rsa;
	struct sealing s = { .to = { to }, .cipher = ciphers[kind & 1], .indefinite = kind & 4 };
	struct building b = { .to = to,
		.authenticated = kind & 1,
		.attributes = kind & 1,
		.free_attributes = true,
		.indefinite = kind & 2 };

	if (kind < 8)
		seal(out, &s, plain, len);
	else
		build(out, &b, plain, len);
	return to;
}

#endif
