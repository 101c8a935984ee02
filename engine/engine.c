#include "engine/engine_internal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/crypto.h"
#include "engine/log.h"
#include "engine/module.h"
#include "engine/pin.h"
#include "engine/pin_cache.h"
#include "engine/pin_memory.h"
#include "engine/slot.h"
#include "engine/token_key.h"
#include "engine/token_pins.h"
#include "engine/uri.h"
#include "engine/zone.h"

static _Thread_local struct error last_error;

/* An empty variable is as good as none; a program that has more rights than its caller has none. */
static const char *setting(const char *given, const char *variable)
{
	const char *value = given != NULL ? given : secure_getenv(variable);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

void engine_set_call_limit(struct engine *e, unsigned milliseconds)
{
	atomic_store(&e->call_limit, milliseconds);
}

static int set_options(struct engine *e, const struct engine_options *o, struct error *err)
{
	const char *source = setting(o->pin_source, "HSMIME_PIN_SOURCE");
	int r = pin_source_new(&e->pin, source, o->pin_callback, o->pin_arg, err);

	if (r < 0)
		return r;
	e->pin->doubtful = o->pin_doubtful;
	e->pin->for_uses = o->pin_for_uses;
	e->one_token = o->one_token;
	if (o->state_dir != NULL && pin_memory_new(&e->memory, o->state_dir, err) < 0)
		return HSMIME_ENOMEM;
	if (o->pin_idle > 0 && (e->cache = pin_cache_new(o->pin_idle)) == NULL)
		return error_nomem(err);
	e->pin->memory = e->memory;
	e->pin->cache = e->cache;
	e->pin->limit = &e->call_limit;
	if (o->token_label != NULL) {
		e->token_label = strdup(o->token_label);
		if (e->token_label == NULL)
			return error_nomem(err);
	}
	engine_set_call_limit(e, o->call_limit);
	if (crypto_context() == NULL)
		return error_openssl(err, HSMIME_EINTERNAL, "starting OpenSSL");
	return 0;
}

int engine_run(struct engine *e, int (*run)(void *arg), void *arg, struct error *err)
{
	return zone_run(run, arg, e->call_limit, err);
}

struct opening {
	struct engine *e;
	const char *path;
	struct error *err;
};

static int open_module(void *arg)
{
	struct opening *o = arg;

	return module_open(&o->e->module, o->path, o->err);
}

int engine_new(struct engine **out, const struct engine_options *options, struct error *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int r;

	*out = NULL;
	if (e == NULL)
		return error_nomem(err);
	atomic_init(&e->references, 1);
	r = set_options(e, options, err);
	if (r == 0) {
		struct opening o = { e, setting(options->module, "HSMIME_MODULE"), err };

		r = engine_run(e, open_module, &o, err);
	}
	if (r < 0)
		engine_free(e);
	else
		*out = e;
	return r;
}

void engine_announce(const struct engine *e)
{
	const char *path = e->module->path;

	log_say(1, "PKCS#11 module: %s",
	    strcmp(path, MODULE_DEFAULT) != 0 ? path : "all that p11-kit knows");
}

struct engine *engine_up_ref(struct engine *e)
{
	atomic_fetch_add(&e->references, 1);
	return e;
}

static int close_module(void *module)
{
	module_close(module);
	return 0;
}

void engine_free(struct engine *e)
{
	if (e == NULL || atomic_fetch_sub(&e->references, 1) != 1)
		return;
	/* Where that hangs the module is left to itself. */
	(void)engine_run(e, close_module, e->module, NULL);
	token_pins_free(e->token_pins);
	pin_source_free(e->pin);
	pin_cache_free(e->cache);
	pin_memory_free(e->memory);
	free(e->token_label);
	free(e);
}

static struct token *allowed(const struct engine *e, const struct uri *uri, struct token *t)
{
	while (t != NULL && (!token_usable(t) ||
				(e->token_label != NULL && strcmp(e->token_label, t->label) != 0) ||
				(uri != NULL && !uri_matches_token(uri, t))))
		t = token_after(t);
	return t;
}

struct token *engine_token_first(const struct engine *e, const struct uri *uri)
{
	return allowed(e, uri, token_first(e->module));
}

struct token *engine_token_after(const struct engine *e, const struct uri *uri, struct token *t)
{
	return allowed(e, uri, token_after(t));
}

bool engine_has_token(const struct engine *e)
{
	return engine_token_first(e, NULL) != NULL;
}

void token_key_set_error(const struct error *err)
{
	last_error = *err;
}

int engine_take_error(struct error *err)
{
	int code = last_error.code;

	if (code == 0)
		return 0;
	if (err != NULL)
		*err = last_error;
	error_clear(&last_error);
	return code;
}
