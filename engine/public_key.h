/*
 * public_key: public keys in software (engine/crypto.h's context), made from
 * what a token tells, and compared.
 */
#ifndef ENGINE_PUBLIC_KEY_H
#define ENGINE_PUBLIC_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "engine/object.h"

#define PUBLIC_POINT_MAX 256 /* octets of an encoded EC point */

/*
 * public_key_of_object(o): from CKA_MODULUS and CKA_PUBLIC_EXPONENT, or
 * CKA_EC_PARAMS and CKA_EC_POINT (with or without its OCTET STRING). A new key,
 * or NULL where attributes are missing or make no key.
 */
EVP_PKEY *public_key_of_object(const struct object *o);

/*
 * public_key_compare(o, key):
 * Whether the private key object o belongs to key, by what o shows: 1, 0 (another modulus, point,
 * type or curve), or -1 where it shows too little, as EC private keys mostly do.
 */
int public_key_compare(const struct object *o, const EVP_PKEY *key);

/* public_key_of_certificate(cert): a new reference, or NULL where the key is of no known kind. */
EVP_PKEY *public_key_of_certificate(X509 *cert);

/* public_key_group(key): an EC key's curve, to be freed; NULL where it has no name. */
EC_GROUP *public_key_group(const EVP_PKEY *key);

/*
 * public_key_on(group, point, len): whether that is the uncompressed point of a valid public key on
 * the curve: a point of the right order but infinity (SP 800-56A section 5.6.2.3). Checked once, here.
 */
bool public_key_on(const EC_GROUP *group, const unsigned char *point, size_t len);

/*
 * public_key_modulus(buf, len, key), public_key_point(buf, len, key): the RSA
 * modulus (big-endian, no leading zero) or uncompressed EC point; *len is the
 * room and becomes the length. False where key has none or it does not fit.
 */
bool public_key_modulus(unsigned char *buf, size_t *len, const EVP_PKEY *key);
bool public_key_point(unsigned char *buf, size_t *len, const EVP_PKEY *key);

/* public_key_curve(key): "P-256", "P-384", "P-521", or NULL. */
const char *public_key_curve(const EVP_PKEY *key);

/* public_key_cofactor_one(key): whether an EC key's curve has no other points than the group's. */
bool public_key_cofactor_one(const EVP_PKEY *key);

/* public_key_field_size(key): octets of a coordinate of an EC key. */
size_t public_key_field_size(const EVP_PKEY *key);

#endif
