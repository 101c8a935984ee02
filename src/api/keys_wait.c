#include "api/keys.h"

bool keys_wait(
    bool *waited, hsmime_ctx *ctx, struct engine *e, const struct engine_found *found, int *status)
{
	struct error failed = { 0 };

	if (*status != HSMIME_ENOKEY || found->tie || !atomic_load(&ctx->shared->wait))
		return false;
	if (!*waited)
		ctx_log(ctx, 0, "%s; waiting for a token", ctx->err.message);
	*waited = true;
	*status = engine_wait(e, &failed);
	if (*status == 0)
		return true;
	ctx->err = failed;
	return false;
}
