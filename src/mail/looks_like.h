/*
 * looks_like: whether octets begin as the content of an encrypted message does, or as CMS. CBC authenticates
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

/*
 * looks_like_content_info(data, len):
 * Whether data begins as a ContentInfo does (RFC 5652 section 3): a SEQUENCE, and in it first a content type of PKCS#7
 * or of S/MIME, in DER. The first LOOKS_LIKE_TYPE octets tell. Text may begin with 0x30 too, which is the digit 0, and a
 * certificate is a SEQUENCE of other things.
 */
#define LOOKS_LIKE_TYPE 22
bool looks_like_content_info(const unsigned char *data, size_t len);

#endif
