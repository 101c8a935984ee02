#include "api/keys.h"

#include <stdio.h>
#include <string.h>

static void tell(struct keys_told *told, hsmime_ctx *ctx, bool token)
{
	const char *message = ctx->err.message;

	if (told->times == 0) {
		ctx_log(ctx, 0, "%s; waiting for a token", message);
		told->token = token;
		snprintf(told->message, sizeof(told->message), "%s", message);
		told->times++;
	} else if (told->times == 1 && token &&
		   (!told->token || strcmp(told->message, message) != 0)) {
		ctx_log(ctx, 0, "a token is there now, but %s; waiting on", message);
		told->times++;
	}
}

bool keys_wait(struct keys_told *told, hsmime_ctx *ctx, struct engine *e,
    const struct engine_found *found, int *status)
{
	struct error failed = { 0 };

	if (*status != HSMIME_ENOKEY || found->tie || !atomic_load(&ctx->shared->wait))
		return false;
	tell(told, ctx, engine_has_token(e));
	*status = engine_wait(e, &failed);
	if (*status == 0)
		return true;
	ctx->err = failed;
	return false;
}

void keys_hidden(struct error *err, struct engine *e, const struct engine_found *found,
    const char *key, int status)
{
	struct error before = *err, stuck = { 0 };

	if (status != HSMIME_ENOKEY || found->tie || !engine_hidden(e, key, &stuck))
		return;
	error_set(err, before.code, "%s; without it %s", stuck.message, before.message);
	error_hint(err, "%s", stuck.hint);
	err->hidden = true;
}
