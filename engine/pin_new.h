/*
 * pin_new: a PIN that a token does not know yet: asked for twice, within the token's limits.
 */
#ifndef ENGINE_PIN_NEW_H
#define ENGINE_PIN_NEW_H

#include <hsmime/context.h>

#include "util/error.h"
#include "util/secret.h"

struct token;
struct pin_source;

/* The PIN by which the new one is set. pin NULL, or empty: a PIN pad has it. */
struct pin_present {
	const struct secret *pin;
	enum hsmime_pin_kind kind;
};

/*
 * pin_new(out, source, t, kind, present, err):
 * A new PIN for t in *out (free with secret_free; empty after an error, and where t has a PIN pad:
 * a person is told then). A person gives it twice. Returns 0, HSMIME_EPIN (none, too short or long,
 * two that differ, or present's once more; present may be NULL) or HSMIME_ENOMEM.
 */
int pin_new(struct secret *out, struct pin_source *source, struct token *t,
    enum hsmime_pin_kind kind, const struct pin_present *present, struct error *err);

#endif
