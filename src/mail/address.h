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
 * address_list_free. Of what can't be understood, an item with an '@' in it is
 * given as it stands, since another reader may take it for an address; the rest
 * is left out. 0 or HSMIME_ENOMEM.
 */
int address_list(char ***out, size_t *count, const struct header *h, const char *field);
void address_list_free(char **list);

/*
 * address_equal(a, b):
 * The same but for the case of ASCII letters, in the domain (RFC 5322) and in the
 * local part (as mail systems have it, though RFC 5321 section 2.4 leaves it to
 * the domain). An internationalised domain equals only the same form of itself:
 * a U-label is not its A-label.
 */
bool address_equal(const char *a, const char *b);

#endif
