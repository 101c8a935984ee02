/*
 * group: one key that several tokens hold. Operations are spread over the tokens by their free
 * sessions; where those are equally free, in turn. One that fails is set aside (engine/health.h), tried out with data of our own
 * (engine/probe.h) when its time is over, and taken again; the operation is done on another one
 * meanwhile. One whose key asks a person each time (key_asks) is not tried out: set aside it comes
 * last, until it signs well where the others fail. A call that hangs is given up alone (engine/zone.h).
 */
#ifndef ENGINE_GROUP_H
#define ENGINE_GROUP_H

#include <stddef.h>

#include "engine/probe.h"
#include "util/error.h"

struct token_key;
struct group;

#define GROUP_MAX 32 /* tokens */

/*
 * group_new(out, keys, count, turn, err): of so many keys, of which it takes references; turn (modulo
 * count) is the one that comes first of those that are equally free. HSMIME_EUSAGE where they are not the
 * same key, or too many; HSMIME_ENOMEM. group_free(g): NULL is allowed.
 */
int group_new(struct group **out, struct token_key *const *keys, size_t count, unsigned turn,
    struct error *err);
void group_free(struct group *g);

/*
 * group_run(g, kind, key, run, arg, err):
 * run(arg), with *key, a place in arg, set to one of the keys; to one that only unwraps where no
 * other is well. Where that fails for the token's sake (HSMIME_ETOKEN, HSMIME_EPIN, HSMIME_ENOKEY),
 * or a call in it is given up, the token is set aside and the others are tried, but for those whose
 * PIN failed before; where it can't do it (err->incapable) they are tried too. What run returned
 * last, but rather a failure than that a token can't do it.
 */
int group_run(struct group *g, enum probe kind, struct token_key **key, int (*run)(void *arg),
    void *arg, struct error *err);

/*
 * group_try(g, kind, err): every token that is not set aside is tried out, and set aside where it fails. 0, or
 * the first failure. One whose key asks a person each time is passed over.
 */
int group_try(struct group *g, enum probe kind, struct error *err);

/* group_last(g): the key that the last operation was tried with; before the first one any. */
struct token_key *group_last(const struct group *g);

#endif
