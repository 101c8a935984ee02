/*
 * session: the sessions of one token, taken for one operation and given back.
 * The pool grows with the number of threads at work, up to what the token
 * grants; then takers wait, and one of them asks again every second: other
 * programs give sessions back too. No lock is held across a call.
 *
 * Object handles and the login hang on the sessions, so the pool carries the
 * generation: it grows when the sessions were lost, and what was
 * learned in an older generation no longer holds.
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

#include "util/error.h"

struct token;

/* Private to session.c and session_end.c. */
struct session_pool {
	pthread_mutex_t lock;
	pthread_cond_t given;
	CK_SESSION_HANDLE *idle;
	size_t idle_count;
	size_t idle_room;
	size_t open;    /* sessions of this generation, taken, idle or being opened */
	size_t limit;   /* most that the token grants, as it says itself */
	size_t granted; /* most that C_OpenSession granted, once it refused one */
	int64_t again;  /* when one more is worth a try, ms of the monotonic clock */
	bool asked;     /* ulMaxSessionCount was read, or is being read */
	bool asking;
	size_t stale; /* of earlier generations, not closed yet: the token may still count them */
	unsigned closed; /* sessions that were closed, ever */
	size_t opening;  /* of open: not granted yet */
	size_t closing;  /* of open: being dropped */
	unsigned generation;
};

/* A session that was taken. */
struct session {
	CK_SESSION_HANDLE handle;
	unsigned generation;
};

/* session_pool_init(pool): an empty pool. session_pool_free(pool): free it, without any call. */
void session_pool_init(struct session_pool *pool);
void session_pool_free(struct session_pool *pool);

/*
 * session_take(s, rv, t, err):
 * A session for this thread alone; waits where the token grants no more. A
 * thread holds at most one. Returns 0, HSMIME_ENOMEM, or what recovery_error makes of the
 * token's answer, which is *rv then (and may be one that there is a way out of).
 */
int session_take(struct session *s, CK_RV *rv, struct token *t, struct error *err);

/* session_give(s, t): done, the session is clean. */
void session_give(struct session *s, struct token *t);

/*
 * session_drop(s, t):
 * Done, and an operation may still be active: the session is closed. Where it
 * is the only one, another is opened first, so that the login survives.
 */
void session_drop(struct session *s, struct token *t);

/*
 * session_lost(t, generation):
 * The sessions of that generation are not to be used again; nothing happens
 * where a newer one has begun. The login is forgotten too.
 */
void session_lost(struct token *t, unsigned generation);

/*
 * session_abandon(t): a call of t was given up: as session_lost, but without any call. Who waits
 * for a session is told.
 */
void session_abandon(struct token *t);

/* session_more(t): a session that kept copies was closed (engine/copies.h): one more may be opened. */
void session_more(struct token *t);

/* session_known_limit(t): the same as far as it is known; SIZE_MAX where it is not. No call. */
size_t session_known_limit(struct token *t);

/* session_limit(t): how many sessions t grants, as far as is known or the token says (C_GetTokenInfo, once). */
size_t session_limit(struct token *t);

/* session_generation(t): the generation now. */
unsigned session_generation(struct token *t);

#endif
