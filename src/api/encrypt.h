/*
 * encrypt: what encryption alone and signing with encryption share.
 */
#ifndef API_ENCRYPT_H
#define API_ENCRYPT_H

#include <hsmime/operation.h>
#include <openssl/x509.h>

#include "api/ctx.h"
#include "mail/header.h"

/* What is to be encrypted: written on demand, once per message made of it. */
struct plain {
	int (*write)(void *arg, const hsmime_sink *sink);
	void *arg;
	uint64_t size; /* octets that write gives, or HSMIME_SIZE_UNKNOWN */
};

/*
 * encrypt_plain(ctx, out, options, plain, header):
 * Choose and check the recipients, encrypt plain for them to out, and for
 * every Bcc recipient to a file of its own; commit. header is the mail's (its
 * outer fields go first), NULL for CMS. 0 or hsmime_encrypt's errors.
 */
int encrypt_plain(hsmime_ctx *ctx, hsmime_output *out, const hsmime_encrypt_options *options,
    const struct plain *plain, const struct header *header);

#endif
