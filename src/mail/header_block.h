/*
 * header_block: taking a header block from a window line by line, within
 * bounds. Shared by header_read, which insists on a header, and by the scanner,
 * for which a part may have none.
 */
#ifndef MAIL_HEADER_BLOCK_H
#define MAIL_HEADER_BLOCK_H

#include "mail/header.h"

struct header_rules {
	bool strict;     /* what is no header line is an error, else the header ends before it */
	bool first_line; /* an mbox "From " line or an HTTP request line may come first */
	bool (*stop)(
	    void *arg, const unsigned char *line, size_t len); /* NULL, or: end before this line */
	void *arg;
};

/*
 * header_take(h, in, rules, err):
 * Take a header block; h is overwritten, and to be freed with header_free
 * whatever the outcome. 0, HSMIME_EFORMAT ("its header ..."; where rules are
 * strict with "not a mail: " before it, or "the mail: " where it is over a bound),
 * HSMIME_ENOMEM or in's status.
 */
int header_take(
    struct header *h, struct window *in, const struct header_rules *rules, struct error *err);

#endif
