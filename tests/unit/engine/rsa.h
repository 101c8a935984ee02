/*
 * rsa: keys in software, and the raw private operation: what a token without paddings gives back.
 */
#ifndef TESTS_ENGINE_RSA_H
#define TESTS_ENGINE_RSA_H

#include <stddef.h>

#include <openssl/evp.h>

#define K 256 /* octets of rsa_key's modulus */

extern EVP_PKEY *rsa_key; /* 2048 bits */
extern EVP_PKEY *rsa_odd; /* 1025 bits, where PSS leaves one octet out */

/* rsa_set_up, rsa_tear_down: cmocka group fixtures. */
int rsa_set_up(void **state);
int rsa_tear_down(void **state);

/* rsa_raw(out, key, in, len): the private operation on len octets, which give as many. */
void rsa_raw(unsigned char *out, EVP_PKEY *key, const unsigned char *in, size_t len);

/* digest_size(name): in octets, of these digests. */
extern const char *const digests[4];
size_t digest_size(const char *name);

#endif
