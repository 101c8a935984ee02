#include "util/base64.h"

#include <pthread.h>
#include <string.h>

#include "util/base64_vector.h"

#define INVALID 0x80000000U /* of a table's entry: no character of base64 */
#define NO_VALUE 64         /* not in the alphabet */

/* What each character gives at each place of a quad; one look-up and one OR per character. */
static uint32_t quad_table[4][256];
static unsigned char value_table[256];

static void make_tables(void)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (unsigned c = 0; c < 256; c++) {
		value_table[c] = NO_VALUE;
		for (unsigned place = 0; place < 4; place++)
			quad_table[place][c] = INVALID;
	}
	for (unsigned v = 0; v < 64; v++) {
		unsigned c = (unsigned char)alphabet[v];

		value_table[c] = (unsigned char)v;
		for (unsigned place = 0; place < 4; place++)
			quad_table[place][c] = v << (18 - 6 * place);
	}
}

static bool is_space(unsigned char c)
{
	return c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '\f' || c == '\v';
}

/* Whole quads without anything else among them; stops at the first other character. */
static size_t decode_run(unsigned char *out, const unsigned char *p, size_t quads)
{
	size_t done = base64_vector_decode(out, p, quads);

	for (; done < quads; done++) {
		const unsigned char *c = p + 4 * done;
		uint32_t v = quad_table[0][c[0]] | quad_table[1][c[1]] | quad_table[2][c[2]] |
			     quad_table[3][c[3]];

		if ((v & INVALID) != 0)
			break;
		out[3 * done] = (unsigned char)(v >> 16);
		out[3 * done + 1] = (unsigned char)(v >> 8);
		out[3 * done + 2] = (unsigned char)v;
	}
	return done;
}

/* Lines of whole quads; returns how many characters of p were taken, *made octets given. */
static size_t decode_lines(
    unsigned char *out, size_t len, size_t *made, const unsigned char *p, size_t have)
{
	size_t used = 0, before;

	*made = 0;
	do {
		size_t fit = (len - *made) / 3, quads = (have - used) / 4;

		before = used;
		quads = decode_run(out + *made, p + used, quads < fit ? quads : fit);
		used += 4 * quads;
		*made += 3 * quads;
		while (used < have && (p[used] == '\n' || p[used] == '\r'))
			used++;
	} while (used > before);
	return used;
}

static void flush_quad(struct base64_decoder *d)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < d->have; i++)
		v |= (uint32_t)d->quad[i] << (18 - 6 * i);
	d->held = d->have * 6 / 8;
	d->hold[0] = (unsigned char)(v >> 16);
	d->hold[1] = (unsigned char)(v >> 8);
	d->hold[2] = (unsigned char)v;
	d->have = 0;
}

/* The data is over; a single character left over says nothing. */
static int finish(struct base64_decoder *d)
{
	d->ended = true;
	if (d->have == 1)
		return d->status = HSMIME_EFORMAT;
	flush_quad(d);
	return 0;
}

/* Behind the padding there is room for white space and more padding only. */
static int check_tail(struct base64_decoder *d)
{
	ptrdiff_t have;

	while ((have = window_need(d->in, 1)) > 0) {
		const unsigned char *p = d->in->data + d->in->start;
		size_t n = 0;

		while (n < (size_t)have && (is_space(p[n]) || p[n] == '='))
			n++;
		if (n < (size_t)have && p[n] == '-' && d->pem)
			have = 0;
		window_take(d->in, n);
		if (have == 0)
			return 0;
		if (n < (size_t)have)
			return d->status = HSMIME_EFORMAT;
	}
	return have < 0 ? d->status = (int)have : 0;
}

/* One character that the fast path did not take. */
static int take_one(struct base64_decoder *d, unsigned char c)
{
	if (is_space(c)) {
		window_take(d->in, 1);
		return 0;
	}
	if (c == '=' && d->have >= 2)
		return finish(d) != 0 ? d->status : check_tail(d);
	if (c == '-' && d->pem && d->have != 1)
		return finish(d);
	if (value_table[c] == NO_VALUE)
		return d->status = HSMIME_EFORMAT;
	window_take(d->in, 1);
	d->quad[d->have++] = value_table[c];
	if (d->have == 4)
		flush_quad(d);
	return 0;
}

static size_t give_held(struct base64_decoder *d, unsigned char *out, size_t len)
{
	size_t n = d->held < len ? d->held : len;

	memcpy(out, d->hold, n);
	memmove(d->hold, d->hold + n, d->held - n);
	d->held -= (unsigned)n;
	return n;
}

/* Decode into out what can be decoded without another read. */
static int decode_some(struct base64_decoder *d, unsigned char *out, size_t len, size_t *made)
{
	ptrdiff_t have = window_need(d->in, 1);
	const unsigned char *p = d->in->data + d->in->start;

	*made = 0;
	if (have < 0)
		return d->status = (int)have;
	if (have == 0)
		return finish(d);
	if (d->have == 0) {
		size_t used = decode_lines(out, len, made, p, (size_t)have);

		window_take(d->in, used);
		if (used > 0)
			return 0;
	}
	return take_one(d, *p);
}

static ptrdiff_t decoder_read(void *arg, void *buf, size_t len)
{
	struct base64_decoder *d = arg;
	unsigned char *out = buf;
	size_t done = 0;

	while (done < len) {
		size_t made = 0;

		if (d->held > 0) {
			done += give_held(d, out + done, len - done);
			continue;
		}
		if (d->ended || d->status != 0)
			break;
		/* Give what is there before waiting for more. */
		if (done > 0 && d->in->start == d->in->end)
			break;
		(void)decode_some(d, out + done, len - done, &made);
		done += made;
	}
	return done > 0 ? (ptrdiff_t)done : d->status;
}

void base64_decoder_open(hsmime_source *out, struct base64_decoder *d, struct window *in, bool pem)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_tables);
	*d = (struct base64_decoder){ .in = in, .pem = pem };
	*out = (hsmime_source){ .read = decoder_read, .arg = d, .size = HSMIME_SIZE_UNKNOWN };
}
