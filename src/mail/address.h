/*
 * address: mailbox addresses of a header field (RFC 5322 section 3.4), with
 * comments, quoted strings, groups and obsolete forms.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/header.h"

#define ADDRESS_MAX 1000 /* addresses taken from one mail */

/*
 * address_list(out, count, h, field):
 * The addresses (addr-spec, quoting removed where it is not needed) of every
 * field of that name in h, in order; a NULL-terminated array to free with
 * address_list_free. What can't be understood is left out. 0 or HSMIME_ENOMEM.
 */
int address_list(char ***out, size_t *count, const struct header *h, const char *field);
void address_list_free(char **list);

/* address_equal(a, b): the domain without case; the local part too (as RFC 8551 practice has it). */
bool address_equal(const char *a, const char *b);

#endif
