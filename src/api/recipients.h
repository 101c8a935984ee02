/*
 * recipients: for whom a message is encrypted: the certificates given, checked;
 * the sender's own; and those that only Bcc names, who must not show.
 */
#ifndef API_RECIPIENTS_H
#define API_RECIPIENTS_H

#include <hsmime/operation.h>
#include <openssl/x509.h>

#include "api/addressees.h"
#include "api/ctx.h"
#include "mail/header.h"

/* A message of its own for one Bcc address. */
struct bcc_copy {
	const char *address;  /* borrowed from recipients.to */
	STACK_OF(X509) *open; /* every certificate that names it */
};

/* Zero before use. */
struct recipients {
	STACK_OF(X509) *open; /* in the message itself */
	struct bcc_copy *copies;
	size_t copy_count;
	struct addressees to;
};

/*
 * recipients_choose(r, ctx, options, header):
 * Check options->recipients (validity, key usage, address, chain where anchors are
 * given: HSMIME_EPOLICY unless forced) and sort them; header is the mail's, NULL
 * for CMS. In a mail with Bcc a certificate that names nobody of the mail is
 * HSMIME_EPOLICY, forced or not: it would show a Bcc recipient to the others; and so
 * is, without options->bcc_dir, one that only Bcc names. A Bcc address that no
 * certificate names is HSMIME_ENOKEY; one of To or Cc is a warning. Then add the
 * sender's own certificate to the open ones unless options say no: options->self, or
 * by the From address among options->certs and the tokens. Free with
 * recipients_clear. 0, HSMIME_EUSAGE (nobody), HSMIME_EFORMAT (as addressees_read),
 * HSMIME_EPOLICY, HSMIME_ENOKEY, HSMIME_EUNSUPPORTED or HSMIME_ENOMEM.
 */
int recipients_choose(struct recipients *r, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct header *header);
void recipients_clear(struct recipients *r);

#endif
