/*
 * key_groups: keys that several tokens hold: the [group NAME] sections of the configuration, and
 * what several --key are.
 */
#ifndef CLI_KEY_GROUPS_H
#define CLI_KEY_GROUPS_H

#include <hsmime/context.h>

#include "options.h"

#define KEY_GROUPS_KEYS_MAX 33 /* one more than the library takes */

/* key_groups_add(ctx, o): tell ctx of all of them. Returns hsmime_ctx_add_group's status. */
int key_groups_add(hsmime_ctx *ctx, const struct options *o);

/* key_groups_key(o): the name of the key that --key and the configuration name; NULL: none. */
const char *key_groups_key(const struct options *o);

/* key_groups_name(key): NAME of "group:NAME"; NULL: it is the name of a key. */
const char *key_groups_name(const char *key);

/* key_groups_keys(o, key): the URIs, with blanks between, of the group that key names; NULL: it names none. */
const char *key_groups_keys(const struct options *o, const char *key);

/* key_groups_split(pieces, text): cuts text at its blanks; the pieces are in it. Returns their number. */
size_t key_groups_split(const char *pieces[KEY_GROUPS_KEYS_MAX], char *text);

#endif
