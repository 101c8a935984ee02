/*
 * token_rig: what most programs that work with a token have in hand, and their fixtures.
 * Token "Rig": RSA 01 (signs, decrypts) with a certificate, EC 02 (signs, agrees).
 */
#ifndef TESTS_TOKEN_TOKEN_RIG_H
#define TESTS_TOKEN_TOKEN_RIG_H

#include "operate.h"
#include "softtoken.h"

#define TOKEN_RIG_RSA "pkcs11:token=Rig;id=%01"
#define TOKEN_RIG_EC "pkcs11:token=Rig;id=%02"

struct token_rig {
	struct softtoken st;
	const struct proxy *proxy;
	struct error err;
	struct engine *e; /* of token_rig_begin_with */
	struct token_key *k;
};

extern struct token_rig token_rig;

/* For cmocka, once: the token. A program with other tokens fills st and proxy itself. */
int token_rig_set_up(void **state);
int token_rig_tear_down(void **state);

/* For cmocka, before each test: the proxy as new, no error. */
int token_rig_begin(void **state);

/*
 * The same with an engine and that key to sign with, which may take two minutes together; for cmocka, behind each
 * such test, token_rig_end.
 */
int token_rig_begin_with(void **state, const char *key);
int token_rig_end(void **state);

/* An engine opens, EC 02 signs, the engine is closed. */
void token_rig_works(void);

#endif
