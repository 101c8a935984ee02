/*
 * structure: the tree of MIME parts of a mail as offsets into its octets,
 * found in one pass over a source of any size, within bounds.
 */
#ifndef MAIL_STRUCTURE_H
#define MAIL_STRUCTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hsmime/stream.h>

#include "mail/entity.h"

#define STRUCTURE_MAX_PARTS 10000
#define STRUCTURE_MAX_DEPTH 32
#define STRUCTURE_MAX_TEXT (1024 * 1024) /* octets for the types and boundaries of all parts */

/* One part; offsets from the start of the source. */
struct part {
	size_t parent; /* index; the root's is its own */
	unsigned depth;
	uint64_t start; /* of its header */
	uint64_t
	    body; /* behind the empty line; end where a boundary comes before there is a body */
	uint64_t
	    end; /* behind its last octet; the line ending before a boundary belongs to the boundary */
	enum entity_kind kind;
	enum transfer_encoding encoding;
	enum ambiguity ambiguity; /* of its header */
	char *type;
	char *subtype;
	bool says_8bit;   /* labelled Content-Transfer-Encoding: 8bit */
	bool says_binary; /* ... binary */
	bool signature;   /* as in struct entity */
	bool mbox_line;   /* its header starts with an mbox "From " line */
	char *boundary; /* multipart only; a multipart without one is a leaf of kind ENTITY_OTHER */
	bool
	    message; /* message/rfc822 or message/global that is not encoded: its child is a mail */
	bool
	    attached_mail; /* a mail by its type or file name, and no such message: what is in it is unknown */
	bool closed; /* multipart: its closing boundary was there */
	uint64_t
	    preamble_end; /* multipart: where its first boundary line starts; end where it has none */
	uint64_t
	    epilogue; /* multipart: behind the closing boundary's last '-'; end where it has none */
	/* Of the body of a leaf, and for a multipart of its preamble and epilogue: */
	bool eight_bit; /* an octet over 127 */
	bool nul;
	bool bare_cr;
	bool long_line; /* over 998 octets */
	bool from_line; /* a line that starts with "From " */
};

struct structure {
	struct part *parts; /* in order of their start; [0] is the mail itself */
	size_t count;
	size_t text;       /* octets of their types and boundaries */
	uint64_t size;     /* octets in all */
	uint64_t lf_lines; /* lines that end with a bare LF */
	uint64_t crlf_lines;
};

/*
 * structure_scan(s, in, err):
 * Read all of in, which stands at its start. The mail itself needs a header as
 * header_read takes it; an inner part's header ends before a line that is none.
 * 0, HSMIME_EFORMAT (not a mail; over a bound, which the words name, with the
 * part), HSMIME_ENOMEM or in's status; s is then all zero. A header that reads in
 * two ways is noted, for structure_judge. Free with structure_free.
 */
int structure_scan(struct structure *s, const hsmime_source *in, struct error *err);
void structure_free(struct structure *s);

/* structure_judge(s, part, err): HSMIME_EFORMAT where the header of that part, or of one inside it, reads in two ways; or 0. */
int structure_judge(const struct structure *s, size_t part, struct error *err);

/* structure_children(s, part, out, room): indices of part's direct children, at most room; returns how many there are. */
size_t structure_children(const struct structure *s, size_t part, size_t *out, size_t room);

#endif
