/*
 * base64: RFC 4648 section 4 as mail and PEM use it, as fast as memory allows.
 */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include <hsmime/stream.h>

#include <stdbool.h>
#include <stdint.h>

#include "util/source.h"

#define BASE64_LINE 76     /* characters in a line of mail (RFC 2045 section 6.8) */
#define BASE64_PEM_LINE 64 /* characters in a line of PEM (RFC 7468) */

/* A sink that encodes. */
struct base64_encoder {
	hsmime_sink next;
	unsigned line;       /* characters in a line, a multiple of 4 */
	const char *newline; /* "\n" or "\r\n" */
	unsigned column;     /* private from here */
	unsigned held;
	unsigned char hold[3];
	unsigned char *out;
};

/*
 * base64_encoder_open(out, e, next, line, newline):
 * out encodes in lines of that many characters to next. 0 or HSMIME_ENOMEM.
 */
int base64_encoder_open(hsmime_sink *out, struct base64_encoder *e, const hsmime_sink *next,
    unsigned line, const char *newline);

/* base64_encoder_finish(e): write what is left, with padding, and the last line's end. */
int base64_encoder_finish(struct base64_encoder *e);

/* base64_encoder_close(e): free; NULL or zeroed is allowed. */
void base64_encoder_close(struct base64_encoder *e);

/* A source that decodes. */
struct base64_decoder {
	struct window *in;
	unsigned char quad[4]; /* private from here */
	unsigned have;
	bool ended;
	bool pem;
	int status;
	unsigned char hold[3];
	unsigned held;
};

/*
 * base64_decoder_open(out, d, in, pem):
 * out gives the decoded octets of in. White space is skipped; the data ends
 * at padding, at the end of in, or, with pem, at a '-', which stays in the window
 * (whether it starts an END line is the caller's to see). Other characters, a single left-over character
 * and data after padding (other than white space) give HSMIME_EFORMAT; missing
 * padding at the end is tolerated.
 */
void base64_decoder_open(hsmime_source *out, struct base64_decoder *d, struct window *in, bool pem);

#endif
