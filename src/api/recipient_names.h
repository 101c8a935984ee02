/*
 * recipient_names: whether a recipient, as a message names it (RFC 5652 section 6.2), is the one of a
 * certificate or key.
 */
#ifndef API_RECIPIENT_NAMES_H
#define API_RECIPIENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "cms/enveloped_reader.h"
#include "engine/engine.h"

/* recipient_is_for_key(r): a private key opens it, and no password or secret key. */
bool recipient_is_for_key(const struct recipient *r);

/* recipient_is(r, cert): whether r names cert, by issuer and serial number or by key identifier. */
bool recipient_is(const struct recipient *r, X509 *cert);

/* recipient_names_any(recipients, count, cert, index): whether one of them, *index, is for cert's key. */
bool recipient_names_any(
    const struct recipient *recipients, size_t count, X509 *cert, size_t *index);

/*
 * recipient_names_key(recipients, count, found, libctx, index): for found's key, which has no certificate: by
 * its identifier (RFC 5280 section 4.2.1.2), else as the only recipient of its kind.
 */
bool recipient_names_key(const struct recipient *recipients, size_t count,
    const struct engine_found *found, OSSL_LIB_CTX *libctx, size_t *index);

#endif
