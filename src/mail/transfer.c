#include "mail/transfer.h"

#include <string.h>

#include "mail/text.h"

#define SNIFF_OCTETS 256
#define SNIFF_LETTERS 16

static bool is_base64(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* A SEQUENCE with a length of several octets or the indefinite one: 0x30 0x8x, in base64 "MI". */
static bool looks_base64(const unsigned char *p, size_t len)
{
	size_t letters = 0;

	while (len > 0 && text_is_space((char)*p)) {
		p++;
		len--;
	}
	if (len < 2 || p[0] != 'M' || p[1] != 'I')
		return false;
	for (; letters < SNIFF_LETTERS && len > 0; p++, len--) {
		if (is_base64(*p))
			letters++;
		else if (!text_is_space((char)*p))
			return false;
	}
	return letters == SNIFF_LETTERS;
}

static bool looks_ber(const unsigned char *p, size_t len)
{
	return len >= 2 && p[0] == 0x30 && p[1] >= 0x80;
}

/* The first octets decide how the rest is read. */
int transfer_choose(struct transfer_decoder *d)
{
	enum transfer_encoding encoding = d->encoding == CTE_UNKNOWN ? CTE_IDENTITY : d->encoding;
	const unsigned char *p;
	ptrdiff_t have;

	if (d->chosen_yet)
		return 0;
	have = window_need(d->in, SNIFF_OCTETS);
	p = d->in->data + d->in->start;
	if (have < 0)
		return (int)have;
	if (looks_ber(p, (size_t)have))
		encoding = CTE_IDENTITY;
	else if (encoding != CTE_QUOTED_PRINTABLE && looks_base64(p, (size_t)have))
		encoding = CTE_BASE64;
	if (encoding == CTE_BASE64)
		base64_decoder_open(&d->chosen, &d->base64, d->in, false);
	else if (encoding == CTE_QUOTED_PRINTABLE)
		qp_decoder_open(&d->chosen, &d->qp, d->in);
	else
		window_source(&d->chosen, d->in);
	d->read_as = encoding;
	d->chosen_yet = true;
	return 0;
}

static ptrdiff_t transfer_read(void *arg, void *buf, size_t len)
{
	struct transfer_decoder *d = arg;
	int status = transfer_choose(d);

	if (status != 0)
		return status;
	return d->chosen.read(d->chosen.arg, buf, len);
}

void transfer_open(hsmime_source *out, struct transfer_decoder *d, struct window *in,
    enum transfer_encoding encoding)
{
	memset(d, 0, sizeof(*d));
	d->in = in;
	d->encoding = encoding;
	*out = (hsmime_source){ .read = transfer_read, .arg = d, .size = HSMIME_SIZE_UNKNOWN };
}
