/*
 * signer_certificate: which certificate a SignerInfo means.
 */
#ifndef CMS_SIGNER_CERTIFICATE_H
#define CMS_SIGNER_CERTIFICATE_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "cms/asn1_signed.h"
#include "cms/attributes.h"

/* signer_certificate_matches(sid, cert): by issuer and serial number, or by SubjectKeyIdentifier. */
bool signer_certificate_matches(const SIGNER_ID *sid, X509 *cert);

/* signer_certificate_set_id(sid, cert): name cert by issuer and serial number. 0 or HSMIME_ENOMEM. */
int signer_certificate_set_id(SIGNER_ID *sid, X509 *cert);

/*
 * signer_certificate_is_bound(a, cert, libctx):
 * Whether the signing-certificate attributes that a has name cert first, by
 * hash and, where given, by issuer and serial number (RFC 5035 sections 3 to 5).
 */
bool signer_certificate_is_bound(const struct attributes *a, X509 *cert, OSSL_LIB_CTX *libctx);

#endif
