/*
 * raw_token: a PKCS#11 module used directly, which is what the benchmarks
 * compare with. A failure ends the program.
 */
#ifndef BENCH_RAW_TOKEN_H
#define BENCH_RAW_TOKEN_H

#include <p11-kit/pkcs11.h>

struct raw_token {
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* logged in */
};

/*
 * raw_token_open(t): the token $BENCH_TOKEN of the module $HSMIME_MODULE, with
 * a session that is logged in with $BENCH_PIN.
 */
void raw_token_open(struct raw_token *t);

/* raw_token_load(t, module), raw_token_login(t): the same in two steps, with that module. */
void raw_token_load(struct raw_token *t, const char *module);
void raw_token_login(struct raw_token *t);

/* raw_token_session(t): one more session, read-only. */
CK_SESSION_HANDLE raw_token_session(const struct raw_token *t);

/* raw_token_find(t, session, cls, id, id_len): the object of that class and CKA_ID. */
CK_OBJECT_HANDLE raw_token_find(const struct raw_token *t, CK_SESSION_HANDLE session,
    CK_OBJECT_CLASS cls, const unsigned char *id, size_t id_len);

/* raw_check(rv, what): ends the program unless rv is CKR_OK. */
void raw_check(CK_RV rv, const char *what);

/* bench_now(): seconds of a clock that never goes back. bench_env(name): it must be set. */
double bench_now(void);
const char *bench_env(const char *name);

/* bench_number(text): a positive decimal number; anything else ends the program. */
unsigned bench_number(const char *text);

#endif
