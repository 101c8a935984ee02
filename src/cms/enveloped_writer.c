#include "cms/enveloped_writer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "cms/asn1_enveloped.h"
#include "cms/content_cipher.h"
#include "cms/enveloped_head.h"
#include "cms/recipient_info.h"
#include "cms/recipient_list.h"
#include "util/ber_writer.h"
#include "util/block.h"
#include "util/sink.h"

#define CHUNK ((size_t)64 * 1024)
#define ROOM (CHUNK + 64)
#define SIZE_MAX_CONTENT (UINT64_C(1) << 62)

struct enveloped_writer {
	hsmime_sink sink;
	struct cms_env env;
	const struct content_cipher *cipher;
	struct content_params params;
	EVP_CIPHER_CTX *ctx;
	uint64_t size;  /* announced, or HSMIME_SIZE_UNKNOWN */
	uint64_t taken; /* octets of plaintext so far */
	unsigned char *out;
	size_t have; /* octets in out */
	int status;  /* sticky */
};

static bool indefinite(const struct enveloped_writer *w)
{
	return w->size == HSMIME_SIZE_UNKNOWN;
}

int enveloped_is_authenticated(const char *cipher)
{
	const struct content_cipher *c = content_cipher_by_name(cipher);

	return c == NULL ? -1 : c->authenticated;
}

/* Every chunk but the last comes of CHUNK octets of plaintext, however they were written. */
static int flush(struct enveloped_writer *w)
{
	int status = 0;

	if (w->have == 0)
		return 0;
	if (indefinite(w))
		status = ber_put_header(&w->sink, BER_UNIVERSAL, BER_OCTET_STRING, false, w->have);
	if (status == 0)
		status = sink_write(&w->sink, w->out, w->have);
	w->have = 0;
	return status;
}

static int take(struct enveloped_writer *w, size_t len)
{
	uint64_t limit = w->cipher->authenticated ? CONTENT_GCM_MAX : SIZE_MAX_CONTENT;

	if (!indefinite(w) && len > w->size - w->taken)
		return error_set(w->env.err, HSMIME_EUSAGE, "more content than was announced");
	if (len > limit - w->taken)
		return error_set(w->env.err, HSMIME_EUNSUPPORTED, "the content is too long for %s",
		    w->cipher->label);
	return 0;
}

static int encrypt_piece(struct enveloped_writer *w, const unsigned char *data, size_t len)
{
	int made = 0;

	if (EVP_EncryptUpdate(w->ctx, w->out + w->have, &made, data, (int)len) != 1)
		return error_openssl(w->env.err, HSMIME_EINTERNAL, w->cipher->label);
	w->have += (size_t)made;
	w->taken += len;
	return w->taken % CHUNK == 0 ? flush(w) : 0;
}

static int content_write(void *arg, const void *buf, size_t len)
{
	struct enveloped_writer *w = arg;
	const unsigned char *data = buf;

	if (w->status == 0)
		w->status = take(w, len);
	while (w->status == 0 && len > 0) {
		size_t piece = CHUNK - (size_t)(w->taken % CHUNK);

		if (piece > len)
			piece = len;
		w->status = encrypt_piece(w, data, piece);
		data += piece;
		len -= piece;
	}
	return w->status;
}

static uint64_t encrypted_size(const struct content_cipher *cipher, uint64_t size)
{
	return cipher->authenticated ? size : (size / cipher->block + 1) * cipher->block;
}

static int write_head(
    struct enveloped_writer *w, const struct enveloped_write *request, const struct secret *key)
{
	struct enveloped_head head = { 0 };
	uint64_t encrypted = HSMIME_SIZE_UNKNOWN;
	int status;

	if (!indefinite(w))
		encrypted = encrypted_size(w->cipher, w->size);
	status = enveloped_head_make(&head, request, w->cipher, &w->params, key, &w->env);
	if (status == 0)
		status = enveloped_head_write(&head, encrypted, &w->sink);
	enveloped_head_free(&head);
	return status;
}

static int make_key(struct secret *key, struct enveloped_writer *w)
{
	if (secret_new(key, w->cipher->key_len) != 0)
		return error_nomem(w->env.err);
	key->len = w->cipher->key_len;
	if (RAND_priv_bytes_ex(w->env.libctx, key->data, key->len, 0) != 1 ||
	    content_params_make(&w->params, w->cipher, w->env.libctx) != 0)
		return error_openssl(w->env.err, HSMIME_EINTERNAL, "random octets");
	return 0;
}

static int check(
    const struct enveloped_write *request, const struct content_cipher *cipher, struct cms_env *env)
{
	int count = sk_X509_num(request->recipients);

	if (cipher == NULL)
		return error_set(env->err, HSMIME_EUSAGE, "unknown cipher %s",
		    request->cipher == NULL ? "(none)" : request->cipher);
	if (count < 1)
		return error_set(env->err, HSMIME_EUSAGE, "no recipient to encrypt for");
	if (count > RECIPIENTS_MAX)
		return error_set(
		    env->err, HSMIME_EUSAGE, "more than %d recipients", RECIPIENTS_MAX);
	if (request->content_size == HSMIME_SIZE_UNKNOWN)
		return 0;
	if (request->content_size > (cipher->authenticated ? CONTENT_GCM_MAX : SIZE_MAX_CONTENT))
		return error_set(
		    env->err, HSMIME_EUNSUPPORTED, "the content is too long for %s", cipher->label);
	return 0;
}

static int begin(struct enveloped_writer *w, const struct enveloped_write *request)
{
	struct secret key = { 0 };
	int status = make_key(&key, w);

	if (status == 0)
		status = content_cipher_start(&w->ctx, w->cipher, &w->params, &key, true, &w->env);
	if (status == 0)
		status = write_head(w, request, &key);
	secret_free(&key);
	return status;
}

int enveloped_writer_new(struct enveloped_writer **out, hsmime_sink *content,
    const struct enveloped_write *request, const hsmime_sink *sink, struct cms_env *env)
{
	const struct content_cipher *cipher = content_cipher_by_name(request->cipher);
	struct enveloped_writer *w;
	int status = check(request, cipher, env);

	*out = NULL;
	*content = (hsmime_sink){ NULL, NULL };
	if (status != 0)
		return status;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return error_nomem(env->err);
	w->sink = *sink;
	w->env = *env;
	w->cipher = cipher;
	w->size = request->content_size;
	w->out = block_new(ROOM);
	status = w->out == NULL ? error_nomem(env->err) : begin(w, request);
	if (status != 0) {
		enveloped_writer_free(w);
		return status;
	}
	*content = (hsmime_sink){ content_write, w };
	*out = w;
	return 0;
}

static int write_tag(struct enveloped_writer *w)
{
	unsigned char tag[CONTENT_TAG_MAX];
	int status;

	if (EVP_CIPHER_CTX_ctrl(w->ctx, EVP_CTRL_AEAD_GET_TAG, (int)w->params.tag_len, tag) != 1)
		return error_openssl(w->env.err, HSMIME_EINTERNAL, w->cipher->label);
	status =
	    ber_put_header(&w->sink, BER_UNIVERSAL, BER_OCTET_STRING, false, w->params.tag_len);
	return status == 0 ? sink_write(&w->sink, tag, w->params.tag_len) : status;
}

static int put_ends(struct enveloped_writer *w, int count)
{
	int status = 0;

	for (int i = 0; indefinite(w) && status == 0 && i < count; i++)
		status = ber_put_end(&w->sink);
	return status;
}

/* Open with indefinite lengths: [0] encryptedContent, EncryptedContentInfo; the message, [0], ContentInfo. */
static int finish(struct enveloped_writer *w)
{
	int made = 0;
	int status;

	if (!indefinite(w) && w->taken != w->size)
		return error_set(w->env.err, HSMIME_EUSAGE, "less content than was announced");
	if (EVP_EncryptFinal_ex(w->ctx, w->out + w->have, &made) != 1)
		return error_openssl(w->env.err, HSMIME_EINTERNAL, w->cipher->label);
	w->have += (size_t)made;
	status = flush(w);
	if (status == 0)
		status = put_ends(w, 2);
	if (status == 0 && w->cipher->authenticated)
		status = write_tag(w);
	return status == 0 ? put_ends(w, 3) : status;
}

int enveloped_writer_finish(struct enveloped_writer *w)
{
	int status = w->status;

	if (status == 0)
		status = finish(w);
	if (w->status == 0)
		w->status = status != 0 ? status : HSMIME_EUSAGE;
	return status;
}

void enveloped_writer_free(struct enveloped_writer *w)
{
	if (w == NULL)
		return;
	EVP_CIPHER_CTX_free(w->ctx);
	block_free(w->out, ROOM);
	free(w);
}
