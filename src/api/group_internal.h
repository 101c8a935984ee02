/*
 * group_internal: what a group is, for the files that work with it.
 */
#ifndef API_GROUP_INTERNAL_H
#define API_GROUP_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "api/groups.h"
#include "engine/gate.h"
#include "engine/group.h"

/* One place of the key. No lock is held over a call: what is known of it is read as it is. */
struct member {
	char *uri;
	struct gate looking;             /* one thread looks for it; others wait for the outcome */
	_Atomic(struct token_key *) key; /* once it was found; so it stays */
	_Atomic time_t looked;           /* when it was not there; CLOCK_MONOTONIC */
	atomic_bool refused;             /* its PIN failed: nobody is asked for it again */
};

struct key_group {
	char *name;
	struct member members[GROUP_MAX];
	size_t count;
	struct key_group *next;
};

/* group_shown(uri): how much of it, which may hold a PIN, may be told: printf's "%.*s". */
int group_shown(const char *uri);

/*
 * group_error(g, err): what is wrong with the URI of one of g's members says that it is g's, which
 * whoever asked may not have named. Returns err's code.
 */
int group_error(const struct key_group *g, struct error *err);

#endif
