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

static bool may_be_smime(struct held_content *h)
{
	static const char *const words[] = { "pkcs7", "multipart/signed", ".p7m", ".p7s" };
	unsigned char data[BEGINNING];
	size_t len = 0;
	ptrdiff_t got;
	hsmime_source source;
	bool found = false;

	spool_source(&source, h->spool);
	while (len < sizeof(data) &&
	       (got = source.read(source.arg, data + len, sizeof(data) - len)) > 0)
		len += (size_t)got;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		found = found || holds(data, len, words[i]);
	OPENSSL_cleanse(data, sizeof(data));
	return found;
}

static int held_write(void *arg, const void *buf, size_t len)
{
	struct held_content *h = arg;
	bool judged = h->seen >= BEGINNING;
	int status;

	if (h->dropped)
		return 0;
	status = sink_write(&h->into, buf, len);
	h->seen += len;
	if (status == 0 && !h->wanted && !judged && h->seen >= BEGINNING)
		h->dropped = !may_be_smime(h);
	return status;
}

int held_content_open(hsmime_sink *sink, struct held_content *h, hsmime_ctx *ctx, bool wanted)
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
