/*
 * probe: whether a key on a token does what it should, tried out on data of our own, so that no
 * message's fate depends on it.
 */
#ifndef ENGINE_PROBE_H
#define ENGINE_PROBE_H

#include <stdbool.h>

#include "util/error.h"

struct token_key;

enum probe { PROBE_SIGN, PROBE_DECRYPT, PROBE_DERIVE };

/*
 * probe_run(k, probe, err):
 * PROBE_SIGN: a signature is made and verified with the public key. PROBE_DECRYPT: random octets
 * that were encrypted for the public key come back, or what is unwrapped decrypts like them. RSA
 * by PKCS#1 v1.5 or, where key or token refuse that, by PSS and OAEP. PROBE_DERIVE: both sides of
 * a key agreement get the same. 0; HSMIME_ETOKEN also where the token answers, but wrongly; else
 * as the operation. Of several ways that fail the first one's error is told; where a later one
 * does it, err says it all the same, with status 0.
 */
int probe_run(struct token_key *k, enum probe probe, struct error *err);

/*
 * probe_decrypts(k, err): PROBE_DECRYPT or PROBE_DERIVE, as the key's type is; of a group on each of its tokens
 * (group_try). A key that asks a person each time is not tried: 0.
 */
int probe_decrypts(struct token_key *k, struct error *err);

/* probe_sign(wrong_answer, k, err): PROBE_SIGN, and whether there was a signature, which does not verify. */
int probe_sign(bool *wrong_answer, struct token_key *k, struct error *err);

#endif
