/*
 * crlf: line endings. A line ends with LF or CRLF; a CR elsewhere is an
 * ordinary octet.
 */
#ifndef UTIL_CRLF_H
#define UTIL_CRLF_H

#include <hsmime/stream.h>

#include <stdbool.h>

/* A sink that gives every line ending of what it takes one form. */
struct crlf_sink {
	hsmime_sink next;
	bool to_crlf; /* true: CRLF, false: LF */
	bool held_cr; /* the last octet was a CR whose fate is open */
	bool changed; /* something was not as it is now */
};

/* crlf_sink_open(out, c, next, to_crlf): out converts and writes to next; c is its memory. */
void crlf_sink_open(hsmime_sink *out, struct crlf_sink *c, const hsmime_sink *next, bool to_crlf);

/* crlf_sink_finish(c): write a CR that is still held. 0 or next's status. */
int crlf_sink_finish(struct crlf_sink *c);

#endif
