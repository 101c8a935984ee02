/*
 * entity_header: a header block written again with another
 * Content-Transfer-Encoding.
 */
#ifndef MAIL_ENTITY_HEADER_H
#define MAIL_ENTITY_HEADER_H

#include "mail/header.h"

struct entity_header {
	bool content_only;        /* leave out what is not Content-* */
	const char *content_type; /* written first; NULL: nothing is */
	const char *encoding;     /* the one Content-Transfer-Encoding to have; NULL: as it is */
	bool empty_line;          /* end with one even where h has none */
	const char *newline;      /* of what is not copied from h */
};

/* entity_header_has_content(h): whether there is a Content-* field. */
bool entity_header_has_content(const struct header *h);

/* entity_header_write(h, how, sink): the fields, folds and order kept, and the empty line. 0 or sink's status. */
int entity_header_write(
    const struct header *h, const struct entity_header *how, const hsmime_sink *sink);

#endif
