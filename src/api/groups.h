/*
 * groups: keys that several tokens hold, as hsmime_ctx_add_group named them.
 */
#ifndef API_GROUPS_H
#define API_GROUPS_H

#include "api/ctx.h"

/*
 * groups_close(first): the keys of the whole list, by token calls. groups_free(first): then the list,
 * with its gates. NULL is allowed.
 */
void groups_close(struct key_group *first);
void groups_free(struct key_group *first);

/* groups_add_pins(first, e, err): engine_add_pin_source of all URIs of the list. */
int groups_add_pins(const struct key_group *first, struct engine *e, struct error *err);

/*
 * groups_check(first, e, visit, arg): visit each member of each group, with what is wrong with its
 * URI, or NULL. Of the URI, which may hold a PIN, that many octets may be told.
 */
typedef void groups_visit(
    void *arg, const char *group, const char *uri, int shown, const struct error *wrong);
void groups_check(const struct key_group *first, struct engine *e, groups_visit *visit, void *arg);

/*
 * groups_find_key(found, ctx, e, key, purpose, err):
 * As engine_find_key; "group:NAME" is the first of that group's keys that is there. A group that
 * nobody added: HSMIME_EUSAGE.
 */
int groups_find_key(struct engine_found *found, hsmime_ctx *ctx, struct engine *e, const char *key,
    enum engine_purpose purpose, struct error *err);

/*
 * groups_tokens(uris, ctx, e, key):
 * How many URIs the group that key names has, where each of them names a token and no key, so that which key it is
 * depends on the message; 0 otherwise. uris has room for GROUP_MAX; they are the group's.
 */
size_t groups_tokens(const char **uris, hsmime_ctx *ctx, struct engine *e, const char *key);

/*
 * groups_join(out, ctx, e, found, key, purpose, err):
 * The key of the group that key names ("group:NAME") or else found's key belongs to, on all of its
 * tokens that are there (which may log in to them); the log is told of the others. In no group: *out is
 * found's key alone. key, what was asked for, may be NULL. The caller frees *out. HSMIME_EUSAGE where the
 * group's keys are not the same key, HSMIME_ENOMEM. Of a group of tokens (groups_tokens) it is found's key
 * with found->others.
 */
int groups_join(struct token_key **out, hsmime_ctx *ctx, struct engine *e,
    const struct engine_found *found, const char *key, enum engine_purpose purpose,
    struct error *err);

#endif
