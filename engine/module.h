/*
 * module: a PKCS#11 module as this process has it: loaded and initialised once,
 * however many engines use it, and initialised afresh in a child after fork.
 */
#ifndef ENGINE_MODULE_H
#define ENGINE_MODULE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <p11-kit/pkcs11.h>

#include "engine/gate.h"
#include "util/error.h"

struct token;

/* The module of a NULL path: all tokens that the system's p11-kit configuration knows. */
#define MODULE_DEFAULT "p11-kit-proxy.so"

/*
 * Read-only for others, except what engine/slot.h owns. The record itself is
 * kept for the life of the process.
 */
struct module {
	char *path;                  /* as it was asked for */
	const char *file;            /* as the loader found it */
	CK_FUNCTION_LIST *functions; /* our own; call it by engine/cryptoki.h */
	bool proxy;                  /* p11-kit's, for all the modules that it is configured with */
	bool owner;                  /* our C_Initialize was the first, so C_Finalize is ours */
	bool initialising; /* a C_Initialize of ours has not come to its end, and may yet succeed */
	bool serial;       /* CKR_CANT_LOCK: one call at a time, from the first such answer on */
	struct gate turn;  /* of those calls */
	pid_t pid;         /* that initialised it */
	/* engine/watch.h: calls that were given up: all of them, and those that were for no token. */
	atomic_uint hanging;
	atomic_uint stuck;
	struct gate starting; /* around its start and its end: of what is above, and of users */
	unsigned users;
	struct module *next;
	/* engine/slot.h */
	struct gate refresh;
	bool listed;          /* its slots, since it was initialised */
	unsigned listings;    /* that were begun */
	unsigned newest;      /* of those that are in the list of tokens */
	pthread_mutex_t lock; /* of the list of tokens */
	struct token *tokens;
	struct token *nameless; /* engine/slot_ask.h */
	atomic_uint
	    moving; /* engine/wait.c: times that tokens are looked for before events are waited for */
};

/*
 * module_open(out, path, err):
 * The module in that file (NULL: MODULE_DEFAULT), loaded, initialised, its
 * tokens listed; close with module_close. Returns 0, HSMIME_ETOKEN or
 * HSMIME_ENOMEM.
 */
int module_open(struct module **out, const char *path, struct error *err);

/*
 * module_close(m):
 * One user less. The last one finalises the module, where that is ours to do;
 * it stays loaded, since unloading one whose threads or exit handlers live on
 * crashes. No call is made once module_exiting. NULL is allowed.
 */
void module_close(struct module *m);

/*
 * module_ready(m, err):
 * To be called before anything is done with m: refuses one that is stuck (engine/watch.h); in a child that was forked
 * after module_open it initialises the module again and forgets sessions,
 * logins and object handles, which are the parent's. Returns 0, HSMIME_ETOKEN
 * or HSMIME_ENOMEM.
 */
int module_ready(struct module *m, struct error *err);

/*
 * module_restart(m): C_Initialize, where another part of the program has finalised m. CKR_OK or why it
 * can't be.
 */
CK_RV module_restart(struct module *m);

/* module_live(m): calls need no module_ready first: initialised by this process, which is not ending. */
bool module_live(const struct module *m);

/* module_exiting(): OPENSSL_cleanup has begun: no token may be called any more. */
bool module_exiting(void);

/*
 * module_enter(m, function), module_leave(m): around each call of the function with that name, which
 * leaves nothing in OpenSSL's queue of errors. A module that can't lock is entered by one thread at
 * a time; waiting for that is nobody's call. MODULE_NO_ENTRY, and the call is not to be made: the
 * one before it hangs. module_enter_patient: of a call that waits for a person;
 * module_enter_endless: for what may never happen.
 */
#define MODULE_NO_ENTRY                                                                            \
	CKR_SESSION_CLOSED /* no verdict on data, and no PIN was sent; module_ready says more */
CK_RV module_enter(struct module *m, const char *function);
CK_RV module_enter_patient(struct module *m, const char *function);
CK_RV module_enter_endless(struct module *m, const char *function);
void module_leave(struct module *m);

#endif
