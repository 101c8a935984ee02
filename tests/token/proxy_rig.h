/*
 * proxy_rig: the proxy by its own functions: token "Saboteur" with RSA key 01, which does
 * everything, and a session that is logged in. Failures fail the test at once.
 */
#ifndef TESTS_TOKEN_PROXY_RIG_H
#define TESTS_TOKEN_PROXY_RIG_H

#include "softtoken.h"

struct proxy_rig {
	struct softtoken st;
	EVP_PKEY *rsa;
	const struct proxy *proxy;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
};

extern struct proxy_rig proxy_rig;

/* For cmocka: the token once; a login and the proxy as new before each test. */
int proxy_rig_set_up(void **state);
int proxy_rig_tear_down(void **state);
int proxy_rig_begin(void **state);
int proxy_rig_end(void **state);

/* A session of its own; C_Login as user in it. */
void proxy_rig_open_session(void);
CK_RV proxy_rig_log_in(const char *pin);

/* The private key. */
CK_OBJECT_HANDLE proxy_rig_key(void);

/* C_SignInit with CKM_RSA_PKCS, C_Sign, both. */
CK_RV proxy_rig_begin_sign(CK_OBJECT_HANDLE key);
CK_RV proxy_rig_finish_sign(void);
CK_RV proxy_rig_sign(CK_OBJECT_HANDLE key);

#endif
