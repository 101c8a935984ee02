/*
 * keys_tokens: the key for a message on several tokens that are named, and not the key itself.
 */
#ifndef API_KEYS_TOKENS_H
#define API_KEYS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

/*
 * Looks for the key on the token that uri names, as engine_find_recipient does. With guess also by what tells less than
 * a certificate does: it is the token's only key, or the message's only recipient of its kind.
 */
typedef int (*keys_token_find)(struct engine_found *found, size_t *index, const char *uri,
    bool guess, void *arg, struct error *err);

/*
 * keys_on_tokens(found, index, uris, count, find, arg, err):
 * The first that is found without a guess, else by one, with the same key on the further tokens among found->others. The
 * log is told of a token that is not there or can't be used. HSMIME_ENOKEY where none has a key for the message;
 * what else is wrong with one of them where that is all there is to say; HSMIME_ENOMEM.
 */
int keys_on_tokens(struct engine_found *found, size_t *index, const char *const *uris, size_t count,
    keys_token_find find, void *arg, struct error *err);

#endif
