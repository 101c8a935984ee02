#include "util/ber_reader.h"

#include <string.h>

#include "util/sink.h"

int ber_open(struct ber_reader *r, const hsmime_source *source, struct error *err)
{
	memset(r, 0, sizeof(*r));
	r->err = err;
	return window_open(&r->in, source, WINDOW_ROOM);
}

void ber_close(struct ber_reader *r)
{
	if (r == NULL)
		return;
	window_close(&r->in);
	memset(r, 0, sizeof(*r));
}

uint64_t ber_offset(const struct ber_reader *r)
{
	return r->in.offset - (r->have ? r->ahead.raw_len : 0);
}

static int malformed(struct ber_reader *r, const char *what)
{
	return error_set(r->err, HSMIME_EFORMAT, "malformed BER at offset %llu: %s",
	    (unsigned long long)ber_offset(r), what);
}

static int source_failed(struct ber_reader *r, ptrdiff_t status)
{
	if (status == HSMIME_EFORMAT)
		return error_set(r->err, HSMIME_EFORMAT, "the transfer encoding is damaged");
	return error_keep(r->err, (int)status, "reading the input failed");
}

static int truncated(struct ber_reader *r)
{
	return error_set(r->err, HSMIME_EFORMAT, "the input ends early, at offset %llu",
	    (unsigned long long)r->in.offset);
}

/* The octets left in the innermost element of definite length around here. */
static uint64_t room_left(const struct ber_reader *r)
{
	for (int d = r->depth - 1; d >= 0; d--) {
		if (!r->level[d].indefinite)
			return r->level[d].end - r->in.offset;
	}
	return UINT64_MAX;
}

static int parse_tag(struct ber_header *h, const unsigned char *p, size_t have, size_t *at)
{
	h->cls = (enum ber_class)(p[0] >> 6);
	h->constructed = (p[0] & 0x20) != 0;
	h->tag = p[0] & 0x1f;
	*at = 1;
	if (h->tag != 0x1f)
		return 0;
	h->tag = 0;
	for (int i = 0; i < 4; i++) {
		if (*at >= have)
			return -1;
		h->tag = h->tag << 7 | (p[*at] & 0x7f);
		if ((p[(*at)++] & 0x80) == 0)
			return 0;
	}
	return -2;
}

static int parse_length(struct ber_header *h, const unsigned char *p, size_t have, size_t *at)
{
	unsigned count;

	if (*at >= have)
		return -1;
	count = p[(*at)++];
	h->indefinite = count == 0x80;
	h->length = count < 0x80 ? count : 0;
	if (count <= 0x80)
		return 0;
	count &= 0x7f;
	if (count > 8)
		return -2;
	if (have - *at < count)
		return -1;
	while (count-- > 0)
		h->length = h->length << 8 | p[(*at)++];
	return 0;
}

/* -1: the input ends here; -2: no header. */
static int parse_header(struct ber_header *h, const unsigned char *p, size_t have)
{
	size_t at = 0;
	int status = parse_tag(h, p, have, &at);

	if (status == 0)
		status = parse_length(h, p, have, &at);
	if (status != 0)
		return status;
	memcpy(h->raw, p, at);
	h->raw_len = at;
	return 0;
}

static int check_header(struct ber_reader *r, const struct ber_header *h)
{
	uint64_t left = room_left(r);

	if (h->indefinite && !h->constructed)
		return malformed(r, "a primitive element of indefinite length");
	if (h->raw_len > left || h->length > left - h->raw_len)
		return malformed(r, "an element is longer than the one around it");
	if (h->length > (uint64_t)INT64_MAX)
		return malformed(r, "an impossible length");
	return 0;
}

static int read_ahead(struct ber_reader *r)
{
	ptrdiff_t have = window_need(&r->in, sizeof(r->ahead.raw));
	int status;

	if (have < 0)
		return source_failed(r, have);
	if (have == 0)
		return r->depth == 0 ? BER_END : truncated(r);
	status = parse_header(&r->ahead, r->in.data + r->in.start, (size_t)have);
	if (status == -1)
		return truncated(r);
	if (status != 0)
		return malformed(r, "no tag and length");
	status = check_header(r, &r->ahead);
	if (status != 0)
		return status;
	window_take(&r->in, r->ahead.raw_len);
	r->have = true;
	return 0;
}

static bool is_end_of_contents(const struct ber_header *h)
{
	return h->cls == BER_UNIVERSAL && h->tag == 0;
}

int ber_peek(struct ber_reader *r, struct ber_header *h)
{
	int status = 0;

	if (!r->have && r->depth > 0 && !r->level[r->depth - 1].indefinite &&
	    r->in.offset == r->level[r->depth - 1].end)
		return BER_END;
	if (!r->have)
		status = read_ahead(r);
	if (status != 0)
		return status;
	*h = r->ahead;
	if (!is_end_of_contents(h))
		return 0;
	/* Two zero octets and no other form (X.690 8.1.5). */
	if (r->depth == 0 || !r->level[r->depth - 1].indefinite || h->constructed ||
	    h->raw_len != 2 || h->length != 0)
		return malformed(r, "end-of-contents octets where none belong");
	return BER_END;
}

bool ber_is(const struct ber_header *h, enum ber_class cls, uint32_t tag)
{
	return h->cls == cls && h->tag == tag;
}

/* The header that was read ahead is done with. */
static int consume(struct ber_reader *r)
{
	r->have = false;
	return r->copy == NULL ? 0 : sink_write(r->copy, r->ahead.raw, r->ahead.raw_len);
}

static int descend(struct ber_reader *r, const struct ber_header *h)
{
	if (r->depth == BER_MAX_DEPTH)
		return malformed(r, "too many elements inside each other");
	r->level[r->depth].indefinite = h->indefinite;
	r->level[r->depth].end = r->in.offset + h->length;
	r->depth++;
	return consume(r);
}

static int missing(struct ber_reader *r, const char *what)
{
	return error_set(r->err, HSMIME_EFORMAT, "offset %llu: %s expected",
	    (unsigned long long)ber_offset(r), what);
}

int ber_enter(struct ber_reader *r, enum ber_class cls, uint32_t tag, const char *what)
{
	struct ber_header h;
	int status = ber_peek(r, &h);

	if (status < 0)
		return status;
	if (status == BER_END || !ber_is(&h, cls, tag) || !h.constructed)
		return missing(r, what);
	return descend(r, &h);
}

int ber_leave(struct ber_reader *r, const char *what)
{
	struct ber_header h;
	int status = ber_peek(r, &h);

	if (status < 0)
		return status;
	if (status != BER_END)
		return error_set(r->err, HSMIME_EFORMAT, "offset %llu: something follows in %s",
		    (unsigned long long)ber_offset(r), what);
	r->depth--;
	return r->have ? consume(r) : 0;
}

/* Exactly len octets, as large slices of the window. */
static int pass(struct ber_reader *r, uint64_t len, const hsmime_sink *sink)
{
	while (len > 0) {
		ptrdiff_t have = window_need(&r->in, 1);
		size_t n;
		int status;

		if (have < 0)
			return source_failed(r, have);
		if (have == 0)
			return truncated(r);
		n = (uint64_t)have < len ? (size_t)have : (size_t)len;
		status = sink_write(sink, r->in.data + r->in.start, n);
		if (status == 0 && r->copy != NULL)
			status = sink_write(r->copy, r->in.data + r->in.start, n);
		if (status != 0)
			return status;
		window_take(&r->in, n);
		len -= n;
	}
	return 0;
}

/* The rest of an element whose header is consumed, as it stands. Depth is bounded by descend. */
static int pass_contents(struct ber_reader *r, const struct ber_header *h, const hsmime_sink *sink)
{
	struct ber_header inner;
	int status;

	if (!h->indefinite) {
		status = consume(r);
		return status == 0 ? pass(r, h->length, sink) : status;
	}
	status = descend(r, h);
	while (status == 0 && (status = ber_peek(r, &inner)) == 0) {
		status = sink_write(sink, inner.raw, inner.raw_len);
		if (status == 0)
			status = pass_contents(r, &inner, sink);
		if (status == 0 && inner.indefinite)
			status = sink_write(sink, "\0", 2);
	}
	return status == BER_END ? ber_leave(r, "an element") : status;
}

int ber_collect(struct ber_reader *r, struct buffer *out)
{
	struct ber_header h;
	hsmime_sink sink;
	int status = ber_peek(r, &h);

	if (status == BER_END)
		return missing(r, "an element");
	if (status != 0)
		return status;
	if (!h.indefinite && h.length > out->max)
		return error_set(r->err, HSMIME_EFORMAT,
		    "offset %llu: an element of %llu octets is over "
		    "the limit of %zu",
		    (unsigned long long)ber_offset(r), (unsigned long long)h.length, out->max);
	sink_buffer(&sink, out);
	status = sink_write(&sink, h.raw, h.raw_len);
	if (status == 0)
		status = pass_contents(r, &h, &sink);
	if (status == 0 && h.indefinite)
		status = sink_write(&sink, "\0", 2);
	if (out->status == HSMIME_EFORMAT)
		return error_set(
		    r->err, HSMIME_EFORMAT, "an element is over the limit of %zu octets", out->max);
	return status == HSMIME_ENOMEM ? error_nomem(r->err) : status;
}

/* The pieces of a constructed OCTET STRING are OCTET STRINGs themselves (X.690 8.7.3). */
static int pieces(
    struct ber_reader *r, const struct ber_header *h, const hsmime_sink *sink, const char *what)
{
	struct ber_header inner;
	int status;

	if (!h->constructed) {
		status = consume(r);
		return status == 0 ? pass(r, h->length, sink) : status;
	}
	status = descend(r, h);
	while (status == 0 && (status = ber_peek(r, &inner)) == 0) {
		if (!ber_is(&inner, BER_UNIVERSAL, BER_OCTET_STRING))
			return missing(r, "an OCTET STRING's piece");
		status = pieces(r, &inner, sink, what);
	}
	return status == BER_END ? ber_leave(r, what) : status;
}

int ber_octets(struct ber_reader *r, enum ber_class cls, uint32_t tag, const hsmime_sink *sink,
    const char *what)
{
	struct ber_header h;
	int status = ber_peek(r, &h);

	if (status < 0)
		return status;
	if (status == BER_END || !ber_is(&h, cls, tag))
		return missing(r, what);
	return pieces(r, &h, sink, what);
}

int ber_contents(struct ber_reader *r, const hsmime_sink *sink, const char *what)
{
	struct ber_header h;
	int status = ber_peek(r, &h);

	if (status == BER_END)
		return missing(r, what);
	return status != 0 ? status : pass_contents(r, &h, sink);
}

int ber_skip(struct ber_reader *r)
{
	hsmime_sink nowhere;

	sink_null(&nowhere);
	return ber_contents(r, &nowhere, "an element");
}
