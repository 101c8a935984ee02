/*
 * engine_internal: the inside of an engine, for the files of this layer.
 */
#ifndef ENGINE_ENGINE_INTERNAL_H
#define ENGINE_ENGINE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

#define ENGINE_TOLD 32

struct module;
struct token;
struct token_pins;
struct pin_cache;
struct pin_memory;
struct pin_source;
struct uri;

struct engine {
	atomic_uint references;
	struct module *module;
	struct pin_source *pin;
	struct token_pins *token_pins; /* engine/token_pins.h; only added to */
	struct pin_memory *memory;     /* NULL: nothing is remembered */
	struct pin_cache *cache;       /* NULL: nothing is kept */
	char *token_label;             /* NULL: any */
	bool one_token;                /* engine_options.one_token */
	atomic_uint call_limit;        /* milliseconds */
	_Atomic uint64_t
	    told[ENGINE_TOLD]; /* tags of URIs that engine_tell_ignored told of; 0: free */
};

/*
 * engine_tell_ignored(e, uri): a warning, once for each uri, where it has an attribute that is not known
 * and therefore ignored. NULL, and what is no URI, is allowed.
 */
void engine_tell_ignored(struct engine *e, const char *uri);

/* engine_run(e, run, arg, err): run(arg) within e's limit for calls (engine/zone.h), and what that returns. */
int engine_run(struct engine *e, int (*run)(void *arg), void *arg, struct error *err);

/*
 * engine_token_first(e, uri), engine_token_after(e, uri, t): the initialised tokens that
 * the engine's options and uri (which may be NULL) allow, in turn; NULL at the end.
 */
struct token *engine_token_first(const struct engine *e, const struct uri *uri);
struct token *engine_token_after(const struct engine *e, const struct uri *uri, struct token *t);

#endif
