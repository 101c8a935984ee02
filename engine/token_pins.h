/*
 * token_pins: where the PIN of a token comes from. URIs that name a token and a pin-source say it for
 * that token; of the others the engine's options do.
 */
#ifndef ENGINE_TOKEN_PINS_H
#define ENGINE_TOKEN_PINS_H

struct engine;
struct pin_source;
struct token;
struct token_pins;

/*
 * token_pins_of(e, t): the source of the URI that names t (engine_add_pin_source), else that of e's
 * options. It is e's.
 */
struct pin_source *token_pins_of(const struct engine *e, const struct token *t);

/* token_pins_free(first): NULL is allowed. */
void token_pins_free(struct token_pins *first);

#endif
