/* include/hsmime/token.h: tokens and keys. */
#include "api/ctx.h"

#include <hsmime/token.h>

int hsmime_tokens(hsmime_token **list, size_t *count, hsmime_ctx *ctx)
{
	struct engine *engine;
	int status;

	*list = NULL;
	*count = 0;
	ctx_begin(ctx);
	status = ctx_engine(&engine, ctx);
	if (status == 0)
		status = engine_tokens(list, count, engine, &ctx->err);
	return ctx_end(ctx, status);
}

void hsmime_tokens_free(hsmime_token *list, size_t count)
{
	engine_tokens_free(list, count);
}

int hsmime_keys(hsmime_key **list, size_t *count, hsmime_ctx *ctx, const char *uri, int login)
{
	struct engine *engine;
	int status;

	*list = NULL;
	*count = 0;
	ctx_begin(ctx);
	status = ctx_engine(&engine, ctx);
	if (status == 0)
		status = engine_keys(list, count, engine, uri, login != 0, &ctx->err);
	return ctx_end(ctx, status);
}

void hsmime_keys_free(hsmime_key *list, size_t count)
{
	engine_keys_free(list, count);
}
