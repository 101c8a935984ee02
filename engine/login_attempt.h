/*
 * login_attempt: one PIN, asked for and sent to a token once, with all that keeps a token from
 * being locked: its flags, what it refused before in this process and in others, who is there.
 * The caller sees to it that one thread at a time does this to a token.
 */
#ifndef ENGINE_LOGIN_ATTEMPT_H
#define ENGINE_LOGIN_ATTEMPT_H

#include <stdatomic.h>
#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include <hsmime/context.h>

#include "engine/login_answer.h"
#include "util/error.h"
#include "util/secret.h"

struct token;
struct pin_source;
struct attempt;

/* Sends the PIN; pin NULL: the token asks by itself. The call's answer goes to a->answer too. */
typedef CK_RV (*attempt_send)(const struct attempt *a, const unsigned char *pin, CK_ULONG len);

/* What else is asked for once the PIN is there, before it is sent. 0, or why it is not sent. pin NULL: the token has it. */
typedef int (*attempt_ready)(const struct attempt *a, const struct secret *pin);

struct attempt {
	struct token *token;
	CK_SESSION_HANDLE session;
	struct login_sent sent;
	struct pin_source *source;
	hsmime_pin_request about; /* kind, purpose and key; the rest is filled in */
	attempt_send send;        /* NULL: C_Login */
	attempt_ready ready;      /* NULL: nothing */
	void *arg;                /* theirs */
	struct secret *
	    kept; /* gets the PIN that was accepted, to be freed; NULL: it is wiped. Empty: a PIN pad has it */
	bool typed;           /* set, for attempt_given to be set before: a person gave the PIN */
	bool unseen;          /* set: there was a login already, nobody looked at the PIN */
	bool lost;            /* set: the answer was that the session or the token went */
	atomic_ulong *answer; /* set for send */
	CK_RV *rv;
	struct error *err;
};

/*
 * attempt_run(a):
 * The token's flags are to be fresh. Returns 0, HSMIME_EPIN, HSMIME_ENOMEM, HSMIME_EINTERNAL or
 * HSMIME_ETOKEN; *a->rv is as login_user says.
 */
int attempt_run(struct attempt *a);

/*
 * attempt_given(a, pin): the same with a PIN that a's source gave before; its data NULL: of a pad. kept
 * is not set. The flags are not looked at: attempt_run has done that, or the PIN is new; a blank token
 * may say that the PIN is locked which it does not have yet.
 */
int attempt_given(struct attempt *a, const struct secret *pin);

/* attempt_flags(t, kind): t's flags of the PIN of that kind, as enum hsmime_token_flags has the user's. */
unsigned attempt_flags(const struct token *t, enum hsmime_pin_kind kind);

#endif
