/*
 * copies: the copies of keys among a token's session objects, and the session
 * that they belong to and live as long as.
 *
 * Session objects show in every look-up of the process, and while a module
 * makes one it may look like the key itself. So no copy is made or destroyed
 * while a look-up is under way, and none begins meanwhile.
 */
#ifndef ENGINE_COPIES_H
#define ENGINE_COPIES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>

struct object;
struct token;
struct watch;

#define COPIES_MAX 16 /* at a time */
#define COPIES_RETIRED 4

/* Private to copies.c. */
struct copies {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned lookups;           /* under way */
	bool busy;                  /* a copy is being made or destroyed */
	const struct watch *worker; /* whose thread does that; NULL: one that is not watched */
	/* Of one generation of the token's sessions: */
	unsigned generation;
	CK_SESSION_HANDLE keeper; /* 0: none */
	size_t count;
	CK_OBJECT_HANDLE doomed[COPIES_MAX]; /* to be destroyed when nobody looks */
	size_t doomed_count;
	/* Of all generations: */
	unsigned users;                            /* operations with a copy that are under way */
	bool closing;                              /* a session with copies is being closed */
	const struct watch *closer;                /* whose thread does that, as worker */
	CK_SESSION_HANDLE retired[COPIES_RETIRED]; /* to be closed when there are no users */
	size_t retired_count;
};

void copies_init(struct copies *c);
void copies_free(struct copies *c);

/* copies_look(t), copies_looked(t): around a look-up, from the search to the last attribute; may be nested, on one token. */
void copies_look(struct token *t);
void copies_looked(struct token *t);

/* copies_has(o): whether o is a copy, which nobody looks for: they have an ID and label of their own. */
bool copies_has(const struct object *o);

/*
 * copies_make(copy, t, generation, original):
 * Copy the key original, a handle of that generation of t's sessions. CKR_OK;
 * CKR_FUNCTION_CANCELED where it is not the time for it; what the token answered;
 * or CKR_SESSION_COUNT where it grants too few sessions to spare one.
 */
CK_RV copies_make(
    CK_OBJECT_HANDLE *copy, struct token *t, unsigned generation, CK_OBJECT_HANDLE original);

/*
 * copies_enter(t), copies_leave(t): around each use of a copy, from before its handle is taken. False where
 * none may be used now; there is nothing to leave then.
 */
bool copies_enter(struct token *t);
void copies_leave(struct token *t);

/* copies_drop(t, generation, copy): copy is not used any more. Waits for nothing but the token. */
void copies_drop(struct token *t, unsigned generation, CK_OBJECT_HANDLE copy);

/* copies_lost(t): the generation has ended. */
void copies_lost(struct token *t);

/*
 * copies_give_back(t): end all copies, and give the session that they need back. False where there is
 * none, or a copy is in use: then it is given back after that, with session_more.
 */
bool copies_give_back(struct token *t);

/*
 * copies_abandon(t, w): w's thread was given up in a call of t (engine/watch.h): what it was at,
 * a look-up or a copy, is over. What other threads are at is theirs, until they are done with it.
 */
void copies_abandon(struct token *t, struct watch *w);

#endif
