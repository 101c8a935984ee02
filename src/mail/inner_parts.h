/*
 * inner_parts: the parts of a mail that are CMS of their own, for whoever would put something else in their place.
 */
#ifndef MAIL_INNER_PARTS_H
#define MAIL_INNER_PARTS_H

#include "mail/structure.h"

/* Octets [start, end) of the mail. */
struct inner_part {
	uint64_t start; /* of its header */
	uint64_t end;
	bool
	    is_signed; /* it lies in a multipart/signed, of any protocol, where no octet may change */
	bool unclear;     /* its header, or one around it, reads in two ways (ambiguity.h) */
	char *place;      /* "1.2" (part_table.h); "" the mail itself */
	char *boundaries; /* of the multiparts around it, as boundary_occurs takes them */
};

/* In order of their start; none lies in another. */
struct inner_parts {
	struct inner_part *list;
	size_t count;
	bool more; /* there are more than were asked for */
	char *
	    attached; /* the place of the first mail that is attached and encoded, or as a file; NULL: none */
};

/*
 * inner_parts_find(out, s, max):
 * At most max parts of kind ENTITY_CMS; what they hold is not known yet. What is attached as a file is none, whatever it holds. 0 or HSMIME_ENOMEM. Free with inner_parts_free
 * in any case; s is not needed any more.
 */
int inner_parts_find(struct inner_parts *out, const struct structure *s, size_t max);
void inner_parts_free(struct inner_parts *parts);

#endif
