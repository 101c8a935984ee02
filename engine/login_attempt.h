/*
 * login_attempt: one PIN, asked for and sent to a token once, with all that keeps a token from
 * being locked: its flags, what it refused before in this process and in others, who is there.
 * The caller sees to it that one thread at a time does this to a token.
 */
#ifndef ENGINE_LOGIN_ATTEMPT_H
#define ENGINE_LOGIN_ATTEMPT_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include <hsmime/context.h>

#include "util/error.h"
#include "util/secret.h"

struct token;
struct pin_source;
struct attempt;

/* Sends the PIN; pin NULL: the token asks by itself. */
typedef CK_RV (*attempt_send)(const struct attempt *a, const unsigned char *pin, CK_ULONG len);

struct attempt {
	struct token *token;
	CK_SESSION_HANDLE session;
	CK_USER_TYPE user;
	struct pin_source *source;
	hsmime_pin_request about; /* kind, purpose and key; the rest is filled in */
	attempt_send send;        /* NULL: C_Login */
	const void *arg;          /* send's */
	struct secret *
	    kept; /* gets the PIN that was accepted, to be freed; NULL: it is wiped. Empty: a PIN pad has it */
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
 * attempt_refused(a, pin): a token that had accepted a login without looking at pin has now
 * refused it.
 */
void attempt_refused(const struct attempt *a, const struct secret *pin);

/* attempt_flags(t, kind): t's flags of the PIN of that kind, as enum hsmime_token_flags has the user's. */
unsigned attempt_flags(const struct token *t, enum hsmime_pin_kind kind);

#endif
