/*
 * made: what a signature or encryption was made with (struct hsmime_made), noted for the
 * caller and told to the log.
 */
#ifndef API_MADE_H
#define API_MADE_H

#include <hsmime/operation.h>
#include <openssl/x509.h>

#include "api/ctx.h"

/* made_clear(made): free what it holds; it is zeroed. */
void made_clear(hsmime_made *made);

/* made_signer(ctx, uri, cert): who signs. 0 or HSMIME_ENOMEM, with its words. */
int made_signer(hsmime_ctx *ctx, const char *uri, X509 *cert);

/* made_key(ctx, uri): the key that signed, where it is another one than made_signer's. 0 or HSMIME_ENOMEM, with its words. */
int made_key(hsmime_ctx *ctx, const char *uri);

/* made_signature(ctx, digest, key, pss): how; digest is OpenSSL's name. */
void made_signature(hsmime_ctx *ctx, const char *digest, const EVP_PKEY *key, bool pss);

/*
 * made_recipients(ctx, cipher, transport, certs, file):
 * For whom, in the message itself (file is NULL) or in the file of a Bcc recipient. 0 or
 * HSMIME_ENOMEM, with its words.
 */
int made_recipients(hsmime_ctx *ctx, const char *cipher, enum hsmime_key_transport transport,
    const STACK_OF(X509) *certs, const char *file);

#endif
