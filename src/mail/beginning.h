/*
 * beginning: whether octets begin as what an S/MIME message encrypts. Of content that nothing
 * authenticates it is all that tells a right key from the one wrong key in 256 whose result has a padding
 * that fits.
 */
#ifndef MAIL_BEGINNING_H
#define MAIL_BEGINNING_H

#include <stdbool.h>
#include <stddef.h>

#define BEGINNING_OCTETS 128 /* as many as are looked at */

/*
 * beginning_is_message(data, len):
 * Whether the first octets of content, len of them (fewer than BEGINNING_OCTETS only where there are no
 * more), begin a MIME entity (RFC 2045: a field, or the empty line behind a header that has none, and
 * then text) or CMS (RFC 5652 section 3: the ContentInfo and the start of its type).
 */
bool beginning_is_message(const unsigned char *data, size_t len);

#endif
