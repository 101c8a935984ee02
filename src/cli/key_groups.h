/*
 * key_groups: keys that several tokens hold: the [group NAME] sections of the configuration, and
 * what several --key are.
 */
#ifndef CLI_KEY_GROUPS_H
#define CLI_KEY_GROUPS_H

#include <hsmime/context.h>

#include "options.h"

/* key_groups_add(ctx, o): tell ctx of all of them. Returns hsmime_ctx_add_group's status. */
int key_groups_add(hsmime_ctx *ctx, const struct options *o);

/* key_groups_key(o): the name of the key that --key and the configuration name; NULL: none. */
const char *key_groups_key(const struct options *o);

#endif
