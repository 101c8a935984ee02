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
#include "util/error.h"

struct token;
struct session;
struct pin_source;

#define LOGIN_REFUSED_MAX 8
#define LOGIN_DIGEST 32

/* Private to login.c. */
struct login {
	struct gate gate;
	atomic_bool in;
	bool tried; /* a login was attempted before, so the flags are to be read again */
	/* Keyed digests of the PINs that the token called wrong: none is sent twice. */
	unsigned char refused[LOGIN_REFUSED_MAX][LOGIN_DIGEST];
	size_t refused_count;
};

/* login_init(l): nobody is logged in. login_free(l). */
void login_init(struct login *l);
void login_free(struct login *l);

/*
 * login_user(t, s, pin, purpose, rv, err):
 * See to it that the user is logged in to t; s is a session of it. The PIN is
 * pin's, or the token asks by itself. Refuses, without C_Login, a token whose
 * PIN is locked, a PIN that it refused before, the last try where nobody is
 * there, and where nobody is there also flags that can't be read. At most one C_Login, whatever
 * it answers. Returns 0, HSMIME_EPIN, HSMIME_ENOMEM or HSMIME_ETOKEN. *rv is CKR_OK, or the
 * token's answer where that says that the session was lost and no PIN was looked at:
 * the same may be tried once in another session.
 */
int login_user(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err);

/*
 * login_context(t, s, pin, purpose, rv, err):
 * The login that a key with CKA_ALWAYS_AUTHENTICATE asks for between the start
 * of an operation and the operation. Returns as login_user.
 */
int login_context(struct token *t, const struct session *s, struct pin_source *pin,
    const char *purpose, CK_RV *rv, struct error *err);

/*
 * login_check(t, s): CKR_OK, or CKR_USER_NOT_LOGGED_IN where the token says of s that nobody
 * is logged in.
 */
CK_RV login_check(struct token *t, const struct session *s);

/* login_lost(t): nobody is logged in any more. */
void login_lost(struct token *t);

#endif
