/*
 * entity_writer: the MIME entity that will be signed or encrypted: a mail's
 * Content-* fields and body, made safe for 7-bit transport (RFC 8551 section
 * 3.1) and with one form of line endings.
 *
 * Everything is copied from the input but two things of those leaf parts that
 * need it: their body, and their Content-Transfer-Encoding field. Inside
 * message/rfc822 too; inside an inner multipart/signed never.
 */
#ifndef MAIL_ENTITY_WRITER_H
#define MAIL_ENTITY_WRITER_H

#include <stdbool.h>

#include <hsmime/stream.h>

#include "mail/structure.h"

struct entity_write {
	bool seven_bit;   /* re-encode 8-bit, NUL, bare CR and lines over 998 octets */
	bool crlf;        /* line endings of what is written: CRLF, else LF */
	bool whole;       /* the input is an entity (or all its header fields belong to it), not a mail with outer fields */
};

/*
 * entity_write(in, s, how, sink, err):
 * Write the entity of the mail in (seekable), whose structure is s: its
 * Content-* fields (a mail without any gets "Content-Type: text/plain;
 * charset=us-ascii", or utf-8 where the body is valid UTF-8 beyond ASCII),
 * an empty line, the body. Text goes to quoted-printable, everything else to
 * base64. The same call gives the same octets every time.
 * 0, HSMIME_EPOLICY (8-bit content inside an inner multipart/signed: err names
 * the part; sign opaque), HSMIME_EIO, HSMIME_ENOMEM or sink's status.
 */
int entity_write(const hsmime_source *in, const struct structure *s,
    const struct entity_write *how, const hsmime_sink *sink, struct error *err);

/*
 * entity_size(size, in, s, how, err):
 * How many octets entity_write will write (it runs it into a counter, unless
 * arithmetic on s suffices).
 */
int entity_size(uint64_t *size, const hsmime_source *in, const struct structure *s,
    const struct entity_write *how, struct error *err);

#endif
