/*
 * passed: the tokens that a search has passed over, each once, and for what.
 */
#ifndef ENGINE_PASSED_H
#define ENGINE_PASSED_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct token;

struct passed_token {
	struct token *token;
	bool pin;         /* it failed for its PIN, first or later */
	struct error why; /* the first failure */
};

/* In the order in which they failed; zero before use, free with passed_free. */
struct passed {
	struct passed_token *list;
	size_t count;
};

/* passed_note(p, t, why): 0 or HSMIME_ENOMEM. */
int passed_note(struct passed *p, struct token *t, const struct error *why);

/* passed_find(p, t): t as one of them, or NULL. */
const struct passed_token *passed_find(const struct passed *p, const struct token *t);

/* passed_pin(p): one of them failed for its PIN. */
bool passed_pin(const struct passed *p);

void passed_free(struct passed *p);

#endif
