/*
 * certificate: what a certificate says, as far as it helps to choose a key.
 */
#ifndef ENGINE_CERTIFICATE_H
#define ENGINE_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "engine/engine.h"

/* certificate_valid_now(cert): now is within its validity. */
bool certificate_valid_now(const X509 *cert);

/* certificate_better(a, b): a is to be preferred to b: valid, then newer. */
bool certificate_better(const X509 *a, const X509 *b);

/* certificate_names_email(cert, email): in subjectAltName or subject, compared without case. */
bool certificate_names_email(X509 *cert, const char *email);

/*
 * certificate_fits(cert, purpose): not a CA's, and keyUsage (RFC 5280 section
 * 4.2.1.3) and extendedKeyUsage, where present, allow the purpose for mail.
 */
bool certificate_fits(X509 *cert, enum engine_purpose purpose);

/*
 * certificate_is(cert, c): whether c names cert, by issuer and serial number or by key identifier.
 * Names are compared as RFC 5280 section 7.1 says: another string type or case is the same name.
 */
bool certificate_is(X509 *cert, const struct engine_candidate *c);

/* certificate_emails(out, cert): the addresses, lower level of hsmime_key.emails. 0 or HSMIME_ENOMEM. */
int certificate_emails(char ***out, X509 *cert);

/* certificate_time(t): seconds since 1970, or INT64_MIN where t is no time. */
int64_t certificate_time(const ASN1_TIME *t);

#endif
