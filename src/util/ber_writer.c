#include "util/ber_writer.h"

#include <stdlib.h>
#include <string.h>

#include "util/block.h"
#include "util/sink.h"

static unsigned length_octets(uint64_t length)
{
	unsigned n = 0;

	for (; length > 0; length >>= 8)
		n++;
	return n;
}

size_t ber_header_size(uint64_t length)
{
	return length < 0x80 ? 2 : 2 + length_octets(length);
}

uint64_t ber_element_size(uint64_t length)
{
	return ber_header_size(length) + length;
}

int ber_put_header(
    const hsmime_sink *sink, enum ber_class cls, uint32_t tag, bool constructed, uint64_t length)
{
	unsigned char h[10];
	unsigned n = length_octets(length);
	size_t at = 0;

	h[at++] = (unsigned char)((unsigned)cls << 6 | (constructed ? 0x20U : 0) | (tag & 0x1f));
	if (length == HSMIME_SIZE_UNKNOWN) {
		h[at++] = 0x80;
	} else if (length < 0x80) {
		h[at++] = (unsigned char)length;
	} else {
		h[at++] = (unsigned char)(0x80 | n);
		while (n-- > 0)
			h[at++] = (unsigned char)(length >> (8 * n));
	}
	return sink_write(sink, h, at);
}

int ber_put_end(const hsmime_sink *sink)
{
	return sink_write(sink, "\0", 2);
}

static int put_chunk(struct ber_chunks *c, const void *data, size_t len)
{
	int status = ber_put_header(&c->next, BER_UNIVERSAL, BER_OCTET_STRING, false, len);

	return status != 0 ? status : sink_write(&c->next, data, len);
}

static int chunks_write(void *arg, const void *buf, size_t len)
{
	struct ber_chunks *c = arg;
	const unsigned char *p = buf;
	int status = 0;

	while (len > 0 && status == 0) {
		size_t n = c->chunk - c->have < len ? c->chunk - c->have : len;

		if (n == c->chunk) {
			status = put_chunk(c, p, n);
		} else {
			memcpy(c->data + c->have, p, n);
			c->have += n;
			if (c->have == c->chunk)
				status = ber_chunks_finish(c);
		}
		p += n;
		len -= n;
	}
	return status;
}

int ber_chunks_open(hsmime_sink *out, struct ber_chunks *c, const hsmime_sink *next, size_t chunk)
{
	*c = (struct ber_chunks){ .next = *next, .chunk = chunk };
	c->data = block_new(chunk);
	*out = (hsmime_sink){ .write = chunks_write, .arg = c };
	return c->data == NULL ? HSMIME_ENOMEM : 0;
}

int ber_chunks_finish(struct ber_chunks *c)
{
	size_t have = c->have;

	c->have = 0;
	return have > 0 ? put_chunk(c, c->data, have) : 0;
}

void ber_chunks_close(struct ber_chunks *c)
{
	block_free(c->data, c->chunk);
	c->data = NULL;
}
