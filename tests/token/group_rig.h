/*
 * group_rig: tokens "Alpha" and "Beta" behind the saboteur, with the same RSA key 01 and EC key 02,
 * as one key that both hold. EC 03 is not the same on both; 04 is 01, but only unwraps.
 */
#ifndef TESTS_TOKEN_GROUP_RIG_H
#define TESTS_TOKEN_GROUP_RIG_H

#include <stdbool.h>

#include "engine/engine.h"
#include "engine/token_key.h"
#include "softtoken.h"

struct group_rig {
	const struct proxy *proxy;
	struct engine *e;
	struct token_key *alpha, *beta, *group;
};
extern struct group_rig group_rig;

/* For a group of tests, and for each. */
int group_rig_set_up(void **state);
int group_rig_tear_down(void **state);
int group_rig_begin(void **state);
int group_rig_end(void **state);

/*
 * The key with that ID ("%01") becomes the group; a call may take so many milliseconds. The same with
 * another ID on each.
 */
void group_rig_open(const char *id, unsigned call_limit);
void group_rig_open_two(const char *of_alpha, const char *of_beta, unsigned call_limit);

/* Another thread's log is the same from here on. */
void group_rig_listen(void);

/* What is in the log since the test began. */
bool group_rig_logged(const char *what);
void group_rig_was_logged(const char *what);

/* The pause of k's token is over: it is tried out at the next operation. */
void group_rig_is_due(struct token_key *k);

#endif
