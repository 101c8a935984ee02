/*
 * engine_internal: the inside of an engine, for the files of this layer.
 */
#ifndef ENGINE_ENGINE_INTERNAL_H
#define ENGINE_ENGINE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/engine.h"

struct module;
struct token;
struct pin_source;
struct uri;

struct engine {
	atomic_uint references;
	struct module *module;
	struct pin_source *pin;
	char *token_label; /* NULL: any */
	hsmime_log_callback log;
	void *log_arg;
};

/* engine_log(e, level, fmt, ...): to the log callback, where there is one. Never a secret. */
void engine_log(const struct engine *e, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * engine_token_first(e, uri), engine_token_after(e, uri, t): the initialised tokens that
 * the engine's options and uri (which may be NULL) allow, in turn; NULL at the end.
 */
struct token *engine_token_first(const struct engine *e, const struct uri *uri);
struct token *engine_token_after(const struct engine *e, const struct uri *uri, struct token *t);

#endif
