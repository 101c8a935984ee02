/*
 * pin_rig: two tokens, a person who is asked for the PIN, and what was said meanwhile.
 * Tokens "Alpha" and "Beta" have EC key 01; Alpha's EC key 02 always authenticates. Their
 * PIN is long, so that what a freed block of the secure heap is written over with
 * leaves some of it. Failures fail the test at once.
 */
#ifndef TESTS_TOKEN_PIN_RIG_H
#define TESTS_TOKEN_PIN_RIG_H

#include <stdbool.h>

#include "engine/engine.h"
#include "softtoken.h"

#define PIN_RIG_KEY "pkcs11:token=Alpha;id=%01"

extern const char pin_rig_right[], pin_rig_wrong[];

struct pin_rig {
	struct softtoken st;
	const struct proxy *proxy;
	struct engine *e;
	struct error err;
	char logged[4096];
	int warnings;          /* of what was logged */
	char file[300];        /* for a PIN */
	const char *state_dir; /* of the next engine; NULL: none */
	char asked_for[200];   /* the last time: token, purpose and key */
	unsigned idle;         /* seconds that the next engine keeps a person's PIN */
	struct {
		const char *answer; /* NULL: gives up */
		int asked;
		hsmime_pin_request request;
		void (*meanwhile)(void);
	} person;
};

extern struct pin_rig pin_rig;

/* For cmocka: the tokens once; before and after each test. */
int pin_rig_set_up(void **state);
int pin_rig_tear_down(void **state);
int pin_rig_begin(void **state);
int pin_rig_end(void **state);

/* An engine with that PIN source, and the person or nobody; the one before is closed. */
void pin_rig_open(const char *source, bool with_person);

/* Look for the private key that uri names; the status. */
int pin_rig_find(const char *uri);

/* Looking for it gives HSMIME_EPIN with that message and no PIN in it, after so many C_Login in all. */
void pin_rig_refused(const char *uri, const char *message, unsigned long logins);

/* Where C_Login got the PIN it is no more. */
void pin_rig_wiped(const char *given);

#endif
