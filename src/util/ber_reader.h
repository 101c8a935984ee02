/*
 * ber_reader: BER (X.690) as a stream: headers as events, octet strings as
 * streams, small structures collected within a bound. Definite and indefinite
 * lengths, constructed strings, 64-bit lengths; depth and sizes are bounded.
 */
#ifndef UTIL_BER_READER_H
#define UTIL_BER_READER_H

#include <hsmime/stream.h>

#include <stdbool.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/error.h"
#include "util/source.h"

#define BER_MAX_DEPTH 32

enum ber_class { BER_UNIVERSAL = 0, BER_APPLICATION = 1, BER_CONTEXT = 2, BER_PRIVATE = 3 };

/* Universal tags used by CMS. */
enum ber_tag {
	BER_INTEGER = 2,
	BER_OCTET_STRING = 4,
	BER_OID = 6,
	BER_SEQUENCE = 16,
	BER_SET = 17
};

/* One identifier and length. */
struct ber_header {
	enum ber_class cls;
	uint32_t tag;
	bool constructed;
	bool indefinite;
	uint64_t length;       /* content octets; 0 where indefinite */
	unsigned char raw[16]; /* identifier and length octets as they came */
	size_t raw_len;
};

/* A reader; treat the fields as private, but for copy. */
struct ber_reader {
	struct window in;
	struct error *err;
	/*
	 * Takes what is consumed from now on, octet for octet, headers and end-of-contents included;
	 * its failures are those of the function that consumed. NULL: nobody.
	 */
	const hsmime_sink *copy;
	int depth;
	struct {
		bool indefinite;
		uint64_t end; /* offset behind the content, where definite */
	} level[BER_MAX_DEPTH];
	bool have; /* a header was read ahead */
	struct ber_header ahead;
};

#define BER_END 1 /* the end of the enclosing element or, at depth 0, of the input */

/* ber_open(r, source, err): read source; failures are described in err. 0 or HSMIME_ENOMEM. */
int ber_open(struct ber_reader *r, const hsmime_source *source, struct error *err);

/* ber_close(r): free what r holds; NULL or zeroed is allowed. */
void ber_close(struct ber_reader *r);

/*
 * ber_peek(r, h):
 * Look at the next element's header without consuming it. Returns 0, BER_END,
 * HSMIME_EFORMAT (also where a definite parent is overrun, and where the input
 * ends inside an element) or the source's status. All functions below return
 * the same failures.
 */
int ber_peek(struct ber_reader *r, struct ber_header *h);

/* ber_is(h, cls, tag): whether h is that element. */
bool ber_is(const struct ber_header *h, enum ber_class cls, uint32_t tag);

/*
 * ber_enter(r, cls, tag, what):
 * Consume the header of the next element, which must be constructed and of
 * that class and tag (what names it in an error), and descend into it.
 */
int ber_enter(struct ber_reader *r, enum ber_class cls, uint32_t tag, const char *what);

/*
 * ber_leave(r, what):
 * The end of the element entered last, which must be here (all its content
 * consumed); consumes end-of-contents octets.
 */
int ber_leave(struct ber_reader *r, const char *what);

/*
 * ber_collect(r, out):
 * Append the next element whole, header included, octets as they came, to out.
 * HSMIME_EFORMAT where that would pass out's maximum.
 */
int ber_collect(struct ber_reader *r, struct buffer *out);

/*
 * ber_octets(r, cls, tag, sink, what):
 * The next element is an OCTET STRING (by cls and tag, which may be an
 * implicit one), primitive or constructed to any form; pass its octets to sink.
 */
int ber_octets(struct ber_reader *r, enum ber_class cls, uint32_t tag, const hsmime_sink *sink,
    const char *what);

/* ber_contents(r, sink, what): pass the next element's content octets, as they came, to sink. */
int ber_contents(struct ber_reader *r, const hsmime_sink *sink, const char *what);

/* ber_skip(r): consume the next element. */
int ber_skip(struct ber_reader *r);

/* ber_offset(r): offset of the next octet in the source, for error messages. */
uint64_t ber_offset(const struct ber_reader *r);

#endif
