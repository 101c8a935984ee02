/*
 * ciphertext: what RSA is to decrypt or unwrap, as the calls read it: a copy, since a call that hangs
 * outlives the request (engine/zone.h). And ciphertexts of our own.
 */
#ifndef ENGINE_CIPHERTEXT_H
#define ENGINE_CIPHERTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/key.h"
#include "engine/mechanism.h"
#include "engine/token_key.h"

#define CIPHERTEXT_LABEL_MAX 256 /* octets of an OAEP label that goes to the token */

struct ciphertext {
	unsigned char octets[KEY_SIZE_MAX];
	size_t len; /* of the modulus */
	unsigned char label[CIPHERTEXT_LABEL_MAX];
	bool too_long; /* what came is no ciphertext of the key */
};

/*
 * ciphertext_set(c, q, modulus_size):
 * A ciphertext is as long as the modulus (RFC 8017 section 7.1.2); some writers drop zeros. What is
 * longer is not for the module, which gets zeros in its place and the usual calls.
 */
void ciphertext_set(struct ciphertext *c, const struct token_decrypt *q, size_t modulus_size);

/*
 * ciphertext_oaep(m, c, q): the mechanism, with c's label. 0, or HSMIME_EUNSUPPORTED where the label is
 * too long or PKCS#11 has no number for a digest.
 */
int ciphertext_oaep(struct mechanism *m, const struct ciphertext *c, const struct token_decrypt *q);

/*
 * ciphertext_make(out, len, public_key, q, data, data_len): what q, whose own data is not looked at,
 * decrypts to data: by PKCS#1 v1.5 or OAEP. *len is the room, and becomes the length. False where
 * OpenSSL refuses that, which its error queue says.
 */
bool ciphertext_make(unsigned char *out, size_t *len, EVP_PKEY *public_key,
    const struct token_decrypt *q, const unsigned char *data, size_t data_len);

#endif
