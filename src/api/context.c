#include "api/ctx.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "api/groups.h"
#include "api/made.h"
#include "engine/pin_cache.h"
#include "engine/provider/provider.h"
#include "engine/watch.h"
#include "engine/zone.h"
#include "util/state_folder.h"

#define CALL_LIMIT 60 /* seconds */

static int close_tokens(void *arg)
{
	struct ctx_shared *s = arg;

	groups_close(s->groups);
	engine_free(s->engine);
	return 0;
}

/* Kept in sight of leak checkers. */
static _Atomic(struct ctx_shared *) left_behind;

static void shared_free(struct ctx_shared *s)
{
	if (s == NULL || atomic_fetch_sub(&s->owners, 1) > 1)
		return;
	/* Finalising may hang too; then it is left to itself. */
	(void)zone_run(close_tokens, s, s->call_limit, NULL);
	if (!watch_watched())
		zone_end();
	secret_free(&s->substitute);
	free(s->module);
	free(s->token);
	free(s->pin_source);
	free(s->state_dir);
	free(s->secret_dir);
	/* Who was given up in one of the gates may come back and leave it; he touches nothing else. */
	if (watch_hanging() > 0) {
		s->left_before = atomic_exchange(&left_behind, s);
		return;
	}
	groups_free(s->groups);
	gate_free(&s->making);
	free(s);
}

static struct ctx_shared *shared_new(void)
{
	struct ctx_shared *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	atomic_init(&s->owners, 1);
	gate_init(&s->making);
	s->call_limit = CALL_LIMIT * 1000;
	s->libctx = provider_context();
	if (s->libctx == NULL) {
		shared_free(s);
		return NULL;
	}
	return s;
}

int hsmime_ctx_new(hsmime_ctx **out)
{
	hsmime_ctx *ctx = calloc(1, sizeof(*ctx));

	*out = NULL;
	if (ctx == NULL)
		return HSMIME_ENOMEM;
	ctx->shared = shared_new();
	if (ctx->shared == NULL) {
		free(ctx);
		return HSMIME_EINTERNAL;
	}
	*out = ctx;
	return 0;
}

int hsmime_ctx_share(hsmime_ctx **copy, hsmime_ctx *ctx)
{
	hsmime_ctx *made = malloc(sizeof(*made));

	*copy = NULL;
	if (made == NULL)
		return HSMIME_ENOMEM;
	*made = *ctx;
	made->made = (hsmime_made){ 0 };
	made->recipient_keys = (struct recipient_keys){ 0 };
	error_clear(&made->err);
	atomic_fetch_add(&ctx->shared->owners, 1);
	*copy = made;
	return 0;
}

void hsmime_ctx_free(hsmime_ctx *ctx)
{
	if (ctx == NULL)
		return;
	shared_free(ctx->shared);
	made_clear(&ctx->made);
	recipient_keys_clear(&ctx->recipient_keys);
	free(ctx);
}

/* Settings that the engine copies when it is opened. */
static int set_string(hsmime_ctx *ctx, char **field, const char *value)
{
	char *copy = NULL;

	error_clear(&ctx->err);
	if (ctx->shared->engine != NULL)
		return error_set(&ctx->err, HSMIME_EUSAGE, "the PKCS#11 module is open already");
	if (value != NULL && (copy = strdup(value)) == NULL)
		return error_nomem(&ctx->err);
	free(*field);
	*field = copy;
	return 0;
}

int hsmime_ctx_set_module(hsmime_ctx *ctx, const char *module)
{
	return set_string(ctx, &ctx->shared->module, module);
}

int hsmime_ctx_set_token(hsmime_ctx *ctx, const char *token)
{
	return set_string(ctx, &ctx->shared->token, token);
}

int hsmime_ctx_set_pin_source(hsmime_ctx *ctx, const char *pin_source)
{
	return set_string(ctx, &ctx->shared->pin_source, pin_source);
}

int hsmime_ctx_set_state_dir(hsmime_ctx *ctx, const char *folder)
{
	return set_string(ctx, &ctx->shared->state_dir, folder);
}

int hsmime_ctx_set_pin_cache(hsmime_ctx *ctx, unsigned seconds)
{
	error_clear(&ctx->err);
	if (ctx->shared->engine != NULL)
		return error_set(&ctx->err, HSMIME_EUSAGE, "the PKCS#11 module is open already");
	ctx->shared->pin_idle = seconds;
	return 0;
}

void hsmime_ctx_set_spool_max(hsmime_ctx *ctx, uint64_t octets)
{
	ctx->spool_max = octets;
}

void hsmime_ctx_set_call_limit(hsmime_ctx *ctx, unsigned seconds)
{
	const unsigned most = UINT_MAX / 1000;

	ctx->shared->call_limit = (seconds < most ? seconds : most) * 1000;
	if (ctx->shared->engine != NULL)
		engine_set_call_limit(ctx->shared->engine, ctx->shared->call_limit);
}

void hsmime_ctx_set_wait(hsmime_ctx *ctx, int on)
{
	atomic_store(&ctx->shared->wait, on != 0);
}

unsigned hsmime_calls_hanging(void)
{
	return watch_hanging();
}

void hsmime_ctx_set_pin_callback(hsmime_ctx *ctx, hsmime_pin_callback callback, void *arg)
{
	ctx->shared->pin_callback = callback;
	ctx->shared->pin_arg = arg;
}

void hsmime_ctx_set_progress(hsmime_ctx *ctx, hsmime_progress_callback callback, void *arg)
{
	ctx->progress = callback;
	ctx->progress_arg = arg;
}

void hsmime_ctx_set_log(hsmime_ctx *ctx, hsmime_log_callback callback, void *arg)
{
	ctx->log = callback;
	ctx->log_arg = arg;
}

const char *hsmime_ctx_error(const hsmime_ctx *ctx)
{
	return ctx->err.message;
}

const char *hsmime_ctx_hint(const hsmime_ctx *ctx)
{
	return ctx->err.hint;
}

struct cms_env ctx_env(hsmime_ctx *ctx)
{
	struct cms_env env = { .libctx = ctx->shared->libctx, .err = &ctx->err };

	return env;
}

struct cms_env ctx_begin(hsmime_ctx *ctx)
{
	error_clear(&ctx->err);
	made_clear(&ctx->made);
	pin_cache_expire();
	ctx->outer = log_to((struct log_target){ ctx->log, ctx->log_arg });
	ERR_set_mark();
	return ctx_env(ctx);
}

int ctx_end(hsmime_ctx *ctx, int status)
{
	static const char *const words[] = {
		[-HSMIME_EINVALID] = "the message does not hold",
		[-HSMIME_EUSAGE] = "these options do not fit together",
		[-HSMIME_EFORMAT] = "the input is malformed",
		[-HSMIME_EUNSUPPORTED] = "the input uses something that hsmime does not do",
		[-HSMIME_ETOKEN] = "the token failed",
		[-HSMIME_EPIN] = "the token wants a PIN",
		[-HSMIME_ENOKEY] = "no key fits",
		[-HSMIME_EIO] = "reading or writing failed",
		[-HSMIME_ENOMEM] = "out of memory",
		[-HSMIME_EPOLICY] = "refused by policy",
		[-HSMIME_EINTERNAL] = "an internal error",
	};

	/* Without an earlier entry there is no mark, and everything goes. */
	ERR_pop_to_mark();
	log_to(ctx->outer);
	if (status != 0 && ctx->err.message[0] == '\0')
		error_set(&ctx->err, status, "%s", words[-status]);
	if (status == HSMIME_ENOKEY && ctx->err.hidden)
		status = ctx->err.code = HSMIME_ETOKEN;
	return status;
}

struct call {
	hsmime_ctx *ctx;
	int (*run)(void *arg);
	void *arg;
};

static int run_call(void *arg)
{
	struct call *c = arg;

	ctx_begin(c->ctx);
	return ctx_end(c->ctx, c->run(c->arg));
}

int ctx_run(hsmime_ctx *ctx, int (*run)(void *arg), void *arg)
{
	struct call c = { ctx, run, arg };
	struct error given_up = { 0 };
	int status = zone_run(run_call, &c, ctx->shared->call_limit, &given_up);

	if (given_up.code != 0)
		ctx->err = given_up;
	return status;
}

void ctx_log(const hsmime_ctx *ctx, int level, const char *fmt, ...)
{
	char message[512];
	va_list args;

	if (ctx->log == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	ctx->log(ctx->log_arg, level, message);
}

static int open_engine(hsmime_ctx *ctx)
{
	struct ctx_shared *s = ctx->shared;
	char state[PATH_MAX];
	bool kept = state_folder(state, sizeof(state), s->state_dir) == 0;
	struct engine_options options = {
		.module = s->module,
		.token_label = s->token,
		.pin_source = s->pin_source,
		.pin_callback = s->pin_callback,
		.pin_arg = s->pin_arg,
		.call_limit = s->call_limit,
		.pin_idle = s->pin_idle,
		.state_dir = kept ? state : NULL,
	};

	int status = engine_new(&s->engine, &options, &ctx->err);

	if (status == 0)
		status = groups_add_pins(s->groups, s->engine, &ctx->err);
	if (status != 0) {
		engine_free(s->engine);
		s->engine = NULL;
	}
	return status;
}

int ctx_engine(struct engine **engine, hsmime_ctx *ctx)
{
	struct ctx_shared *s = ctx->shared;
	bool opened = false;
	int status = 0;

	if (!gate_enter(&s->making))
		return watch_stuck(&ctx->err, NULL);
	if (s->engine == NULL) {
		status = open_engine(ctx);
		opened = status == 0;
	}
	gate_leave(&s->making);
	if (opened)
		engine_announce(s->engine);
	*engine = status == 0 ? s->engine : NULL;
	return status;
}

int ctx_wrap(EVP_PKEY **key, struct token_key **used, hsmime_ctx *ctx, struct engine *e,
    const struct engine_found *found, const char *asked, enum engine_purpose purpose)
{
	int status = groups_join(used, ctx, e, found, asked, purpose, &ctx->err);

	*key = NULL;
	return status == 0 ? provider_wrap_key(key, ctx->shared->libctx, *used, &ctx->err) : status;
}

int ctx_token_error(hsmime_ctx *ctx, int status)
{
	struct error token = { 0 };
	int taken = engine_take_error(&token);

	if (status != HSMIME_ETOKEN || taken == 0)
		return status;
	ctx->err = token;
	return taken;
}

const char *hsmime_version(void)
{
	return HSMIME_VERSION;
}
