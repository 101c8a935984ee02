/*
 * mbox_quote: a filter for what goes into an mbox: lines of '>'s and "From " get one '>' more
 * (mboxrd). Constant memory, whatever the lines are and wherever the octets are cut.
 */
#ifndef ARCHIVE_MBOX_QUOTE_H
#define ARCHIVE_MBOX_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/stream.h>

struct mbox_quote {
	hsmime_sink next;
	bool in_line;   /* it is known that no "From " begins this one */
	size_t matched; /* octets of "From " that were seen at the beginning of the line */
	size_t held;    /* of which these have not gone on, as they came with an earlier write */
	bool lines;     /* a line has ended */
	bool crlf;      /* the first with CR LF */
	unsigned char last;
	bool any;
};

/* mbox_quote_open(out, q, next): what is written to out goes to next, quoted. */
void mbox_quote_open(hsmime_sink *out, struct mbox_quote *q, const hsmime_sink *next);

/*
 * mbox_quote_end(q): what was held back; and the end of the last line where the message has none, of the
 * same kind as its first.
 */
int mbox_quote_end(struct mbox_quote *q);

#endif
