/*
 * header: the header block of a mail or MIME entity (RFC 5322, RFC 2045): the
 * fields as they came.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/stream.h>

#include "util/buffer.h"
#include "util/error.h"
#include "util/source.h"

#define HEADER_MAX (1024 * 1024) /* octets of a header block */
#define HEADER_MAX_FIELDS 5000

/* One field: raw octets as they came, folds and final line ending included. */
struct header_field {
	const unsigned char *raw;
	size_t raw_len;
	size_t name_len; /* octets of the name, without the colon and white space before it */
};

struct header {
	struct buffer octets; /* the whole block, with the empty line that ends it */
	struct header_field *fields;
	size_t count;
	size_t
	    mbox_len; /* octets of an mbox "From " line, or of an HTTP request line (AS2), at the very start; not a field */
	bool crlf;    /* the first line ends with CRLF */
	bool has_empty_line; /* false: the input ended with the header */
};

/*
 * header_read(h, in, err):
 * Take the header block at in, the empty line included. A line that is no
 * field and no continuation is HSMIME_EFORMAT ("not a mail"), as are NUL octets
 * and nothing at all; and so is a block over a bound, or one that reads in two
 * ways (ambiguity.h), a CR that ends no line among them. h is then all zero.
 * 0, HSMIME_EFORMAT, HSMIME_ENOMEM or in's status.
 */
int header_read(struct header *h, struct window *in, struct error *err);

/* header_free(h): zeroed or NULL is allowed. */
void header_free(struct header *h);

/* header_find(h, name, nth): the nth (from 0) field of that name (compared without case), or NULL. */
const struct header_field *header_find(const struct header *h, const char *name, size_t nth);

/* header_count(h, name): how many fields of that name there are. */
size_t header_count(const struct header *h, const char *name);

/* header_name_is(field, name): compared without case. */
bool header_name_is(const struct header_field *field, const char *name);

/*
 * header_body(out, field):
 * The field's body, unfolded, outer white space removed; out is initialised,
 * and emptied first. 0 or HSMIME_ENOMEM.
 */
int header_body(struct buffer *out, const struct header_field *field);

/* header_is_content(field): whether it describes the content: MIME-Version or Content-*. */
bool header_is_content(const struct header_field *field);

/* header_write_field(field, newline, sink): byte for byte, with newline where the input ended in it. The sink's status. */
int header_write_field(
    const struct header_field *field, const char *newline, const hsmime_sink *sink);

enum header_part {
	HEADER_OUTER,  /* all but MIME-Version and Content-* */
	HEADER_CONTENT /* Content-* alone (no MIME-Version) */
};

/* header_is_of(field, part): whether the field belongs there. */
bool header_is_of(const struct header_field *field, enum header_part part);

/*
 * header_write(h, part, drop_bcc, sink):
 * Write those fields byte for byte and in order, without an empty line; a last
 * field that the input ended in gets a line ending. drop_bcc leaves Bcc and
 * Resent-Bcc out.
 */
int header_write(
    const struct header *h, enum header_part part, bool drop_bcc, const hsmime_sink *sink);

#endif
