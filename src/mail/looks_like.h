/*
 * looks_like: whether octets begin as the content of an encrypted message does. CBC authenticates
 * nothing: what a wrong key makes of it is told by this alone.
 */
#ifndef MAIL_LOOKS_LIKE_H
#define MAIL_LOOKS_LIKE_H

#include <stdbool.h>
#include <stddef.h>

#define LOOKS_LIKE_BEGINNING 1024 /* octets that are worth looking at */

/*
 * looks_like_content(data, len):
 * Whether data, content or its first LOOKS_LIKE_BEGINNING octets, begins as a MIME entity
 * (RFC 2045: header fields, or the empty line of an entity without any and ASCII) or as CMS
 * (RFC 5652: ContentInfo, or what is inside one). Of random octets fewer than one in 3,000 begin
 * so, and of 100 or more of them hardly any.
 */
bool looks_like_content(const unsigned char *data, size_t len);

#endif
