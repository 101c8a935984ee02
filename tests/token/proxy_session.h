/*
 * proxy_session: the sessions and object handles that the proxy gives out. They are
 * the inner module's, with the generation of the token in the upper half: how often it
 * was lost so far. What is of an older generation is void, whatever the inner module says.
 * It closes its sessions only when no call is inside them any more.
 */
#ifndef TESTS_TOKEN_PROXY_SESSION_H
#define TESTS_TOKEN_PROXY_SESSION_H

#include <stdbool.h>

#include "proxy_plan.h"

/* The module behind the proxy. */
extern CK_FUNCTION_LIST *proxy_inner;

#define PROXY_SLOTS 64
#define PROXY_GENERATION 32 /* bits of a handle below the generation */

/* A slot of the inner module; its fields under the lock of proxy_session.c. */
struct slot {
	CK_SLOT_ID id;
	bool lost;
	bool stale;   /* C_GetTokenInfo is to give info once more */
	bool event;   /* for C_WaitForSlotEvent */
	bool changed; /* it was lost and is back; C_GetSlotList is to see that */
	bool gone;    /* its reader went with the token, and the list does not have it yet again */
	unsigned generation;
	CK_TOKEN_INFO info;
	unsigned char label[32]; /* of its token, when a session was opened last */
};

/* A session. PKCS#11 lets one thread use it at a time, so what is not of proxy_session.c has no lock. */
struct session {
	CK_SESSION_HANDLE outer;
	CK_SESSION_HANDLE inner;
	struct slot *slot;
	CK_SLOT_ID seen_slot; /* as the caller named it */
	unsigned generation;
	unsigned busy; /* calls inside */
	bool stale;    /* the token was lost */
	bool told;     /* the caller knows */
	bool closed;   /* for the inner module */
	struct session *next;
	/* Of the operation that was begun: */
	bool must_authenticate; /* proxy_key.h */
	bool authenticated;
	bool logged_out;
	bool logs_out; /* where the login is missing */
	bool uses_up;  /* the user's login serves for one operation */
	bool stuck;    /* proxy_output.h: it stays active for good */
	CK_MECHANISM_TYPE mechanism;
	CK_OBJECT_HANDLE key; /* the inner module's */
	/* Of the search: proxy_extra.h */
	unsigned long extras_left;
};

/* A call on its way, from call_begin to call_end. */
struct call {
	enum function f;
	struct session
	    *session; /* NULL: not one that the proxy knows; then inner is the caller's */
	CK_SESSION_HANDLE inner;
};

/* call_begin(c, f, session): f was called; CKR_OK or what it is to give instead of being passed on. */
CK_RV call_begin(struct call *c, enum function f, CK_SESSION_HANDLE session);

/* call_end(c, rv): what f gives, where the inner module said rv. */
CK_RV call_end(struct call *c, CK_RV rv);

/* call_object(c, object, invalid): *object becomes the inner module's, or invalid is returned. */
CK_RV call_object(const struct call *c, CK_OBJECT_HANDLE *object, CK_RV invalid);

/* call_made(c, rv, objects, count): where rv is CKR_OK these of the inner module become ours. */
void call_made(const struct call *c, CK_RV rv, CK_OBJECT_HANDLE *objects, CK_ULONG count);

/* slot_enter(slot, generation): *slot becomes the inner module's; CKR_TOKEN_NOT_PRESENT: it is lost. */
CK_RV slot_enter(CK_SLOT_ID *slot, unsigned *generation);

/* sessions_reserve(): whether one more is granted. sessions_release(): it was not opened. */
CK_RV sessions_reserve(void);
void sessions_release(void);

/* sessions_add(session, seen, slot, generation): *session is new; ours comes back, or it was lost meanwhile. */
CK_RV sessions_add(
    CK_SESSION_HANDLE *session, CK_SLOT_ID seen, CK_SLOT_ID slot, unsigned generation);

/* sessions_remove(c): it was closed. sessions_clear(slot): all of that slot; NULL: of all. */
void sessions_remove(struct call *c);
void sessions_clear(const CK_SLOT_ID *slot);

/* For proxy_device.c: the lock, the slots, and making the sessions of one void, with the lock held. */
void sessions_lock(void);
void sessions_unlock(void);
struct slot *sessions_slot(CK_SLOT_ID id);       /* with the lock held; made where it is new */
struct slot *sessions_next_slot(struct slot *s); /* NULL: the first; NULL after the last */
void sessions_void(struct slot *s);
void sessions_lost_from_now(bool lost); /* slots not seen yet */

/* Of struct proxy. */
void sessions_limit(unsigned long limit);
void sessions_only(const char *label);
unsigned long sessions_open(void);
void sessions_removal(CK_RV rv);

#endif
