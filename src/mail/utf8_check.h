/*
 * utf8_check: whether octets are UTF-8 (RFC 3629), as a stream.
 */
#ifndef MAIL_UTF8_CHECK_H
#define MAIL_UTF8_CHECK_H

#include <hsmime/stream.h>

#include <stdbool.h>

/* utf8_check(valid, source): read source to its end. 0, HSMIME_ENOMEM or its status. */
int utf8_check(bool *valid, const hsmime_source *source);

#endif
