/*
 * proxy: a PKCS#11 module that passes every call on to another one ($PROXY_INNER,
 * else SoftHSM), counts it by name, and does what a test tells it by the
 * functions below, which a test reaches by softtoken_proxy.
 */
#ifndef TESTS_TOKEN_PROXY_H
#define TESTS_TOKEN_PROXY_H

#include <p11-kit/pkcs11.h>

typedef void (*proxy_hook)(void *arg);

struct proxy {
	/* Calls of the function with that name ("C_Sign") since the last reset. */
	unsigned long (*count)(const char *name);
	/* Calls that a token behind a network would have to answer. */
	unsigned long (*round_trips)(void);
	/* Counts, limits, lies, hooks and failures back to none. */
	void (*reset)(void);
	/* C_OpenSession gives CKR_SESSION_COUNT beyond that many; 0: no limit. */
	void (*limit_sessions)(unsigned long sessions);
	/* C_GetTokenInfo gives that many as ulMaxSessionCount; 0: the token's own. */
	void (*report_sessions)(unsigned long sessions);
	/* After skip more calls of name, the next times calls give rv and are not passed on. */
	void (*refuse)(const char *name, CK_RV rv, unsigned long skip, unsigned long times);
	/* The next times calls of name that succeed say that this is the length of what they gave. */
	void (*lie)(const char *name, CK_ULONG len, unsigned long times);
	/* Each call of name calls hook(arg) before it is refused or passed on; NULL: none. */
	void (*hook)(const char *name, proxy_hook hook, void *arg);
	/* C_GetTokenInfo: these flags are set beside the token's own. */
	void (*set_flags)(CK_FLAGS flags);
	/* Where the PIN of the last C_Login was in memory. */
	const unsigned char *(*pin)(void);
	/* C_Initialize gives CKR_CANT_LOCK where locking is asked for; overlaps counts calls side by side. */
	void (*cant_lock)(int on);
	unsigned long (*overlaps)(void);
	/* A C_Decrypt that is refused leaves its operation active, as with tpm2-pkcs11, and does not end it. */
	void (*keep_failed)(int on);
	/* Octets of the longest ciphertext that C_Decrypt was given. */
	unsigned long (*longest)(void);
	/* C_GetSlotList shows no slot at all, as without a reader. */
	void (*hide_slots)(int on);
};

/* The symbol of the module that gives the struct. */
#define PROXY_SYMBOL "proxy_control"
typedef const struct proxy *(*proxy_control_function)(void);

#endif
