/*
 * login_refused: the PINs that this process does not send to a token again: those that the token
 * called wrong, and those that were sent without an answer that anybody lived to hear.
 *
 * A PIN is noted before it is sent. The call may be given up (engine/watch.h), and its thread never
 * comes back with the answer; the call itself leaves that here then, if it ever returns.
 */
#ifndef ENGINE_LOGIN_REFUSED_H
#define ENGINE_LOGIN_REFUSED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <hsmime/context.h>

#include "engine/login_answer.h"
#include "util/error.h"
#include "util/secret.h"

#define LOGIN_REFUSED_MAX 8
#define LOGIN_DIGEST 32
#define LOGIN_KINDS 3 /* of PIN: the user's, the security officer's, the PUK */

#define LOGIN_UNANSWERED (~0UL)

/* Of the PINs of one kind keyed digests; the oldest make room. */
struct login_refused {
	struct {
		unsigned char tag[LOGIN_DIGEST];
		bool unknown; /* what the token thinks of it */
	} pins[LOGIN_REFUSED_MAX];
	size_t count;
};

/* A PIN on its way. */
struct login_doubt {
	struct secret pin;   /* empty: there is none */
	atomic_ulong answer; /* CK_RV, or LOGIN_UNANSWERED */
	struct login_sent sent;
	enum hsmime_pin_kind kind;
	bool attended; /* a person typed it */
};

/* Private to login_refused.c. */
struct login_memory {
	struct login_refused refused[LOGIN_KINDS]; /* by enum hsmime_pin_kind */
	struct login_doubt doubt;
};

/* All for one thread at a time: inside the token's login gate. */

/* login_refused_any(m, kind): there may be such a PIN. */
bool login_refused_any(const struct login_memory *m, enum hsmime_pin_kind kind);

/*
 * login_refused_check(m, kind, pin, label, err):
 * 0, HSMIME_EPIN where pin is not to be sent to the token with that label, or HSMIME_EINTERNAL.
 */
int login_refused_check(struct login_memory *m, enum hsmime_pin_kind kind, const struct secret *pin,
    const char *label, struct error *err);

/*
 * login_refused_begin(m, sent, kind, attended, pin): pin is about to be sent; the call leaves its
 * answer at m->doubt.answer. Returns 0 or HSMIME_ENOMEM. login_refused_end(m): the answer came.
 */
int login_refused_begin(struct login_memory *m, const struct login_sent *sent,
    enum hsmime_pin_kind kind, bool attended, const struct secret *pin);
void login_refused_end(struct login_memory *m);

/* login_refused_add(m, kind, pin, unknown): the token called it wrong; unknown: it did not say. */
void login_refused_add(
    struct login_memory *m, enum hsmime_pin_kind kind, const struct secret *pin, bool unknown);

/* login_refused_forget(m, kind): they may be right now. login_refused_wipe(m): at its end. */
void login_refused_forget(struct login_memory *m, enum hsmime_pin_kind kind);
void login_refused_wipe(struct login_memory *m);

#endif
