/*
 * proxy_plan: what a test told the proxy to do, and what the proxy counted.
 */
#ifndef TESTS_TOKEN_PROXY_PLAN_H
#define TESTS_TOKEN_PROXY_PLAN_H

#include <stdbool.h>

#include "proxy.h"

/* The functions that are counted; all others go straight to the inner module. */
enum function {
	F_INITIALIZE,
	F_FINALIZE,
	F_GETINFO,
	F_GETSLOTLIST,
	F_GETSLOTINFO,
	F_GETTOKENINFO,
	F_GETMECHANISMLIST,
	F_GETMECHANISMINFO,
	F_OPENSESSION,
	F_CLOSESESSION,
	F_CLOSEALLSESSIONS,
	F_GETSESSIONINFO,
	F_LOGIN,
	F_LOGOUT,
	F_COPYOBJECT,
	F_DESTROYOBJECT,
	F_GETATTRIBUTEVALUE,
	F_FINDOBJECTSINIT,
	F_FINDOBJECTS,
	F_FINDOBJECTSFINAL,
	F_DECRYPTINIT,
	F_DECRYPT,
	F_SIGNINIT,
	F_SIGN,
	F_DERIVEKEY,
	F_UNWRAPKEY,
	FUNCTIONS
};

/* plan_enter(f): a call of f begins: count it; what it is to give instead of being passed on. */
CK_RV plan_enter(enum function f);

/* plan_leave(rv): a call ends; returns rv. */
CK_RV plan_leave(CK_RV rv);

/* plan_length(f, rv, len): *len becomes the length that f is to lie, where it succeeded. */
void plan_length(enum function f, CK_RV rv, CK_ULONG *len);

/* plan_lie(f, rv, len): the same, true where a lie is told. */
bool plan_lie(enum function f, CK_RV rv, CK_ULONG *len);

/* plan_slots(rv, count): *count becomes 0 where the slots are to be hidden. */
void plan_slots(CK_RV rv, CK_ULONG *count);

/* plan_session(): whether one more session is granted. plan_sessions_gone(n): n are closed; 0: all. */
CK_RV plan_session(void);
void plan_sessions_gone(long n);

/* plan_token(info): what C_GetTokenInfo is to say beside the truth. */
void plan_token(CK_TOKEN_INFO *info);

/* plan_cant_lock(args): whether C_Initialize is to refuse. */
bool plan_cant_lock(const CK_C_INITIALIZE_ARGS *args);

/* plan_decrypt(len): C_Decrypt got that many octets; whether the operation ends though it is refused. */
bool plan_decrypt(CK_ULONG len);

/* plan_pin(pin): C_Login got its PIN there. */
void plan_pin(const unsigned char *pin);

#endif
