/*
 * health: which tokens are set aside, where several hold the same key (engine/group.h), and for
 * how long: a second after the first failure, twice as long after each further one, 5 minutes at
 * most. One whose PIN was refused, or not given by the person who was asked, stays aside until it was
 * taken out and put in again, or says no more that a wrong PIN was given, or that its PIN is locked:
 * each try may ask a person, or cost one of the PIN's tries.
 */
#ifndef ENGINE_HEALTH_H
#define ENGINE_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct token;

/* Of one token; private to health.c. Zero: good. */
struct health {
	atomic_uint failures;   /* in a row */
	_Atomic int64_t again;  /* milliseconds of CLOCK_MONOTONIC: when it may be tried again */
	atomic_uint operations; /* under way */
	atomic_bool no_pin;     /* it was its PIN that failed */
	atomic_uint
	    pin_flags; /* ... and what t said of its PIN then, or since (enum hsmime_token_flags) */
};

/* health_failed(t, why): an operation failed for t's sake; t is set aside, which the log is told. */
void health_failed(struct token *t, const struct error *why);

/* health_good(t): an operation succeeded. */
void health_good(struct token *t);

/* health_aside(t): t is set aside. health_no_pin(t): for its PIN's sake, and is not tried by itself. */
bool health_aside(const struct token *t);
bool health_no_pin(const struct token *t);

/*
 * health_look(t, err): after health_due, of a token with health_no_pin: look, without a PIN, whether
 * that is over, so that it is tried out the next time. Makes token calls. Returns 0 or HSMIME_ETOKEN: nobody can tell.
 */
int health_look(struct token *t, struct error *err);

/* health_gone(t): t was taken out. health_forget(t): in a forked child nothing is under way. */
void health_gone(struct token *t);
void health_forget(struct token *t);

/*
 * health_due(t, always): t is set aside and its time is over, or, with always, it is well and was
 * not tried out for a minute: the caller is to try it out. To one caller only; to the next one after
 * the same time again.
 */
bool health_due(struct token *t, bool always);

/* health_begin(t), health_end(t): around an operation. health_load(t): part of its sessions at work, of 4096. */
void health_begin(struct token *t);
void health_end(struct token *t);
unsigned health_load(struct token *t);

#endif
