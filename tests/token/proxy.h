/*
 * proxy: a PKCS#11 module that passes every call on to another one ($PROXY_INNER,
 * else SoftHSM), counts it by name, and does what a test tells it by the
 * functions below, which a test reaches by proxy_open.
 */
#ifndef TESTS_TOKEN_PROXY_H
#define TESTS_TOKEN_PROXY_H

#include <p11-kit/pkcs11.h>

struct proxy {
	/* Calls of the function with that name ("C_Sign") since the last reset. */
	unsigned long (*count)(const char *name);
	/* Calls that a token behind a network would have to answer. */
	unsigned long (*round_trips)(void);
	/* Counts, limit and failures back to none. */
	void (*reset)(void);
	/* C_OpenSession gives CKR_SESSION_COUNT beyond that many; 0: no limit. */
	void (*limit_sessions)(unsigned long sessions);
	/* After skip more calls of name, the next times calls give rv and are not passed on. */
	void (*refuse)(const char *name, CK_RV rv, unsigned long skip, unsigned long times);
	/* C_GetTokenInfo: these flags are set beside the token's own. */
	void (*set_flags)(CK_FLAGS flags);
	/* C_Initialize gives CKR_CANT_LOCK where locking is asked for; overlap counts calls side by side. */
	void (*cant_lock)(int on);
	unsigned long (*overlaps)(void);
};

/* The symbol of the module that gives the struct. */
#define PROXY_SYMBOL "proxy_control"
typedef const struct proxy *(*proxy_control_function)(void);

#endif
