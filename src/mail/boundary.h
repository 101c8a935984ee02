/*
 * boundary: the lines that separate the parts of a multipart (RFC 2046 section
 * 5.1.1).
 */
#ifndef MAIL_BOUNDARY_H
#define MAIL_BOUNDARY_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/stream.h>

/* Octets of a boundary taken from Content-Type; RFC 2046 allows 70. */
#define BOUNDARY_MAX 990

enum boundary_line {
	BOUNDARY_NONE,
	BOUNDARY_NEXT, /* another part follows */
	BOUNDARY_CLOSE /* the last one */
};

/*
 * boundary_match(boundary, boundary_len, line, len):
 * What line (its ending included) is for that boundary. White space may trail,
 * nothing else: a boundary that is the start of another does not match it.
 */
enum boundary_line boundary_match(
    const char *boundary, size_t boundary_len, const unsigned char *line, size_t len);

/*
 * boundary_occurs(occurs, in, boundaries):
 * Whether in, read from where it stands to its end, has a line that begins with "--" and one of boundaries, whatever
 * comes behind (RFC 2046 section 5.1.1: the end of the line is not compared): it can't be a part of those multiparts. A CR
 * alone counts as the end of a line too, as some programs take it. boundaries: each with its NUL, and an empty one at
 * the end. 0, HSMIME_ENOMEM or in's status.
 */
int boundary_occurs(bool *occurs, const hsmime_source *in, const char *boundaries);

/* boundary_usable(value): the length of value as a boundary (trailing white space is not part of it), or 0. */
size_t boundary_usable(const char *value);

#endif
