/*
 * line: lines as a window shows them, and what octets they hold.
 */
#ifndef MAIL_LINE_H
#define MAIL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/source.h"

/*
 * line_next(line, in):
 * Bring the next line in sight, its LF included; of a line longer than the
 * window the piece that fits. Nothing is consumed. Returns its length, 0 at the
 * end, or a negative status. A last line may have no LF.
 */
ptrdiff_t line_next(const unsigned char **line, struct window *in);

/* line_ending(line, len): octets of the line ending at its end: 2 (CRLF), 1 (LF) or 0. */
size_t line_ending(const unsigned char *line, size_t len);

/* line_count(lf, crlf, data, len): add how many lines of data end with a bare LF and with CRLF. */
void line_count(uint64_t *lf, uint64_t *crlf, const unsigned char *data, size_t len);

enum {
	OCTETS_EIGHT_BIT = 1, /* an octet over 127 */
	OCTETS_NUL = 2,
	OCTETS_CR = 4
};

/* octets_kinds(data, len): the OCTETS_* that are among them. */
unsigned octets_kinds(const unsigned char *data, size_t len);

#endif
