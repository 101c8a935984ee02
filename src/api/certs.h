/*
 * certs: the inside of hsmime_certs (include/hsmime/token.h).
 */
#ifndef API_CERTS_H
#define API_CERTS_H

#include <stdbool.h>

#include <openssl/x509.h>

#include <hsmime/token.h>

/* certs_stack(certs): its certificates, borrowed; NULL for a NULL set. */
STACK_OF(X509) *certs_stack(const hsmime_certs *certs);

/*
 * certs_push(stack, cert):
 * Append cert with a reference of its own, unless an equal one is there.
 * 0 or HSMIME_ENOMEM.
 */
int certs_push(STACK_OF(X509) *stack, X509 *cert);

/* certs_name(cert, address): whether cert names that address, which is of a list of mail/address.h. */
bool certs_name(X509 *cert, const char *address);

#endif
