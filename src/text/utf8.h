/*
 * utf8: text from certificates and mails on its way to a terminal or to JSON:
 * never trusted to be UTF-8, nor to be harmless.
 */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * utf8_next(text):
 * The code point at *text, which is moved behind it; U+FFFD for an octet that is not UTF-8
 * (RFC 3629). Not called at the end of the text.
 */
uint32_t utf8_next(const char **text);

/* utf8_put(out, point): write a code point. */
void utf8_put(FILE *out, uint32_t point);

/* utf8_is_control(point): it moves a cursor, changes a colour, turns text round, or is there without being seen. */
bool utf8_is_control(uint32_t point);

/* utf8_print(out, text): write text with '?' for every control character; NULL writes nothing. */
void utf8_print(FILE *out, const char *text);

/* utf8_field(out, width, name, text): an indented line of name, in width columns, and text; none where text is NULL or empty. */
void utf8_field(FILE *out, int width, const char *name, const char *text);

#endif
