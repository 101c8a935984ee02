/*
 * qp_encoder: quoted-printable on the way out (RFC 2045 section 6.7).
 */
#ifndef MAIL_QP_ENCODER_H
#define MAIL_QP_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/stream.h>

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

#endif
