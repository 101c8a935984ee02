/*
 * quoted_printable: RFC 2045 section 6.7, both ways.
 */
#ifndef MAIL_QUOTED_PRINTABLE_H
#define MAIL_QUOTED_PRINTABLE_H

#include <hsmime/stream.h>

#include <stdbool.h>

#include "mail/transfer.h"

/* A sink that encodes text. */
struct qp_encoder {
	hsmime_sink next;
	const char *newline; /* "\n" or "\r\n" */
	bool continued;      /* private from here: this line goes on after a soft break */
	unsigned column;
	unsigned from;       /* octets of "From " at the line's start that wait */
	unsigned char space; /* a space or tab that waits: it may end the line */
	bool cr;             /* a CR that waits */
	size_t len;
	unsigned char out[4096];
};

/*
 * qp_encoder_open(out, e, next, newline):
 * out encodes text to next. LF and CRLF are line breaks and stay such, as
 * newline; a CR elsewhere is =0D. No line is over 76 characters, ends with white
 * space, or starts with "From " or '-' (a boundary that the text quoted stays
 * text).
 */
void qp_encoder_open(
    hsmime_sink *out, struct qp_encoder *e, const hsmime_sink *next, const char *newline);

/* qp_encoder_finish(e): write what waits. 0 or next's status. */
int qp_encoder_finish(struct qp_encoder *e);

/*
 * qp_decoder_open(out, d, in):
 * out gives the decoded octets of in. White space at line ends is dropped, as
 * section 6.7 (3) asks; '=' that starts nothing stays. d and in must outlive out.
 */
void qp_decoder_open(hsmime_source *out, struct transfer_decoder *d, struct window *in);

#endif
