/*
 * entity_writer: the MIME entity that will be signed or encrypted: a mail's
 * Content-* fields and body, made safe for 7-bit transport (RFC 8551 section
 * 3.1) and with one form of line endings.
 *
 * Everything is copied from the input but two things of those leaf parts that
 * need it: their body, and their Content-Transfer-Encoding field. Inside
 * message/rfc822 too; inside an inner multipart/signed (of any protocol) never.
 *
 * Where seven_bit is asked for:
 * - A leaf needs it that holds an octet over 127, NUL, a CR that ends no line, a
 *   line over 998 octets, or one that starts with "From " (mailboxes make it
 *   ">From "), or that is labelled binary. Text (text/..., message/...)
 *   goes to quoted-printable, its line breaks kept; text that holds NUL (UTF-16)
 *   and everything else go to base64, as the octets came. A body that is base64 or
 *   quoted-printable already, but with long lines or stray octets, is decoded and
 *   encoded again.
 * - What can't be encoded is refused (HSMIME_EPOLICY) where it needs that: a leaf
 *   whose Content-Transfer-Encoding is unknown (the new label would hide the old
 *   one); a multipart without parts (RFC 2045 section 6.4); message/... that is no
 *   mail, as message/delivery-status.
 * - What is labelled 8bit or binary and is 7-bit afterwards (multipart and message
 *   too) is labelled 7bit, since a gateway may convert what the label promises.
 * - A preamble or epilogue that is not 7-bit safe is left out (RFC 2046 section
 *   5.1.1: it is to be ignored), and so is the mbox "From " line that a mail
 *   inside starts with.
 * - Text that needs nothing of that is left alone, also where a line ends with
 *   white space; where it is encoded, none does.
 * - In the signed half of an inner multipart/signed "From " stays.
 * - Octets over 127 in header fields, and long header lines, stay as they are.
 * Where seven_bit is not asked for, nothing is encoded, and a leaf labelled binary
 * that is not text keeps its line endings.
 */
#ifndef MAIL_ENTITY_WRITER_H
#define MAIL_ENTITY_WRITER_H

#include <stdbool.h>

#include <hsmime/stream.h>

#include "mail/structure.h"

struct entity_write {
	bool seven_bit; /* re-encode 8-bit, NUL, bare CR, lines over 998 octets and "From " lines */
	bool
	    one_reading; /* refuse headers that may be read in two ways (ambiguity.h): for signing */
	bool crlf;       /* line endings of what is written: CRLF, else LF */
	bool
	    whole; /* the input is an entity (or all its header fields belong to it), not a mail with outer fields */
};

/*
 * entity_write(in, s, how, sink, err):
 * Write the entity of the mail in (seekable), whose structure is s: its
 * Content-* fields (a mail without any gets "Content-Type: text/plain;
 * charset=us-ascii"; one without Content-Type whose body is beyond ASCII gets
 * utf-8 where that is valid, else unknown-8bit), an empty line, the body. The same
 * call gives the same octets every time. 0, HSMIME_EPOLICY (what needs to be made
 * safe is inside an inner multipart/signed, or can't be encoded: err names the
 * part; sign opaque), HSMIME_EFORMAT (base64 to be encoded again is malformed; a
 * header holds a bare CR or, with one_reading, reads in two ways otherwise),
 * HSMIME_ENOMEM, or the status of in or sink.
 */
int entity_write(const hsmime_source *in, const struct structure *s, const struct entity_write *how,
    const hsmime_sink *sink, struct error *err);

/*
 * entity_size(size, in, s, how, err):
 * How many octets entity_write will write (it runs it into a counter, unless
 * arithmetic on s suffices: where no part changes). *size is 0 after a failure.
 */
int entity_size(uint64_t *size, const hsmime_source *in, const struct structure *s,
    const struct entity_write *how, struct error *err);

#endif
