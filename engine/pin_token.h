/*
 * pin_token: the one token whose PIN is meant.
 */
#ifndef ENGINE_PIN_TOKEN_H
#define ENGINE_PIN_TOKEN_H

#include <stdbool.h>

#include "util/error.h"

struct engine;
struct token;

/*
 * pin_token(out, e, uri, blank, err):
 * The token that uri (may be NULL) and the engine's label allow, among those that are initialised
 * or, with blank, those that are not. Returns 0, HSMIME_ETOKEN (there is none), HSMIME_EUSAGE
 * (several; the hint lists them, or a malformed URI), HSMIME_EPOLICY or HSMIME_ENOMEM.
 */
int pin_token(struct token **out, struct engine *e, const char *uri, bool blank, struct error *err);

/* pin_token_none(e, uri, err): HSMIME_ETOKEN: there is no token that uri and the engine's label allow. */
int pin_token_none(const struct engine *e, const char *uri, struct error *err);

#endif
