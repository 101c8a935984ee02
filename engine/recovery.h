/*
 * recovery: what a CK_RV means in words, and what can be done about it.
 */
#ifndef ENGINE_RECOVERY_H
#define ENGINE_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

#include "util/error.h"

/* What a way out there is. */
enum recovery {
	RECOVERY_NONE,
	RECOVERY_MECHANISM, /* at an Init call: another mechanism may do */
	RECOVERY_ACTIVE,    /* the session is not clean: take another one */
	RECOVERY_SESSION,   /* sessions are lost: reopen, log in, find the key again */
	RECOVERY_LOGIN,     /* log in again */
	RECOVERY_OBJECT     /* find the key again */
};

/* recovery_of(rv): the way out of rv. */
enum recovery recovery_of(CK_RV rv);

/*
 * recovery_other_mechanism(rv): whether a refusal of rv by an Init call, before any data
 * was sent, may be a matter of the mechanism: RECOVERY_MECHANISM, or one of the
 * vague codes that real modules give for it.
 */
bool recovery_other_mechanism(CK_RV rv);

/* recovery_template(rv): whether rv is about the attributes that were to be set. */
bool recovery_template(CK_RV rv);

/* recovery_vague(rv): rv says that something failed, and not what. */
bool recovery_vague(CK_RV rv);

/*
 * recovery_decrypt_failed(rv):
 * Whether rv from C_Decrypt is the token's failure (the closed list of
 * DESIGN.md) and not a verdict on the ciphertext.
 */
bool recovery_decrypt_failed(CK_RV rv);

/* recovery_name(rv, buf, size): "CKR_…" or "CKR 0x…" in buf; returns buf. */
const char *recovery_name(CK_RV rv, char *buf, size_t size);

/*
 * recovery_error(err, rv, label, what):
 * Describe rv from the token with that label (NULL: the module itself, or a token that is not known), during
 * what ("sign", "log in"). Returns HSMIME_EPIN for codes that concern the PIN,
 * HSMIME_ENOMEM for CKR_HOST_MEMORY, HSMIME_EINVALID for a peer's public key that the
 * token refuses, else HSMIME_ETOKEN, also where the key or token can't do it: the
 * message is not to blame.
 */
int recovery_error(struct error *err, CK_RV rv, const char *label, const char *what);

/*
 * recovery_lacks(err, rv, begun, what): where rv says that the token can't do it, hint at what it lacks,
 * and that it is well (err->incapable). Of an Init call, where nothing was begun, codes say so that mean
 * many things elsewhere (recovery_other_mechanism, but recovery_vague). err is not NULL.
 */
void recovery_lacks(struct error *err, CK_RV rv, bool begun, const char *what);

/* recovery_answered_wrongly(err, what): HSMIME_ETOKEN, as the token gave something that can't be: what. */
int recovery_answered_wrongly(struct error *err, const char *what);

#endif
