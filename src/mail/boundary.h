/*
 * boundary: the lines that separate the parts of a multipart (RFC 2046 section
 * 5.1.1).
 */
#ifndef MAIL_BOUNDARY_H
#define MAIL_BOUNDARY_H

#include <stdbool.h>
#include <stddef.h>

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

/* boundary_usable(value): the length of value as a boundary (trailing white space is not part of it), or 0. */
size_t boundary_usable(const char *value);

#endif
