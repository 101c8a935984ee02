/*
 * address: mailbox addresses of a header field (RFC 5322 section 3.4), with
 * comments, quoted strings, groups and obsolete forms.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/header.h"

#define ADDRESS_MAX 1000 /* addresses of a list */

/* Remarks that end a list: no address, and equal to none. */
#define ADDRESS_MORE "(more than 1000 addresses)"
#define ADDRESS_REPEATED "(malformed: more than one From field)"

/*
 * address_list(out, count, h, field):
 * The addresses (addr-spec, quoting removed where it is not needed) of every
 * field of that name in h, in order; a NULL-terminated array to free with
 * address_list_free. Of what can't be understood, an item with an '@' in it is
 * given as it stands, since another reader may take it for an address; the rest
 * is left out. A list that would be longer than ADDRESS_MAX is cut and ends with
 * ADDRESS_MORE; where there are several From fields, of which RFC 5322 section
 * 3.6 allows one, it ends with ADDRESS_REPEATED. 0 or HSMIME_ENOMEM.
 */
int address_list(char ***out, size_t *count, const struct header *h, const char *field);

/*
 * address_lists(out, count, h, fields, err):
 * The same of the fields of several names (NULL-terminated) in one list. With err
 * nothing is guessed or cut: an item that can't be understood, '@' or not, and a
 * list longer than ADDRESS_MAX are HSMIME_EFORMAT with words in err, and there are
 * no remarks. 0, HSMIME_EFORMAT or HSMIME_ENOMEM; *out is NULL after a failure.
 */
int address_lists(char ***out, size_t *count, const struct header *h, const char *const *fields,
    struct error *err);
void address_list_free(char **list);

/*
 * address_equal(a, b):
 * The same but for the case of ASCII letters, in the domain (RFC 5322) and in the
 * local part (as mail systems have it, though RFC 5321 section 2.4 leaves it to
 * the domain). An internationalised domain equals only the same form of itself:
 * a U-label is not its A-label.
 */
bool address_equal(const char *a, const char *b);

/*
 * address_is(address, email):
 * Whether address, as the lists give it, is the mailbox that a certificate names
 * as email: equal, or equal without the quotes, which certificates may lack.
 */
bool address_is(const char *address, const char *email);

/* address_is_remark(address): whether it is ADDRESS_MORE or ADDRESS_REPEATED. */
bool address_is_remark(const char *address);

#endif
