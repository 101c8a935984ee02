#include "engine/token_pins.h"

#include <stdlib.h>

#include "engine/engine_internal.h"
#include "engine/pin.h"
#include "engine/uri.h"

/* A URI, and the source that it names. */
struct token_pins {
	struct uri uri;
	struct pin_source *pin;
	struct token_pins *next;
};

static void one_free(struct token_pins *one)
{
	pin_source_free(one->pin);
	uri_free(&one->uri);
	free(one);
}

void token_pins_free(struct token_pins *first)
{
	while (first != NULL) {
		struct token_pins *next = first->next;

		one_free(first);
		first = next;
	}
}

struct pin_source *token_pins_of(const struct engine *e, const struct token *t)
{
	for (const struct token_pins *one = e->token_pins; one != NULL; one = one->next)
		if (uri_matches_token(&one->uri, t))
			return one->pin;
	return e->pin;
}

/* Which module it is does not matter for that, and is not asked. */
static int read_uri(struct token_pins *one, const char *uri, const struct engine *e)
{
	struct error why = { 0 };
	int r = uri_parse(&one->uri, uri, NULL, &why);

	if (r == 0 && one->uri.pin_source != NULL && uri_names_token(&one->uri))
		r = pin_source_from_uri(&one->pin, one->uri.pin_source, e->pin, &why);
	return r;
}

int engine_check_uri(struct engine *e, const char *uri, struct error *err)
{
	struct uri u = { 0 };
	struct pin_source *pin = NULL;
	int r = uri_parse(&u, uri, NULL, err);

	if (r == 0 && u.pin_source != NULL)
		r = pin_source_from_uri(&pin, u.pin_source, e->pin, err);
	pin_source_free(pin);
	uri_free(&u);
	return r;
}

int engine_add_pin_source(struct engine *e, const char *uri, struct error *err)
{
	struct token_pins *one = calloc(1, sizeof(*one)), **last = &e->token_pins;

	if (one == NULL)
		return error_nomem(err);
	engine_tell_ignored(e, uri);
	if (read_uri(one, uri, e) == HSMIME_ENOMEM) {
		one_free(one);
		return error_nomem(err);
	}
	if (one->pin == NULL) {
		one_free(one);
		return 0;
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = one;
	return 0;
}
