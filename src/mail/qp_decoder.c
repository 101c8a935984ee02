#include "mail/qp_decoder.h"

#include <string.h>

#include "mail/line.h"
#include "mail/text.h"

/* Octets of the line that are seen: without its ending and the white space before it. */
static size_t visible(const unsigned char *line, size_t len, size_t ending)
{
	len -= ending;
	while (len > 0 && text_is_blank((char)line[len - 1]))
		len--;
	return len;
}

static void give(struct qp_decoder *qp, unsigned char c)
{
	qp->hold[qp->end++] = c;
}

/* Decode what starts before stop, as much as hold takes; returns the octets used up. */
static size_t decode(struct qp_decoder *qp, const unsigned char *in, size_t stop, size_t len)
{
	size_t at = 0;

	while (at < stop && qp->end < sizeof(qp->hold)) {
		int high = in[at] == '=' && at + 2 < len ? text_hex_digit((char)in[at + 1]) : -1;
		int low = high >= 0 ? text_hex_digit((char)in[at + 2]) : -1;

		give(qp, low >= 0 ? (unsigned char)(high * 16 + low) : in[at]);
		at += low >= 0 ? 3 : 1;
	}
	return at;
}

/* One line, or of a long one what hold takes; returns the octets used up. */
static size_t decode_line(struct qp_decoder *qp, const unsigned char *line, size_t len)
{
	size_t ending = line_ending(line, len);
	size_t seen = visible(line, len, ending);
	bool soft = seen > 0 && line[seen - 1] == '=';
	size_t text = soft ? seen - 1 : seen;
	size_t used = decode(qp, line, text, text);

	if (used < text || qp->end + ending > sizeof(qp->hold))
		return used;
	for (size_t i = len - ending; i < len && !soft; i++)
		give(qp, line[i]);
	return len;
}

static int fill(struct qp_decoder *qp)
{
	qp->start = qp->end = 0;
	while (qp->end == 0) {
		const unsigned char *line;
		ptrdiff_t len = line_next(&line, qp->in);

		if (len <= 0)
			return (int)len;
		/* Of a piece of a line, leave what the next piece may complete. */
		if ((size_t)len >= qp->in->room && line[len - 1] != '\n')
			window_take(qp->in, decode(qp, line, (size_t)len - 2, (size_t)len));
		else
			window_take(qp->in, decode_line(qp, line, (size_t)len));
	}
	return 0;
}

static ptrdiff_t qp_read(void *arg, void *buf, size_t len)
{
	struct qp_decoder *qp = arg;
	int status = qp->start == qp->end ? fill(qp) : 0;
	size_t have = qp->end - qp->start;

	if (status != 0)
		return status;
	have = have < len ? have : len;
	memcpy(buf, qp->hold + qp->start, have);
	qp->start += have;
	return (ptrdiff_t)have;
}

void qp_decoder_open(hsmime_source *out, struct qp_decoder *d, struct window *in)
{
	d->in = in;
	d->start = d->end = 0;
	*out = (hsmime_source){ .read = qp_read, .arg = d, .size = HSMIME_SIZE_UNKNOWN };
}
