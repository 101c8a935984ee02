/*
 * pin_under_way: a change of a token's PIN (engine/pin_change.h) while it is made: its token, its
 * session, the PINs that are in it, and the steps that several kinds of change share.
 */
#ifndef ENGINE_PIN_UNDER_WAY_H
#define ENGINE_PIN_UNDER_WAY_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include <hsmime/context.h>

#include "engine/login_attempt.h"
#include "util/error.h"
#include "util/secret.h"

struct engine;
struct pin_job;
struct pin_source;
struct token;

struct change {
	struct engine *e;
	const struct pin_job *job;
	struct token *token;
	struct token *watched;     /* before */
	CK_SESSION_HANDLE session; /* 0: none */
	struct pin_source *so;     /* of the security officer's PIN or the PUK */
	struct pin_source *fresh;  /* of the new PIN */
	struct secret old;         /* that was accepted; empty: by a PIN pad */
	struct secret pin;         /* the new one */
	CK_RV rv;
	struct error *err;
};

/* change_begin(c, e, job, err): 0, HSMIME_EUSAGE or HSMIME_ENOMEM; change_end(c) follows in any case. */
int change_begin(struct change *c, struct engine *e, const struct pin_job *job, struct error *err);
void change_end(struct change *c);

/* change_find_token(c, blank): c->token, as pin_token. change_take_token(c, t): it is t from here on. */
int change_find_token(struct change *c, bool blank);
void change_take_token(struct change *c, struct token *t);

/* change_close_others(c): the pool's sessions. change_open(c): they, and c's own is opened. 0 or HSMIME_ETOKEN. */
void change_close_others(const struct change *c);
int change_open(struct change *c);

/* change_attempt(c, kind, purpose): for a PIN of that kind, which c->old gets. */
struct attempt change_attempt(struct change *c, enum hsmime_pin_kind kind, const char *purpose);

/*
 * change_ask_new(c): the new PIN, which is not to be c->old. change_ask_other(a, pin): the same
 * as an attempt_ready, of an attempt whose arg is the change, by another PIN, which is not to be it.
 */
int change_ask_new(struct change *c);
int change_ask_other(const struct attempt *a, const struct secret *pin);

/* change_judge(c, rv, what): of the call that set the user's PIN; what it was refused before is forgotten. */
int change_judge(struct change *c, CK_RV rv, const char *what);

/* change_forget(c, kind): there is a new PIN of that kind: what was refused may be right. */
void change_forget(const struct change *c, enum hsmime_pin_kind kind);

/* change_by_officer(c, purpose): the whole of it: session, login, new PIN. change_init_pin(c): the last step. */
int change_by_officer(struct change *c, const char *purpose);
int change_init_pin(struct change *c);

#endif
