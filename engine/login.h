/*
 * login: who is logged in to a token. One owner at a time logs in; the others
 * wait for its outcome.
 */
#ifndef ENGINE_LOGIN_H
#define ENGINE_LOGIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

#include "engine/gate.h"
#include "engine/login_refused.h"
#include "util/error.h"
#include "util/secret.h"

struct token;
struct session;
struct pin_source;

/* Private to login.c and login_attempt.c. */
struct login {
	struct gate gate;
	atomic_ulong
	    in;     /* one more than the generation of sessions in which somebody is; 0: nobody */
	bool tried; /* a login was attempted before, so the flags are to be read again */
	struct login_memory memory;
	/* Of the user's PIN that was accepted last, until an answer to it got lost. */
	unsigned char accepted[LOGIN_DIGEST];
	bool has_accepted;
};

/* What a PIN is for: in words, and the key where it is for one alone (hsmime_pin_request). */
struct login_purpose {
	const char *words;
	const char *key;
	const char *key_uri;
};

/* login_known(t): somebody is logged in to t, as far as is known without a call. */
bool login_known(const struct token *t);

/* login_init(l): nobody is logged in; l is zero, or the parent's in a forked child. login_free(l). */
void login_init(struct login *l);
void login_free(struct login *l);

/*
 * login_user(t, s, pin, purpose, rv, err):
 * See to it that the user is logged in to t; s is a session of it. The PIN is
 * pin's, or the token asks by itself. Refuses, without C_Login, a token whose
 * PIN is locked, a PIN that it refused before, the last try where nobody is
 * there, and where nobody is there also flags that can't be read. At most one C_Login, whatever
 * it answers. Returns 0, HSMIME_EPIN, HSMIME_ENOMEM or HSMIME_ETOKEN. *rv is CKR_OK, or the
 * token's answer where that says that the session was lost, and no PIN was looked at, or the PIN may be
 * sent again all the same: the same may be tried once in another session. Where the session was lost
 * and it may not, sessions and slots are looked at anew before this returns.
 */
int login_user(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err);

/*
 * login_context(t, s, pin, purpose, rv, err):
 * The login that a key with CKA_ALWAYS_AUTHENTICATE asks for between the start
 * of an operation and the operation. Returns as login_user.
 */
int login_context(struct token *t, const struct session *s, struct pin_source *pin,
    const struct login_purpose *purpose, CK_RV *rv, struct error *err);

/*
 * login_alone(a):
 * One attempt (engine/login_attempt.h) by this thread alone, with the flags read just before: for
 * what is no login of the user. Returns as attempt_run.
 */
struct attempt;
int login_alone(struct attempt *a);

/* login_given(a, pin): the same with a PIN that came from a's source before (attempt_given). */
int login_given(struct attempt *a, const struct secret *pin);

/*
 * login_forget(t, kind): what this process thinks of t's PINs of that kind, right or wrong, holds no
 * more: there is a new one. login_forget_accepted(t): a PIN that was right may not be.
 */
void login_forget(struct token *t, enum hsmime_pin_kind kind);
void login_forget_accepted(struct token *t);

/*
 * login_check(t, s): CKR_OK, or CKR_USER_NOT_LOGGED_IN where the token says of s that nobody
 * is logged in.
 */
CK_RV login_check(struct token *t, const struct session *s);

/* login_lost(t): nobody is logged in any more. */
void login_lost(struct token *t);

#endif
