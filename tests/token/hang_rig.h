/*
 * hang_rig: tokens "Alpha" and "Beta" behind the saboteur, each with EC key 01, for calls that do
 * not return. A test that waits for itself is ended by an alarm.
 */
#ifndef TESTS_TOKEN_HANG_RIG_H
#define TESTS_TOKEN_HANG_RIG_H

#include <pthread.h>

#include "engine/engine_internal.h"
#include "engine/token_key.h"
#include "operate.h"
#include "softtoken.h"

#define HANG_LIMIT 300 /* milliseconds that a call may take here */
#define HANG_ALPHA "pkcs11:token=Alpha;id=%01"
#define HANG_BETA "pkcs11:token=Beta;id=%01"

struct hang_rig {
	const struct proxy *proxy;
	struct engine *e;
	struct token_key *alpha, *beta;
	struct error err;
};
extern struct hang_rig hang_rig;

/* For a group of tests, and for each. */
int hang_rig_set_up(void **state);
int hang_rig_tear_down(void **state);
int hang_rig_begin(void **state);
int hang_rig_end(void **state);

/* An engine of that module, whose calls may take so many milliseconds. */
struct engine *hang_rig_engine(const char *module, unsigned call_limit);

/* The rig's engine and both keys. They are closed at the test's end, or before it by the second. */
void hang_rig_open(void);
void hang_rig_close(void);

/* HSMIME_ETOKEN, and those words, with a hint. */
void hang_rig_says(const struct error *said, const char *what);

/* Let what hangs by the saboteur's `hang` return, and wait until its threads are done with it. */
void hang_rig_release(void);

/* A signature in a thread of its own, from start to join: its status, and its error in err. */
struct hang_signing {
	pthread_t thread;
	struct token_key *key;
	struct error err;
	int status;
};
void hang_rig_start(struct hang_signing *s, struct token_key *key);
int hang_rig_join(struct hang_signing *s);

#endif
