/*
 * advice: what helps where a signature holds and its signer is not trusted.
 */
#ifndef API_ADVICE_H
#define API_ADVICE_H

#include <openssl/types.h>

#include "evidence/chain.h"

/*
 * advice_find(advice, cert, failed, libctx):
 * The check failed for cert: checks it again with less asked, and sets *advice to words that say
 * what stands in the way (dates, purpose, or an authority), or to NULL. 0 or HSMIME_ENOMEM.
 */
int advice_find(
    const char **advice, X509 *cert, const struct chain_check *failed, OSSL_LIB_CTX *libctx);

#endif
