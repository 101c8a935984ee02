/*
 * text: the lexical ground that the structured fields share (RFC 5322 section
 * 3.2), in ASCII whatever the locale.
 */
#ifndef MAIL_TEXT_H
#define MAIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* text_is_space(c): space, tab, CR or LF. */
bool text_is_space(char c);

/* text_is_blank(c): space or tab. */
bool text_is_blank(char c);

/* text_comment_end(p): behind the comment that starts at p; comments nest. NULL where it is open. */
const char *text_comment_end(const char *p);

/* text_skip_comment(p): behind the comment that starts at p; comments nest, and an open one reaches to the end. */
const char *text_skip_comment(const char *p);

/* text_skip_space(p): behind white space and comments. */
const char *text_skip_space(const char *p);

/* text_lower(out, room, p, len): p[0..len) in lower case, NUL-terminated; false where it is empty or does not fit. */
bool text_lower(char *out, size_t room, const char *p, size_t len);

/* text_equal(a, b), text_equal_len(a, b, len): the same but for the case of ASCII letters. */
bool text_equal(const char *a, const char *b);
bool text_equal_len(const char *a, const char *b, size_t len);

/* text_hex_digit(c): 0 to 15, or -1. */
int text_hex_digit(char c);

#endif
