/* include/hsmime/token.h: tokens and keys. */
#include "api/ctx.h"

#include <hsmime/token.h>

struct token_list {
	hsmime_ctx *ctx;
	hsmime_token **list;
	size_t *count;
};

static int list_tokens(void *arg)
{
	struct token_list *l = arg;
	struct engine *engine;
	int status = ctx_engine(&engine, l->ctx);

	return status != 0 ? status : engine_tokens(l->list, l->count, engine, &l->ctx->err);
}

int hsmime_tokens(hsmime_token **list, size_t *count, hsmime_ctx *ctx)
{
	struct token_list l = { ctx, list, count };

	*list = NULL;
	*count = 0;
	return ctx_run(ctx, list_tokens, &l);
}

void hsmime_tokens_free(hsmime_token *list, size_t count)
{
	engine_tokens_free(list, count);
}

struct key_list {
	hsmime_ctx *ctx;
	hsmime_key **list;
	size_t *count;
	const char *key;
	int login;
};

static int list_keys(void *arg)
{
	struct key_list *l = arg;
	struct engine *engine;
	int status = ctx_engine(&engine, l->ctx);

	if (status != 0)
		return status;
	return engine_keys(l->list, l->count, engine, l->key, l->login != 0, &l->ctx->err);
}

int hsmime_keys(hsmime_key **list, size_t *count, hsmime_ctx *ctx, const char *key, int login)
{
	struct key_list l = { ctx, list, count, key, login };

	*list = NULL;
	*count = 0;
	return ctx_run(ctx, list_keys, &l);
}

void hsmime_keys_free(hsmime_key *list, size_t count)
{
	engine_keys_free(list, count);
}
