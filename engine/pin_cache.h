/*
 * pin_cache: PINs that a person gave and a token took, in secure memory, for another login of this
 * process after the token's sessions were lost; the provider's for the operations of keys that ask each
 * time (engine_options.pin_for_uses). Off unless a program asks for it.
 *
 * There is no timer: what was not used for the idle time is wiped by the next call into any
 * engine, whichever it is. In a forked child all is wiped before anything else runs.
 */
#ifndef ENGINE_PIN_CACHE_H
#define ENGINE_PIN_CACHE_H

#include <stdbool.h>

#include "util/secret.h"

struct token;
struct pin_cache;

/* pin_cache_new(idle): an empty one that keeps PINs for idle seconds; NULL: no memory. pin_cache_free(c): wipes it; NULL is allowed. */
struct pin_cache *pin_cache_new(unsigned idle);
void pin_cache_free(struct pin_cache *c);

/* pin_cache_get(pin, c, t): a copy of t's PIN in *pin, whose time begins anew; false: there is none. */
bool pin_cache_get(struct secret *pin, struct pin_cache *c, const struct token *t);

/* pin_cache_put(c, t, pin): keep a copy. Without memory for it, or of a NULL c, nothing is kept. */
void pin_cache_put(struct pin_cache *c, const struct token *t, const struct secret *pin);

/* pin_cache_forget(t): no cache of the process holds t's PIN any more. */
void pin_cache_forget(const struct token *t);

/* pin_cache_expire(): wipe what has not been used for its time, in all caches of the process. */
void pin_cache_expire(void);

#endif
