#include "cms/gcm_tag.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BLOCK 16
#define PIECE ((size_t)1 << 30) /* EVP counts in int */

/* An element of GF(2^128) as SP 800-38D section 6.3 writes it: the first bit is the most significant. */
struct element {
	uint64_t high;
	uint64_t low;
};

static uint64_t get64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void put64(unsigned char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (unsigned char)v;
}

static struct element element_of(const unsigned char *block)
{
	return (struct element){ get64(block), get64(block + 8) };
}

static struct element add(struct element a, struct element b)
{
	return (struct element){ a.high ^ b.high, a.low ^ b.low };
}

/* a * b; no branch and no address depends on either (SP 800-38D algorithm 1). */
static struct element multiply(struct element a, struct element b)
{
	struct element z = { 0, 0 };

	for (int i = 0; i < 128; i++) {
		uint64_t word = i < 64 ? a.high : a.low;
		uint64_t bit = 0 - (word >> (63 - i % 64) & 1);
		uint64_t carry = 0 - (b.low & 1);

		z.high ^= b.high & bit;
		z.low ^= b.low & bit;
		b.low = b.low >> 1 | b.high << 63;
		b.high = b.high >> 1 ^ (carry & UINT64_C(0xe100000000000000));
	}
	return z;
}

/* h to that power; the exponent, a length, is no secret. */
static struct element power(struct element h, uint64_t exponent)
{
	struct element result = { UINT64_C(1) << 63, 0 };

	for (; exponent > 0; exponent >>= 1) {
		if (exponent & 1)
			result = multiply(result, h);
		h = multiply(h, h);
	}
	return result;
}

/* Whole blocks, the last filled up with zeros. */
static struct element hash(struct element h, const unsigned char *data, size_t len)
{
	struct element y = { 0, 0 };

	while (len > 0) {
		unsigned char block[BLOCK] = { 0 };
		size_t n = len < BLOCK ? len : BLOCK;

		memcpy(block, data, n);
		y = multiply(add(y, element_of(block)), h);
		data += n;
		len -= n;
	}
	return y;
}

static struct element lengths(uint64_t aad, uint64_t content)
{
	return (struct element){ aad * 8, content * 8 };
}

static int failed(struct gcm_tag *t)
{
	return error_openssl(t->env->err, HSMIME_EINTERNAL, t->cipher->label);
}

static int tag_write(void *arg, const void *buf, size_t len)
{
	struct gcm_tag *t = arg;
	const unsigned char *data = buf;
	int none = 0;

	while (len > 0) {
		size_t n = len < PIECE ? len : PIECE;

		if (EVP_EncryptUpdate(t->ctx, NULL, &none, data, (int)n) != 1)
			return failed(t);
		t->octets += n;
		data += n;
		len -= n;
	}
	return 0;
}

/* H is the encryption of the zero block: what CTR gives for zeros under that counter. */
static int make_hash_key(struct gcm_tag *t, const struct secret *key)
{
	static const unsigned char zeros[BLOCK];
	const char *name = key->len == 16   ? "AES-128-CTR"
			   : key->len == 24 ? "AES-192-CTR"
					    : "AES-256-CTR";
	EVP_CIPHER *evp = EVP_CIPHER_fetch(t->env->libctx, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int made = 0;
	int status = secret_new(&t->h, BLOCK) == 0 ? 0 : error_nomem(t->env->err);

	if (status == 0 &&
	    (evp == NULL || ctx == NULL ||
		EVP_EncryptInit_ex2(ctx, evp, key->data, zeros, NULL) != 1 ||
		EVP_EncryptUpdate(ctx, t->h.data, &made, zeros, BLOCK) != 1 || made != BLOCK))
		status = failed(t);
	t->h.len = BLOCK;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(evp);
	return status;
}

int gcm_tag_open(hsmime_sink *out, struct gcm_tag *t, const struct content_cipher *cipher,
    const struct content_params *params, const struct secret *key, struct cms_env *env)
{
	int status;

	*t = (struct gcm_tag){ .cipher = cipher, .env = env };
	*out = (hsmime_sink){ tag_write, t };
	status = content_cipher_start(&t->ctx, cipher, params, key, true, env);
	return status == 0 ? make_hash_key(t, key) : status;
}

/* What GMAC of the content lacks to be the tag. */
static struct element difference(const struct gcm_tag *t, const struct buffer *aad)
{
	struct element h = element_of(t->h.data);
	struct element mine = lengths(t->octets, 0);
	struct element right = lengths(aad->len, t->octets);
	struct element sum = hash(h, aad->data, aad->len);

	sum = multiply(sum, power(h, t->octets / BLOCK + (t->octets % BLOCK != 0) + 1));
	sum = add(sum, multiply(add(mine, right), h));
	OPENSSL_cleanse(&h, sizeof(h));
	return sum;
}

int gcm_tag_finish(unsigned char *tag, struct gcm_tag *t, const struct buffer *aad)
{
	unsigned char none[BLOCK];
	struct element sum;
	int len = 0;

	if (EVP_EncryptFinal_ex(t->ctx, none, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(t->ctx, EVP_CTRL_AEAD_GET_TAG, CONTENT_TAG_MAX, tag) != 1)
		return failed(t);
	sum = add(element_of(tag), difference(t, aad));
	put64(tag, sum.high);
	put64(tag + 8, sum.low);
	OPENSSL_cleanse(&sum, sizeof(sum));
	return 0;
}

void gcm_tag_close(struct gcm_tag *t)
{
	EVP_CIPHER_CTX_free(t->ctx);
	secret_free(&t->h);
	memset(t, 0, sizeof(*t));
}
