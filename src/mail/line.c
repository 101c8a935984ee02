#include "mail/line.h"

#include <string.h>

ptrdiff_t line_next(const unsigned char **line, struct window *in)
{
	size_t want = 1, seen = 0;

	for (;;) {
		ptrdiff_t have = window_need(in, want);
		const unsigned char *lf;

		if (have <= 0)
			return have;
		*line = in->data + in->start;
		lf = memchr(*line + seen, '\n', (size_t)have - seen);
		if (lf != NULL)
			return lf - *line + 1;
		if ((size_t)have < want || (size_t)have >= in->room)
			return have;
		seen = (size_t)have;
		want = seen > in->room / 2 ? in->room : seen * 2;
	}
}

size_t line_ending(const unsigned char *line, size_t len)
{
	if (len == 0 || line[len - 1] != '\n')
		return 0;
	return len > 1 && line[len - 2] == '\r' ? 2 : 1;
}

void line_count(uint64_t *lf, uint64_t *crlf, const unsigned char *data, size_t len)
{
	const unsigned char *p = data, *end = data + len;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (p > data && p[-1] == '\r')
			++*crlf;
		else
			++*lf;
		p++;
	}
}

/* Sixteen octets at once, in the compilers' portable vectors; a comparison gives all ones or zero. */
typedef unsigned char octets16 __attribute__((vector_size(16)));

struct found {
	octets16 high, nul, cr;
};

static void look(struct found *f, const unsigned char *data)
{
	octets16 v;

	memcpy(&v, data, sizeof(v));
	f->high |= v;
	f->nul |= (octets16)(v == 0);
	f->cr |= (octets16)(v == '\r');
}

static bool any_high(const octets16 *v)
{
	uint64_t half[2];

	memcpy(half, v, sizeof(half));
	return ((half[0] | half[1]) & UINT64_C(0x8080808080808080)) != 0;
}

/* The last look overlaps the one before, so that no octet needs one of its own. */
unsigned octets_kinds(const unsigned char *data, size_t len)
{
	unsigned char pad[sizeof(octets16)];
	struct found f = { 0 };

	if (len < sizeof(pad)) {
		memset(pad, 'x', sizeof(pad));
		for (size_t i = 0; i < len; i++)
			pad[i] = data[i];
		data = pad;
		len = sizeof(pad);
	}
	for (size_t i = 0; i + sizeof(pad) <= len; i += sizeof(pad))
		look(&f, data + i);
	look(&f, data + len - sizeof(pad));
	return (any_high(&f.high) ? OCTETS_EIGHT_BIT : 0) | (any_high(&f.nul) ? OCTETS_NUL : 0) |
	       (any_high(&f.cr) ? OCTETS_CR : 0);
}
