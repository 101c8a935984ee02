/*
 * substitute: where the secret behind substitute content keys is kept (ctx_substitute in api/ctx.h).
 */
#ifndef API_SUBSTITUTE_H
#define API_SUBSTITUTE_H

#include <stddef.h>

#include "api/ctx.h"

/* substitute_folder(out, size, ctx): the state folder's path in out; -1 where none is known or it is too long. */
int substitute_folder(char *out, size_t size, const hsmime_ctx *ctx);

#endif
