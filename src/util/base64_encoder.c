#include "util/base64.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64_vector.h"
#include "util/block.h"
#include "util/sink.h"

#define OUT_ROOM (64 * 1024)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Two characters for each 12-bit value: half the look-ups of one at a time. */
static unsigned char pairs[4096][2];

static void make_pairs(void)
{
	for (unsigned i = 0; i < 4096; i++) {
		pairs[i][0] = (unsigned char)alphabet[i >> 6];
		pairs[i][1] = (unsigned char)alphabet[i & 63];
	}
}

static unsigned char *put_triples(unsigned char *out, const unsigned char *p, size_t triples)
{
	size_t done = base64_vector_encode(out, p, triples);

	p += 3 * done;
	out += 4 * done;
	for (triples -= done; triples > 0; triples--, p += 3, out += 4) {
		unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];

		memcpy(out, pairs[v >> 12], 2);
		memcpy(out + 2, pairs[v & 4095], 2);
	}
	return out;
}

/* As much of whole triples at p as fits the output buffer, line ends included. */
static size_t encode_some(
    struct base64_encoder *e, size_t *used, const unsigned char *p, size_t len)
{
	unsigned char *out = e->out;
	const unsigned char *start = p;
	size_t newline = strlen(e->newline);

	while (len >= 3 && (size_t)(out - e->out) + e->line + newline <= OUT_ROOM) {
		size_t fit = (e->line - e->column) / 4;
		size_t n = len / 3 < fit ? len / 3 : fit;

		out = put_triples(out, p, n);
		p += 3 * n;
		len -= 3 * n;
		e->column += (unsigned)(4 * n);
		if (e->column == e->line) {
			memcpy(out, e->newline, newline);
			out += newline;
			e->column = 0;
		}
	}
	*used = (size_t)(p - start);
	return (size_t)(out - e->out);
}

static int encode(struct base64_encoder *e, const unsigned char *p, size_t len)
{
	int status = 0;

	while (len >= 3 && status == 0) {
		size_t used;
		size_t made = encode_some(e, &used, p, len);

		status = sink_write(&e->next, e->out, made);
		p += used;
		len -= used;
	}
	memcpy(e->hold, p, status == 0 ? len : 0);
	e->held = (unsigned)(status == 0 ? len : 0);
	return status;
}

static int encoder_write(void *arg, const void *buf, size_t len)
{
	struct base64_encoder *e = arg;
	const unsigned char *p = buf;
	unsigned char triple[3];

	if (e->held + len < 3) {
		memcpy(e->hold + e->held, p, len);
		e->held += (unsigned)len;
		return 0;
	}
	if (e->held > 0) {
		size_t take = 3 - e->held;
		int status;

		memcpy(triple, e->hold, e->held);
		memcpy(triple + e->held, p, take);
		e->held = 0;
		status = encode(e, triple, 3);
		if (status != 0)
			return status;
		p += take;
		len -= take;
	}
	return encode(e, p, len);
}

int base64_encoder_open(hsmime_sink *out, struct base64_encoder *e, const hsmime_sink *next,
    unsigned line, const char *newline)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_pairs);
	*e = (struct base64_encoder){ .next = *next, .line = line, .newline = newline };
	e->out = block_new(OUT_ROOM);
	*out = (hsmime_sink){ .write = encoder_write, .arg = e };
	return e->out == NULL ? HSMIME_ENOMEM : 0;
}

int base64_encoder_finish(struct base64_encoder *e)
{
	unsigned char last[3] = { 0 };
	unsigned char quad[4];
	int status = 0;

	if (e->held > 0) {
		memcpy(last, e->hold, e->held);
		put_triples(quad, last, 1);
		memset(quad + 1 + e->held, '=', 3 - e->held);
		e->held = 0;
		e->column += 4;
		status = sink_write(&e->next, quad, sizeof(quad));
	}
	if (status == 0 && e->column > 0)
		status = sink_string(&e->next, e->newline);
	e->column = 0;
	return status;
}

void base64_encoder_close(struct base64_encoder *e)
{
	if (e == NULL)
		return;
	block_free(e->out, OUT_ROOM);
	e->out = NULL;
}
