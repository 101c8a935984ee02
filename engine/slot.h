/*
 * slot: the tokens of a module. A token is known by what is printed on it (serial
 * number, label, manufacturer, model); the slot it sits in may change.
 */
#ifndef ENGINE_SLOT_H
#define ENGINE_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

#include "engine/copies.h"
#include "engine/health.h"
#include "engine/login.h"
#include "engine/mechanism.h"
#include "engine/session.h"
#include "util/error.h"

struct module;
struct printed;

/*
 * One token; lives as long as its module is open. The strings never change; one without them stands
 * for a slot in which none is known (engine/slot_ask.h).
 */
struct token {
	struct module *module;
	struct token *next;
	_Atomic CK_SLOT_ID slot;
	_Atomic unsigned flags;  /* enum hsmime_token_flags */
	_Atomic long flags_time; /* seconds of CLOCK_MONOTONIC when flags were read */
	atomic_bool present;
	atomic_uint stuck; /* calls that were given up and have not returned: engine/watch.h */
	atomic_bool told;  /* and that was said */
	char *label;
	char *serial;
	char *manufacturer;
	char *model;
	struct session_pool pool;
	struct copies copies;
	struct login login;
	struct mechanism_memory memory; /* which rung of a ladder worked */
	struct health health;           /* engine/health.h */
};

/*
 * token_refresh(m, err):
 * Ask which tokens there are now: new ones join m->tokens, those that are gone
 * are no longer present. A stuck one is not asked, and stays. Of several threads' listings the one
 * that was begun last counts. Returns 0, HSMIME_ETOKEN or HSMIME_ENOMEM.
 */
int token_refresh(struct module *m, struct error *err);

/*
 * token_note(m, p, count): with m->lock held: these tokens are there, and those that are stuck. 0 or
 * HSMIME_ENOMEM. For token_refresh.
 */
int token_note(struct module *m, const struct printed *p, size_t count);

/* token_nameless(m, slot): one without a name, in no list; NULL: no memory. For slot_token. */
struct token *token_nameless(struct module *m, CK_SLOT_ID slot);

/* token_say_stuck(t, why): log that t is passed over since it is stuck: once, until it was asked again. */
void token_say_stuck(struct token *t, const struct error *why);

/* token_first(m), token_after(t): m's present tokens in turn; NULL at the end. */
struct token *token_first(struct module *m);
struct token *token_after(struct token *t);

/* token_usable(t): initialised, so that it may hold objects. */
bool token_usable(const struct token *t);

/* token_needs_login(t): private objects show only after a login, and a PIN is set. */
bool token_needs_login(const struct token *t);

/* token_update_flags(t): read the PIN flags again (C_GetTokenInfo). */
CK_RV token_update_flags(struct token *t);

/*
 * token_locate(t): the same, with t in its slot or in another, of a module that is ready
 * (engine/module.h); CKR_TOKEN_NOT_PRESENT: it is gone.
 */
CK_RV token_locate(struct token *t);

/* token_flags_fresh(t): whether the flags were read within the last two seconds. */
bool token_flags_fresh(const struct token *t);

/* token_info(info, t): what identifies t, in PKCS#11's form for URIs. */
void token_info(CK_TOKEN_INFO *info, const struct token *t);

/*
 * token_reconnect(t, err):
 * After its sessions were lost: make sure t is there, in its slot or in
 * another. Returns 0 or HSMIME_ETOKEN.
 */
int token_reconnect(struct token *t, struct error *err);

/* token_forget_process(m): in a forked child: nothing of the parent's sessions and logins holds. */
void token_forget_process(struct module *m);

/* token_close_sessions(m): close the sessions of all of m's tokens, which nobody uses any more. */
void token_close_sessions(struct module *m);

/* token_free_all(m): free m->tokens, without any call; finalising the module ends their sessions. */
void token_free_all(struct module *m);

#endif
