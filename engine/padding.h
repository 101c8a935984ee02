/*
 * padding: the paddings of RFC 8017 in software, for tokens that do raw RSA
 * only. Decoding takes the same time and memory accesses whatever the octets are.
 */
#ifndef ENGINE_PADDING_H
#define ENGINE_PADDING_H

#include <stddef.h>

#include "util/error.h"

#define PADDING_DIGEST_INFO_MAX 128 /* octets */

/*
 * padding_digest_info(out, len, digest, data, data_len):
 * The DER DigestInfo (RFC 8017 section 9.2) of a digest's value; of MD5-SHA1, which has none, the value.
 * *len is the room and becomes the length. Returns 0, HSMIME_EUNSUPPORTED (unknown digest),
 * HSMIME_EUSAGE (wrong length) or HSMIME_ENOMEM.
 */
int padding_digest_info(unsigned char *out, size_t *len, const char *digest,
    const unsigned char *data, size_t data_len);

/*
 * padding_encode_pkcs1(em, k, data, len): EMSA-PKCS1-v1_5 of a DigestInfo or
 * other octets into em, k octets. HSMIME_EUSAGE where it is too long.
 */
int padding_encode_pkcs1(unsigned char *em, size_t k, const unsigned char *data, size_t len);

/* A hash, its MGF1 hash and what else a padding depends on. */
struct padding {
	const char *digest;
	const char *mgf1_digest;    /* NULL: digest */
	size_t salt_len;            /* PSS */
	const unsigned char *label; /* OAEP */
	size_t label_len;
};

/*
 * padding_encode_pss(em, k, bits, p, hash, hash_len):
 * EMSA-PSS (RFC 8017 section 9.1.1) of a digest's value with a fresh salt into em,
 * k octets, for a modulus of that many bits. Returns 0, HSMIME_EUNSUPPORTED,
 * HSMIME_EUSAGE (wrong length, or the key is too small), HSMIME_ENOMEM or
 * HSMIME_EINTERNAL.
 */
int padding_encode_pss(unsigned char *em, size_t k, size_t bits, const struct padding *p,
    const unsigned char *hash, size_t hash_len);

/*
 * padding_decode_pkcs1(start, em, k):
 * RFC 8017 section 7.2.2: 1 where em, k octets, is a good block, whose message
 * is em[*start..k); else 0 and *start is k.
 */
size_t padding_decode_pkcs1(size_t *start, const unsigned char *em, size_t k);

/*
 * padding_decode_oaep(start, good, em, k, p):
 * RFC 8017 section 7.1.2 step 3, in place: *good is 1 where em was a good
 * block, whose message is now em[*start..k); else 0 and *start is k. The return
 * value, 0, HSMIME_EUNSUPPORTED, HSMIME_EUSAGE (the key is too small),
 * HSMIME_ENOMEM or HSMIME_EINTERNAL, does not depend on em's octets.
 */
int padding_decode_oaep(
    size_t *start, size_t *good, unsigned char *em, size_t k, const struct padding *p);

/*
 * padding_align(em, len, k):
 * Move the first len octets of em, k octets, to its end and put zeros before
 * them: some tokens leave the leading zeros of a raw result out. len <= k.
 */
void padding_align(unsigned char *em, size_t len, size_t k);

#endif
