/*
 * recipients: for whom a message is encrypted: the certificates given, checked;
 * the sender's own; and those that only Bcc names, who must not show.
 */
#ifndef API_RECIPIENTS_H
#define API_RECIPIENTS_H

#include <hsmime/operation.h>
#include <openssl/x509.h>

#include "api/ctx.h"
#include "mail/header.h"

struct recipients {
	STACK_OF(X509) *open; /* in the message itself */
	STACK_OF(X509) *bcc;  /* each in a file of its own */
};

/*
 * recipients_choose(r, ctx, options, header):
 * Check options->recipients (validity, key usage, address, chain where anchors are
 * given: HSMIME_EPOLICY unless forced) and sort them; header is the mail's, NULL
 * for CMS. Then add the sender's own certificate to the open ones unless
 * options say no: options->self, or by the From address among options->certs and
 * the tokens. Free with recipients_clear. 0, HSMIME_EUSAGE (nobody),
 * HSMIME_EPOLICY or HSMIME_ENOMEM.
 */
int recipients_choose(struct recipients *r, hsmime_ctx *ctx, const hsmime_encrypt_options *options,
    const struct header *header);
void recipients_clear(struct recipients *r);

#endif
