/*
 * watch: which token call a thread is in, and since when, so that a call that never returns can
 * be given up (engine/zone.h). What a call that was given up leaves behind: its thread, which ends
 * for all purposes when the call returns after all; its token, which counts as stuck until then;
 * and the gates that the thread had passed, which are broken until then.
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct gate;
struct module;
struct token;

#define WATCH_GATES 8 /* that a thread is inside of at a time, at most */

/* What a call waits for: how long it may take. */
enum watch_patience {
	WATCH_TOKEN,  /* the limit */
	WATCH_PERSON, /* someone at the token's own pad: ten times the limit */
	WATCH_ENDLESS /* something that may never happen */
};

/* What one thread does; private to watch.c but for its memory. Zero before use. */
struct watch {
	_Atomic uint64_t turn; /* odd within a call; WATCH_GIVEN_UP in the highest bit */
	_Atomic int64_t since; /* milliseconds of CLOCK_MONOTONIC */
	_Atomic(const char *) function;
	_Atomic(struct module *) module;
	_Atomic(struct token *) token; /* that is worked with; NULL: the module as a whole */
	_Atomic int patience;          /* enum watch_patience */
	struct gate *gates[WATCH_GATES];
	size_t gate_count;
	unsigned lookups; /* of this thread's in token's copies (engine/copies.h) */
	unsigned uses;    /* of copies, by this thread */
	bool module_wide; /* given up: a module that can't lock is stuck as a whole */
};

/* watch_thread(w): this thread is watched from here on; NULL: no longer. watch_watched(): whether it is. */
void watch_thread(struct watch *w);
bool watch_watched(void);

/* watch_self(): what this thread does; NULL: it is not watched. watch_forked(): in the child nobody is, and no call hangs. */
struct watch *watch_self(void);
void watch_forked(void);

/* watch_begin(m, function, patience): a call of m begins; function is constant. In any thread. */
void watch_begin(struct module *m, const char *function, enum watch_patience patience);

/* watch_end(): it has returned. If it was given up meanwhile this does not return. */
void watch_end(void);

/* watch_token(t): the calls that follow are for t; returns for which they were before. */
struct token *watch_token(struct token *t);

/* watch_entered(g), watch_left(g): this thread is inside g, or no longer. */
void watch_entered(struct gate *g);
void watch_left(struct gate *g);

/*
 * watch_left_ms(w, limit): milliseconds that w's thread has until limit (milliseconds) is over for
 * the call that it is in; limit itself where it is in none, or in an endless one. 0: over.
 */
int64_t watch_left_ms(const struct watch *w, unsigned limit);

/*
 * watch_give_up(w, limit, err):
 * Give up the call of w's thread if it is over its limit: token (of a module that can't lock: the
 * module, as nobody else gets in), module and gates are marked, and err says so (HSMIME_ETOKEN).
 * False where the call has returned.
 */
bool watch_give_up(struct watch *w, unsigned limit, struct error *err);

/* watch_hanging(): how many calls of this process were given up and have not returned. */
unsigned watch_hanging(void);

/* watch_stuck(err, t): HSMIME_ETOKEN: t (NULL: the module) has not returned from an earlier call. */
int watch_stuck(struct error *err, const struct token *t);

#endif
