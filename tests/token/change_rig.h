/*
 * change_rig: a person who is asked for every kind of PIN of the token Alpha (pin_rig.h), for tests
 * of what changes its PIN. Its PIN is what the rig thinks again after each test.
 */
#ifndef TESTS_TOKEN_CHANGE_RIG_H
#define TESTS_TOKEN_CHANGE_RIG_H

#include <stdbool.h>

#include "engine/pin_change.h"
#include "pin_rig.h"

#define SO_PIN "so-pin" /* softtoken.c's */

/* One answer for each kind, NULL: gives up; and what was asked in turn. */
struct change_person {
	const char *user, *so, *puk, *fresh, *again;
	char asked[200];
};

extern struct change_person person;
extern const struct pin_job change_plain; /* everything from the person */

/* An engine for Alpha with that PIN source, and the person or nobody. pin_rig.err is empty. */
void change_engine(const char *source, bool with_person);

/* For cmocka: before and after each test. */
int change_rig_begin(void **state);
int change_rig_end(void **state);

/* r is status, pin_rig.err has that in its message, and a hint. */
void change_fails(int r, int status, const char *message);

/* The hsmime_pin_callback, for an engine of the test's own. */
ptrdiff_t change_ask(void *arg, const hsmime_pin_request *r, char *out, size_t size);

#endif
