/*
 * login_answer: what a token's answer to a call that takes a PIN says of that PIN. The same code
 * says one thing of C_Login's PIN and another of C_SetPIN's, which takes an old and a new one.
 */
#ifndef ENGINE_LOGIN_ANSWER_H
#define ENGINE_LOGIN_ANSWER_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "util/error.h"

struct attempt;

/* The calls that a PIN is sent with; of C_SetPIN the old one, or the PUK. */
enum login_call { LOGIN_LOGIN, LOGIN_SET_PIN, LOGIN_INIT_TOKEN };

/* How a PIN is sent. */
struct login_sent {
	enum login_call call;
	CK_USER_TYPE user; /* C_Login's */
	bool
	    plain; /* nothing but CKR_PIN_INCORRECT speaks of it: it was just accepted, or is new */
};

enum login_answer {
	ANSWER_ACCEPTED,
	ANSWER_UNSEEN, /* a success, but nobody looked at the PIN: somebody is logged in already */
	ANSWER_STATE,  /* refused for the state that the PIN is in, whichever was sent */
	ANSWER_OTHER,  /* refused for a reason that has nothing to do with the PIN */
	ANSWER_LOST,   /* the token went: it may or may not have looked at the PIN */
	ANSWER_REFUSED /* a wrong PIN, or a vague code that may mean one */
};

/* login_answer(sent, rv): which of them rv is. */
enum login_answer login_answer(const struct login_sent *sent, CK_RV rv);

/* login_answer_session(sent, rv): the session was not one to log in with; in another the same may be tried. */
bool login_answer_session(const struct login_sent *sent, CK_RV rv);

/*
 * login_answer_error(a, rv): describe an answer to a that is no success in a->err. Returns
 * HSMIME_EPIN for what concerns a PIN, HSMIME_ENOMEM or HSMIME_ETOKEN.
 */
int login_answer_error(const struct attempt *a, CK_RV rv);

/*
 * login_answer_new(err, rv, label, which):
 * Whether rv, of a call that sets a PIN, says that the token does not take it; err has that then
 * (HSMIME_EPIN). which is "new PIN" or the like.
 */
bool login_answer_new(struct error *err, CK_RV rv, const char *label, const char *which);

#endif
