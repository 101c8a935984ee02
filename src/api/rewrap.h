/*
 * rewrap: what of hsmime_rewrap is the same for every message.
 */
#ifndef API_REWRAP_H
#define API_REWRAP_H

#include <hsmime/operation.h>

#define REWRAP_CIPHER "aes-256-gcm" /* of content that is encrypted anew */

/*
 * rewrap_check(ctx, options):
 * A public call: whether hsmime_rewrap would take these options, and each of their recipients, of whatever message.
 * 0 or, with words, HSMIME_EUSAGE, HSMIME_EPOLICY, HSMIME_EUNSUPPORTED or HSMIME_ENOMEM.
 */
int rewrap_check(hsmime_ctx *ctx, const hsmime_rewrap_options *options);

#endif
