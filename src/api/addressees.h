/*
 * addressees: to whom a mail goes, from its header: those whom every reader sees,
 * and those of Bcc.
 */
#ifndef API_ADDRESSEES_H
#define API_ADDRESSEES_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "mail/header.h"
#include "util/error.h"

/* NULL-terminated lists of addresses (mail/address.h), no address twice in bcc. Zero before use. */
struct addressees {
	char **visible; /* To, Cc, Resent-To, Resent-Cc */
	char **sender;  /* From, Sender */
	char **bcc;     /* Bcc, Resent-Bcc */
	char **hidden;  /* those of bcc who are neither visible nor the sender; borrowed from bcc */
	bool named;     /* there is a field of visible, with whatever in it */
	bool has_bcc;   /* there is a Bcc field with anything in it */
};

/*
 * addressees_read(a, header, err):
 * With has_bcc a field that can't be understood to its end is HSMIME_EFORMAT:
 * nobody may be overlooked. Without it such addresses are as address_list gives
 * them. 0, HSMIME_EFORMAT or HSMIME_ENOMEM; free with addressees_clear whatever the
 * outcome.
 */
int addressees_read(struct addressees *a, const struct header *header, struct error *err);
void addressees_clear(struct addressees *a);

/* addressees_include(list, cert): whether the certificate names one of the list's addresses. */
bool addressees_include(char *const *list, X509 *cert);

#endif
