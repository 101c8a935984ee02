/*
 * rsa_algorithm: AlgorithmIdentifiers (X.509) as RSASSA-PSS and RSAES-OAEP have them inside their
 * parameters (RFC 4055).
 */
#ifndef UTIL_RSA_ALGORITHM_H
#define UTIL_RSA_ALGORITHM_H

#include <openssl/x509.h>

/*
 * rsa_algorithm_hash(digest), rsa_algorithm_mgf1(digest):
 * The hash with that NID, its parameters NULL (section 2.1), and MGF1 with it (section 2.2). NULL
 * where there is no such digest or memory runs out.
 */
X509_ALGOR *rsa_algorithm_hash(int digest);
X509_ALGOR *rsa_algorithm_mgf1(int digest);

/* rsa_algorithm_set(a, nid, item, value): make a that algorithm with value's DER as parameters. 0 or HSMIME_ENOMEM. */
int rsa_algorithm_set(X509_ALGOR *a, int nid, const ASN1_ITEM *item, const void *value);

#endif
