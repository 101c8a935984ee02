#include "api/held_content.h"

#include <string.h>
#include <strings.h>

#include "util/sink.h"

#define BEGINNING (32 * 1024) /* octets in which an S/MIME entity shows its type */

static bool holds(const unsigned char *data, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++) {
		if (strncasecmp((const char *)data + i, word, n) == 0)
			return true;
	}
	return false;
}

/* A header that goes on may still say what the content is. */
bool held_content_smime(const unsigned char *data, size_t len)
{
	static const char *const words[] = { "pkcs7", "multipart/signed", ".p7m", ".p7s" };

	if (memmem(data, len, "\n\n", 2) == NULL && memmem(data, len, "\r\n\r\n", 4) == NULL)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (holds(data, len, words[i]))
			return true;
	}
	return false;
}

/* A ContentInfo's header takes at most 10 octets before its type. */
bool held_content_signed_octets(const unsigned char *data, size_t len)
{
	static const unsigned char oid[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
		0x07, 0x02 };

	return memmem(data, len < 32 ? len : 32, oid, sizeof(oid)) != NULL;
}

static bool is_wanted(struct held_content *h)
{
	unsigned char data[BEGINNING];
	size_t len = 0;
	ptrdiff_t got;
	hsmime_source source;
	bool wanted;

	spool_source(&source, h->spool);
	while (len < sizeof(data) &&
	       (got = source.read(source.arg, data + len, sizeof(data) - len)) > 0)
		len += (size_t)got;
	wanted = h->wanted(data, len);
	OPENSSL_cleanse(data, sizeof(data));
	return wanted;
}

static int keep(struct held_content *h, const unsigned char *data, size_t len)
{
	h->seen += len;
	return sink_write(&h->into, data, len);
}

/* The beginning first, by itself: whether the rest is kept depends on it. */
static int held_write(void *arg, const void *buf, size_t len)
{
	struct held_content *h = arg;
	const unsigned char *data = buf;
	int status = 0;

	if (h->wanted != NULL && h->seen < BEGINNING) {
		size_t n = BEGINNING - (size_t)h->seen;

		n = n < len ? n : len;
		status = keep(h, data, n);
		data += n;
		len -= n;
		if (status == 0 && h->seen == BEGINNING)
			h->dropped = !is_wanted(h);
	}
	return status != 0 || h->dropped ? status : keep(h, data, len);
}

int held_content_open(
    hsmime_sink *sink, struct held_content *h, hsmime_ctx *ctx, held_content_judge *wanted)
{
	int status;

	*h = (struct held_content){ .wanted = wanted };
	status = spool_new(&h->spool, ctx->shared->libctx, ctx->spool_max, &ctx->err);
	if (status != 0)
		return status;
	spool_sink(&h->into, h->spool);
	*sink = (hsmime_sink){ .write = held_write, .arg = h };
	return 0;
}

void held_content_close(struct held_content *h)
{
	spool_free(h->spool);
	memset(h, 0, sizeof(*h));
}
