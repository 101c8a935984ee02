/*
 * work: something done with a session of a token, and done once more where
 * the first try met a lost session, login or object.
 */
#ifndef ENGINE_WORK_H
#define ENGINE_WORK_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "engine/session.h"
#include "util/error.h"

struct module;
struct token;
struct pin_source;

/* Where and how; filled by the caller of work_run. */
struct work {
	struct token *token;
	struct pin_source *pin;
	const char *purpose; /* in words, for the person who is asked for the PIN */
	bool login;          /* log in first, where the token asks for it */
	struct error *err;
	/* For the function: */
	struct module *module;
	struct session session;
	bool again;           /* the second try: handles from before don't hold */
	bool relies_on_login; /* a login was made, now or earlier: it may be over again */
	/* From the function: */
	CK_RV rv;   /* with WORK_REFUSED */
	bool dirty; /* an operation may still be active in the session */
	bool keep;  /* with status 0: the session stays taken, and is the function's from now on */
};

#define WORK_REFUSED 1

/* Returns 0, a negative status with err set, or WORK_REFUSED with w->rv set. */
typedef int (*work_function)(struct work *w, void *arg);

/* work_refused(w, rv): set w->rv; returns 0 for CKR_OK, else WORK_REFUSED. */
int work_refused(struct work *w, CK_RV rv);

/*
 * work_nothing(w): nothing was found in w's session: as by work_refused where that is because a
 * login is over, which tokens do not say unasked, or was meanwhile; else 0.
 */
int work_nothing(struct work *w);

/*
 * work_run(w, run, arg):
 * Take a session, log in, call run, and give the session back. After a refusal
 * that engine/recovery.h knows a way out of, that way is gone and run called
 * again, once; sessions in which something else is active are first replaced. Messages are given out
 * when the session was given back (engine/log.h). Returns 0, run's status, or what its refusal means.
 */
int work_run(struct work *w, work_function run, void *arg);

#endif
