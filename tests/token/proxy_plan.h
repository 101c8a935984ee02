/*
 * proxy_plan: the functions by name, how often each was called, and what a test
 * planned for its next calls: to refuse, to lie, to be slow, to hang.
 */
#ifndef TESTS_TOKEN_PROXY_PLAN_H
#define TESTS_TOKEN_PROXY_PLAN_H

#include <stdbool.h>
#include <stdio.h>

#include "proxy.h"

/* Every function of the list but C_GetFunctionList, with x as a macro of its name. */
/* clang-format off */
#define PROXY_FUNCTIONS(x) \
	x(Initialize) x(Finalize) x(GetInfo) x(GetSlotList) x(GetSlotInfo) x(GetTokenInfo) \
	x(GetMechanismList) x(GetMechanismInfo) x(InitToken) x(InitPIN) x(SetPIN) \
	x(OpenSession) x(CloseSession) x(CloseAllSessions) x(GetSessionInfo) \
	x(GetOperationState) x(SetOperationState) x(Login) x(Logout) x(CreateObject) \
	x(CopyObject) x(DestroyObject) x(GetObjectSize) x(GetAttributeValue) \
	x(SetAttributeValue) x(FindObjectsInit) x(FindObjects) x(FindObjectsFinal) \
	x(EncryptInit) x(Encrypt) x(EncryptUpdate) x(EncryptFinal) x(DecryptInit) x(Decrypt) \
	x(DecryptUpdate) x(DecryptFinal) x(DigestInit) x(Digest) x(DigestUpdate) x(DigestKey) \
	x(DigestFinal) x(SignInit) x(Sign) x(SignUpdate) x(SignFinal) x(SignRecoverInit) \
	x(SignRecover) x(VerifyInit) x(Verify) x(VerifyUpdate) x(VerifyFinal) \
	x(VerifyRecoverInit) x(VerifyRecover) x(DigestEncryptUpdate) x(DecryptDigestUpdate) \
	x(SignEncryptUpdate) x(DecryptVerifyUpdate) x(GenerateKey) x(GenerateKeyPair) \
	x(WrapKey) x(UnwrapKey) x(DeriveKey) x(SeedRandom) x(GenerateRandom) \
	x(GetFunctionStatus) x(CancelFunction) x(WaitForSlotEvent)
/* clang-format on */

#define PROXY_ENUM(name) F_##name,
enum function { PROXY_FUNCTIONS(PROXY_ENUM) FUNCTIONS };
#undef PROXY_ENUM

/* plan_function(name): the function "C_…"; the process ends where there is none. */
enum function plan_function(const char *name);

/* plan_enter(f): a call of f begins: count it; what it is to give instead of being passed on. */
CK_RV plan_enter(enum function f);

/* plan_pass(f): the same for a call that no plan is for. */
void plan_pass(enum function f);

/* plan_leave(rv): a call ends; returns rv. */
CK_RV plan_leave(CK_RV rv);

/* plan_lie(f, rv, len): *len becomes the length that f is to lie, and true, where it succeeded. */
bool plan_lie(enum function f, CK_RV rv, CK_ULONG *len);

/* plan_write_counts(out): a line "C_… calls" for each function that was called. */
void plan_write_counts(FILE *out);

/* The functions of struct proxy. */
unsigned long plan_count(const char *name);
unsigned long plan_round_trips(void);
unsigned long plan_overlaps(void);
void plan_reset(void);
void plan_refuse(const char *name, CK_RV rv, unsigned long skip, unsigned long times);
void plan_set_lie(const char *name, CK_ULONG len, unsigned long times);
unsigned long plan_lies(void);
void plan_set_hook(const char *name, proxy_hook hook, void *arg);
void plan_delay(const char *name, unsigned long microseconds);
void plan_judge(proxy_judge judge, void *arg);
void plan_hang(const char *name, unsigned long skip);
void plan_release(void);
void plan_await_hanging(unsigned long calls);
void plan_lose_at(const char *name, unsigned long skip);
void plan_bring_back_at(const char *name, unsigned long skip);

#endif
