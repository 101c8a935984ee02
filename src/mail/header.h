/*
 * header: the header block of a mail or MIME entity (RFC 5322, RFC 2045):
 * the fields as they came, and the few that matter here understood.
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
 * field and no continuation is HSMIME_EFORMAT ("not a mail"), as are blocks over
 * the bounds, NUL octets, line endings that are CR alone, and nothing at all.
 * h is then all zero. 0, HSMIME_EFORMAT, HSMIME_ENOMEM or in's status.
 */
int header_read(struct header *h, struct window *in, struct error *err);

/* header_free(h): zeroed or NULL is allowed. */
void header_free(struct header *h);

/* header_find(h, name, nth): the nth (from 0) field of that name (compared without case), or NULL. */
const struct header_field *header_find(const struct header *h, const char *name, size_t nth);

/*
 * header_body(out, field):
 * The field's body, unfolded, outer white space removed; out is initialised,
 * and emptied first. 0 or HSMIME_ENOMEM.
 */
int header_body(struct buffer *out, const struct header_field *field);

/* header_is_content(field): whether it describes the content: MIME-Version or Content-*. */
bool header_is_content(const struct header_field *field);

enum header_part {
	HEADER_OUTER,  /* all but MIME-Version and Content-* */
	HEADER_CONTENT /* Content-* alone (no MIME-Version) */
};

/*
 * header_write(h, part, drop_bcc, sink):
 * Write those fields byte for byte and in order, without an empty line; a last
 * field that the input ended in gets a line ending. drop_bcc leaves Bcc and
 * Resent-Bcc out.
 */
int header_write(
    const struct header *h, enum header_part part, bool drop_bcc, const hsmime_sink *sink);

#define CONTENT_TYPE_MAX_PARAMS 32

/* Content-Type (RFC 2045 section 5.1, parameters also in RFC 2231 form), lower case where it has no case. */
struct content_type {
	char type[64];
	char subtype[128];
	struct content_param {
		char name[64];
		char *value; /* decoded; NUL-terminated */
	} params[CONTENT_TYPE_MAX_PARAMS];
	size_t count;
};

/*
 * content_type_parse(ct, body):
 * Understand a field body, leniently where the meaning is clear. 0,
 * HSMIME_EFORMAT or HSMIME_ENOMEM. Free with content_type_free.
 */
int content_type_parse(struct content_type *ct, const char *body);
void content_type_free(struct content_type *ct);

/* content_type_param(ct, name): the value, or NULL. */
const char *content_type_param(const struct content_type *ct, const char *name);

/* content_type_is(ct, type, subtype): subtype NULL for any. */
bool content_type_is(const struct content_type *ct, const char *type, const char *subtype);

enum transfer_encoding { CTE_IDENTITY, CTE_BASE64, CTE_QUOTED_PRINTABLE, CTE_UNKNOWN };

enum entity_kind {
	ENTITY_OTHER,     /* no S/MIME here */
	ENTITY_MULTIPART, /* a multipart other than multipart/signed with a PKCS#7 protocol */
	ENTITY_SIGNED,    /* multipart/signed; protocol application/(x-)pkcs7-signature */
	ENTITY_CMS /* application/(x-)pkcs7-mime or -signature, or octet-stream named *.p7m, .p7s, .p7c, .p7z (RFC 8551 3.10) */
};

/* What a header block says of its content. */
struct entity {
	enum entity_kind kind;
	struct content_type type; /* text/plain where there is none or it is malformed */
	enum transfer_encoding encoding;
	bool says_8bit;   /* its Content-Transfer-Encoding is 8bit */
	bool says_binary; /* ... is binary */
	bool
	    signature; /* application/(x-)pkcs7-signature, or octet-stream named *.p7s: mostly a detached signature */
};

/* entity_describe(e, h): 0 or HSMIME_ENOMEM. Free with entity_free. */
int entity_describe(struct entity *e, const struct header *h);
void entity_free(struct entity *e);

#endif
