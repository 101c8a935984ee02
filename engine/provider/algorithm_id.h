/*
 * algorithm_id: the AlgorithmIdentifier of a signature, as X.509 and CMS carry
 * it, put in DER into a parameter (an octet string). 1, or 0 where there is
 * none for these digests or it does not fit.
 */
#ifndef ENGINE_PROVIDER_ALGORITHM_ID_H
#define ENGINE_PROVIDER_ALGORITHM_ID_H

#include <openssl/core.h>

/* algorithm_id_pkcs1(p, digest): <digest>WithRSAEncryption (RFC 4055 section 5). */
int algorithm_id_pkcs1(OSSL_PARAM *p, const char *digest);

/* algorithm_id_pss(p, digest, mgf1_digest, salt_len): id-RSASSA-PSS with parameters (RFC 4055 section 3.1). */
int algorithm_id_pss(OSSL_PARAM *p, const char *digest, const char *mgf1_digest, int salt_len);

/* algorithm_id_ecdsa(p, digest): ecdsa-with-<digest>, without parameters (RFC 5758 section 3.2). */
int algorithm_id_ecdsa(OSSL_PARAM *p, const char *digest);

#endif
