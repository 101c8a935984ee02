#include "cms/content_decrypt.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "cms/content_key.h"
#include "util/block.h"
#include "util/sink.h"

#define BLOCK_MAX 16
#define PIECE ((size_t)128 * 1024)
#define ROOM (BLOCK_MAX + PIECE + BLOCK_MAX)

static int grow(struct content_decrypt *d, size_t len)
{
	uint64_t limit = UINT64_MAX;

	if (d->cipher != NULL && d->cipher->authenticated)
		limit = CONTENT_GCM_MAX;
	if (len > limit - d->size)
		return error_set(d->env->err, HSMIME_EFORMAT,
		    "the encrypted content is longer than its cipher allows");
	d->size += len;
	return 0;
}

static int give(struct content_decrypt *d, size_t len)
{
	int status = sink_write(&d->next, d->out, len);

	if (status == 0)
		d->plain += len;
	return status;
}

/* CBC: out starts with the block held back; what follows it replaces it in that place. */
static int pass_on(struct content_decrypt *d, size_t fresh)
{
	size_t have = d->held + fresh;
	size_t keep = d->cipher->authenticated ? 0 : d->cipher->block;
	int status;

	if (have < keep)
		keep = have;
	status = give(d, have - keep);
	memmove(d->out, d->out + have - keep, keep);
	d->held = keep;
	return status;
}

static int decrypt_piece(struct content_decrypt *d, const unsigned char *data, size_t len)
{
	int fresh = 0;

	if (EVP_DecryptUpdate(d->ctx, d->out + d->held, &fresh, data, (int)len) != 1)
		return error_openssl(d->env->err, HSMIME_EINTERNAL, d->cipher->label);
	return pass_on(d, (size_t)fresh);
}

/* What the holder of the key gives, as it pleases. */
static int take(void *arg, const void *buf, size_t len)
{
	struct content_decrypt *d = arg;
	const unsigned char *data = buf;
	int status = 0;

	while (status == 0 && len > 0) {
		size_t piece = len < PIECE ? len : PIECE;

		memcpy(d->out + d->held, data, piece);
		status = pass_on(d, piece);
		data += piece;
		len -= piece;
	}
	return status;
}

/* The structure is judged before the content, so that a holder's limit waits for the end. */
static int hold(struct content_decrypt *d, const void *data, size_t len)
{
	int status;

	if (d->refused != 0)
		return 0;
	status = d->key->ops->update(d->key->holder, data, len, d->env->err);
	if (status != HSMIME_EUNSUPPORTED)
		return status;
	d->refused = status;
	if (d->env->err != NULL)
		d->words = *d->env->err;
	return 0;
}

static int decrypt_write(void *arg, const void *buf, size_t len)
{
	struct content_decrypt *d = arg;
	const unsigned char *data = buf;
	int status = grow(d, len);

	if (status == 0 && d->key != NULL && d->key->holder != NULL)
		return hold(d, buf, len);
	while (status == 0 && d->ctx != NULL && len > 0) {
		size_t piece = len < PIECE ? len : PIECE;

		status = decrypt_piece(d, data, piece);
		data += piece;
		len -= piece;
	}
	return status;
}

int content_decrypt_open(hsmime_sink *out, struct content_decrypt *d,
    const struct content_cipher *cipher, const struct content_params *params,
    const struct content_key *key, const hsmime_sink *next, struct cms_env *env)
{
	hsmime_sink plain = { take, d };
	int status;

	memset(d, 0, sizeof(*d));
	d->cipher = cipher;
	d->params = params;
	d->key = key;
	d->env = env;
	d->next = *next;
	*out = (hsmime_sink){ decrypt_write, d };
	if (key == NULL)
		return 0;
	d->out = block_new(ROOM);
	if (d->out == NULL)
		return error_nomem(env->err);
	if (key->holder != NULL)
		status = key->ops->begin(key->holder, params, &plain, env->err);
	else
		status = content_cipher_start(&d->ctx, cipher, params, &key->octets, false, env);
	if (status != 0)
		content_decrypt_close(d);
	return status;
}

int content_decrypt_size(const struct content_decrypt *d)
{
	if (d->cipher == NULL || d->cipher->authenticated)
		return 0;
	if (d->size != 0 && d->size % d->cipher->block == 0)
		return 0;
	return error_set(d->env->err, HSMIME_EFORMAT,
	    "the encrypted content is cut short: it is not whole cipher blocks");
}

/* 1 where a < b, else 0, without a branch; both below 2^31. */
static unsigned less(unsigned a, unsigned b)
{
	return (a - b) >> 31;
}

/* How many octets at the end of block are padding (RFC 5652 section 6.3); 0: it is wrong. */
static unsigned padding_length(const unsigned char *block, unsigned size)
{
	unsigned pad = block[size - 1];
	unsigned wrong = less(pad, 1) | less(size, pad);

	for (unsigned i = 0; i < size; i++) {
		unsigned inside = less(i, pad);
		unsigned differs = less(0, block[size - 1 - i] ^ pad);

		wrong |= inside & differs;
	}
	return pad & (wrong - 1);
}

static int finish_cbc(struct content_decrypt *d)
{
	unsigned pad = padding_length(d->out, (unsigned)d->cipher->block);

	if (pad == 0)
		return content_key_refuse(d->env);
	return give(d, d->cipher->block - pad);
}

static int finish_gcm(struct content_decrypt *d, const unsigned char *mac)
{
	unsigned char none[BLOCK_MAX];
	int len = 0;
	int good;

	ERR_set_mark();
	good = EVP_CIPHER_CTX_ctrl(
		   d->ctx, EVP_CTRL_AEAD_SET_TAG, (int)d->params->tag_len, (void *)mac) == 1 &&
	       EVP_DecryptFinal_ex(d->ctx, none, &len) == 1;
	ERR_pop_to_mark();
	return good ? 0 : content_key_refuse(d->env);
}

static int finish_holder(
    struct content_decrypt *d, const unsigned char *mac, const struct buffer *aad)
{
	int status = d->refused;

	if (status == 0)
		status = d->key->ops->finish(d->key->holder, mac, aad, d->env->err);
	else if (d->env->err != NULL)
		*d->env->err = d->words;
	if (status == HSMIME_EINVALID)
		return content_key_refuse(d->env);
	return status == 0 && !d->cipher->authenticated ? finish_cbc(d) : status;
}

int content_decrypt_finish(
    struct content_decrypt *d, const unsigned char *mac, const struct buffer *aad)
{
	if (content_decrypt_takes_aad(d))
		return finish_holder(d, mac, aad);
	return d->cipher->authenticated ? finish_gcm(d, mac) : finish_cbc(d);
}

bool content_decrypt_takes_aad(const struct content_decrypt *d)
{
	return d->key->holder != NULL;
}

static int feed(EVP_CIPHER_CTX *ctx, struct content_decrypt *d, const hsmime_source *plaintext)
{
	unsigned char *encrypted = d->out + PIECE / 2;
	uint64_t total = 0;
	ptrdiff_t got;
	int len;

	while ((got = plaintext->read(plaintext->arg, d->out, PIECE / 2)) > 0) {
		if (EVP_EncryptUpdate(ctx, encrypted, &len, d->out, (int)got) != 1)
			return error_openssl(d->env->err, HSMIME_EINTERNAL, d->cipher->label);
		total += (uint64_t)got;
	}
	if (got < 0)
		return (int)got;
	if (total != d->plain)
		return error_set(
		    d->env->err, HSMIME_EIO, "the decrypted content can't be read again");
	return 0;
}

static int compare(EVP_CIPHER_CTX *ctx, const struct content_decrypt *d, const unsigned char *mac)
{
	unsigned char tag[CONTENT_TAG_MAX];
	int len = 0;
	int good;

	if (EVP_EncryptFinal_ex(ctx, d->out, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CONTENT_TAG_MAX, tag) != 1)
		return error_openssl(d->env->err, HSMIME_EINTERNAL, d->cipher->label);
	good = CRYPTO_memcmp(tag, mac, d->params->tag_len) == 0;
	OPENSSL_cleanse(tag, sizeof(tag));
	return good ? 0 : content_key_refuse(d->env);
}

int content_decrypt_again(struct content_decrypt *d, const unsigned char *mac,
    const struct buffer *aad, const hsmime_source *plaintext)
{
	EVP_CIPHER_CTX *ctx = NULL;
	int len = 0;
	int status =
	    content_cipher_start(&ctx, d->cipher, d->params, &d->key->octets, true, d->env);

	if (status == 0 && EVP_EncryptUpdate(ctx, NULL, &len, aad->data, (int)aad->len) != 1)
		status = error_openssl(d->env->err, HSMIME_EINTERNAL, d->cipher->label);
	if (status == 0)
		status = feed(ctx, d, plaintext);
	if (status == 0)
		status = compare(ctx, d, mac);
	EVP_CIPHER_CTX_free(ctx);
	return status;
}

void content_decrypt_close(struct content_decrypt *d)
{
	EVP_CIPHER_CTX_free(d->ctx);
	d->ctx = NULL;
	/* No more plaintext was in it than came. */
	if (d->out != NULL)
		OPENSSL_cleanse(
		    d->out, d->size < ROOM - 2 * BLOCK_MAX ? d->size + 2 * BLOCK_MAX : ROOM);
	block_free(d->out, ROOM);
	d->out = NULL;
}
