/* include/hsmime/pin.h: a token's PIN. */
#include "api/ctx.h"

#include <hsmime/pin.h>

#include "engine/pin_change.h"

typedef int (*pin_function)(struct engine *e, const struct pin_job *job, struct error *err);

struct call {
	hsmime_ctx *ctx;
	struct pin_job job;
	pin_function function;
};

static int run_call(void *arg)
{
	struct call *c = arg;
	struct engine *engine;
	int status = ctx_engine(&engine, c->ctx);

	return status != 0 ? status : c->function(engine, &c->job, &c->ctx->err);
}

static int run(hsmime_ctx *ctx, const hsmime_pin_options *options, pin_function function)
{
	struct call c = { ctx,
		{ options->token, options->new_pin_source, options->so_pin_source, options->label,
		    options->erase != 0, options->puk != 0, options->confirm,
		    options->confirm_arg },
		function };

	return ctx_run(ctx, run_call, &c);
}

int hsmime_pin_change(hsmime_ctx *ctx, const hsmime_pin_options *options)
{
	return run(ctx, options, engine_pin_change);
}

int hsmime_pin_unblock(hsmime_ctx *ctx, const hsmime_pin_options *options)
{
	return run(ctx, options, engine_pin_unblock);
}

int hsmime_pin_init(hsmime_ctx *ctx, const hsmime_pin_options *options)
{
	return run(ctx, options, engine_pin_init);
}

int hsmime_pin_forget(hsmime_ctx *ctx, const hsmime_pin_options *options)
{
	return run(ctx, options, engine_pin_forget);
}
