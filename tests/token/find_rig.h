/*
 * find_rig: two tokens with keys and certificates to look for.
 *
 * Token "Alpha": 01 RSA "alice" (signs and decrypts), 02 EC "bob" (signs, agrees), 03 RSA
 * "signer" (signs only), 04 RSA "old" (expired certificate), 05 EC "lonely" (no certificate), 07
 * and 08 EC "tie", with one address. Token "Beta": 01 RSA "carol" and 06 RSA "twin", whose
 * certificates are private.
 */
#ifndef TESTS_TOKEN_FIND_RIG_H
#define TESTS_TOKEN_FIND_RIG_H

#include "engine/engine.h"
#include "softtoken.h"

#define FIND_RIG_YEAR 31536000L

struct find_rig {
	struct softtoken st;
	X509 *alice, *bob, *signer, *old, *carol, *twin, *stranger, *lonely;
	struct engine *e;
	struct error err;
};

extern struct find_rig find_rig;

int find_rig_set_up(void **state);
int find_rig_tear_down(void **state);

/* A certificate for key that is valid until then, in seconds from now. */
X509 *find_rig_certify(EVP_PKEY *key, const char *name, const char *email, long to);

/* What was found is cert's key on the token with that label. */
void find_rig_is(const struct engine_found *found, X509 *cert, const char *label);

#endif
