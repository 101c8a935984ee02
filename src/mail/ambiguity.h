/*
 * ambiguity: headers that one mail program takes one way and another program
 * otherwise. A signature over such a mail would vouch for what its reader may
 * never see, so what reads in two ways is malformed.
 */
#ifndef MAIL_AMBIGUITY_H
#define MAIL_AMBIGUITY_H

#include "mail/content_type.h"
#include "mail/header.h"

enum ambiguity {
	AMBIGUITY_NONE,
	AMBIGUITY_CR,           /* a CR without LF, which some take for the end of a line */
	AMBIGUITY_CONTENT_TYPE, /* more than one such field, */
	AMBIGUITY_ENCODING,     /* Content-Transfer-Encoding, */
	AMBIGUITY_DISPOSITION,  /* Content-Disposition */
	AMBIGUITY_BOUNDARY,     /* more than one such parameter, in any form of RFC 2231, */
	AMBIGUITY_PROTOCOL,     /* or pieces of one that are not all there, */
	AMBIGUITY_MICALG,       /* or one that is over the bounds */
	AMBIGUITY_CHARSET,
};

/* ambiguity_in(h, type): the first that the block has; type is its Content-Type. */
enum ambiguity ambiguity_in(const struct header *h, const struct content_type *type);

/* ambiguity_refuse(found, who, err): HSMIME_EFORMAT with the words for it; who is "the mail" or "part 1.2". */
int ambiguity_refuse(enum ambiguity found, const char *who, struct error *err);

#endif
