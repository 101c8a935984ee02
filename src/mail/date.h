/*
 * date: date and time of a header field (RFC 5322 section 3.3), with the obsolete forms of
 * section 4.3: years of two and three digits, zones by name, comments between.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/header.h"

/*
 * date_parse(out, body):
 * The unfolded field body as Unix time. A zone that nobody knows counts as +0000, and so does none.
 * False where it is no date, as 31 February.
 */
bool date_parse(int64_t *out, const char *body);

/* date_of(has, out, h): the Date field of h; *has is false where there is none that is one. 0 or HSMIME_ENOMEM. */
int date_of(bool *has, int64_t *out, const struct header *h);

#endif
