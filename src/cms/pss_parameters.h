/*
 * pss_parameters: RSASSA-PSS-params (RFC 4055 section 3.1, RFC 4056), strictly.
 */
#ifndef CMS_PSS_PARAMETERS_H
#define CMS_PSS_PARAMETERS_H

#include <openssl/x509.h>

#include "cms/algorithm_signature.h"

/*
 * pss_parameters_read(s, a):
 * Set s's digest, mgf and salt from a's parameters, which must be there
 * (RFC 4056 section 2.2). HSMIME_EINVALID where malformed, HSMIME_EUNSUPPORTED
 * for another mask generation function or digest.
 */
int pss_parameters_read(struct signature_algorithm *s, const X509_ALGOR *a);

/* pss_parameters_write(a, s): make a id-RSASSA-PSS with s's digest, mgf and salt. 0 or HSMIME_ENOMEM. */
int pss_parameters_write(X509_ALGOR *a, const struct signature_algorithm *s);

#endif
