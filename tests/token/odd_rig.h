/*
 * odd_rig: tokens for the oddities of modules, and an engine. Token "Odd": RSA 01 (signs,
 * decrypts, unwraps), EC 02 (signs, agrees). Two tokens "Twin": EC 01 each (signs).
 */
#ifndef TESTS_TOKEN_ODD_RIG_H
#define TESTS_TOKEN_ODD_RIG_H

#include "operate.h"
#include "softtoken.h"

#define ODD_RIG_RSA "pkcs11:token=Odd;id=%01"
#define ODD_RIG_EC "pkcs11:token=Odd;id=%02"

struct odd_rig {
	struct softtoken st;
	const struct proxy *proxy;
	struct engine *e;
	struct token_key *rsa;
	struct token_key *ec;     /* to sign */
	struct token_key *agrees; /* the same, to agree */
	struct error err;
};

extern struct odd_rig odd_rig;

/* For cmocka: the tokens once; before each test an engine whose keys were used, and the proxy as new. */
int odd_rig_set_up(void **state);
int odd_rig_tear_down(void **state);
int odd_rig_begin(void **state);
int odd_rig_end(void **state);

/* One more key pair on "Odd", Ed25519. */
void odd_rig_edwards(unsigned char id);

/* The key agrees with a peer of the moment, rightly. A status; err is set. */
int odd_rig_agree(void);

#endif
