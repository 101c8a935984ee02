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
 * certificate_rank(cert, purpose): what tells keys apart where several are named. 2: valid now and fits
 * the purpose; 1: may be right, as there is no certificate (NULL), or it is one for decryption that is not
 * valid now, with which there may be old mail; 0: it can't be used. With ENGINE_ANY it is always 1.
 */
int certificate_rank(X509 *cert, enum engine_purpose purpose);

/*
 * certificate_problem(text, cert, purpose): why cert can't be used now, in words that go on from
 * "the certificate"; with ENGINE_DECRYPT its dates do not count. Empty: it can.
 */
#define CERTIFICATE_PROBLEM_SIZE 96
void certificate_problem(
    char text[CERTIFICATE_PROBLEM_SIZE], X509 *cert, enum engine_purpose purpose);

/* certificate_date(text, t): as 2026-11-24, or "?" where t is no time. */
#define CERTIFICATE_DATE_SIZE 16
void certificate_date(char text[CERTIFICATE_DATE_SIZE], const ASN1_TIME *t);

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
