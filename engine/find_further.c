/* The key that was found on one token is sought on further ones, and where one token is as good as another. */
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/find.h"
#include "engine/pin.h"
#include "engine/pin_memory.h"
#include "engine/public_key.h"
#include "engine/slot.h"
#include "engine/token_pins.h"

enum find_order find_order(const struct token *t)
{
	const unsigned risk =
	    HSMIME_TOKEN_PIN_COUNT_LOW | HSMIME_TOKEN_PIN_FINAL_TRY | HSMIME_TOKEN_PIN_LOCKED;

	if (token_needs_login(t) && (atomic_load(&t->flags) & risk) != 0)
		return FIND_AT_RISK;
	return token_needs_login(t) && !login_known(t) ? FIND_CLOSED : FIND_OPEN;
}

/* What comes or goes meanwhile, or moves to another place, is not waited for. */
int find_tokens(struct token ***out, const struct search *s)
{
	struct token *t = NULL;
	size_t count = 0, n = 0;

	for (t = engine_token_first(s->e, &s->uri); t != NULL;
	     t = engine_token_after(s->e, &s->uri, t))
		count++;
	*out = calloc(count + 1, sizeof(struct token *));
	if (*out == NULL)
		return error_nomem(s->err);
	for (unsigned order = FIND_OPEN; order < FIND_ORDERS; order++)
		for (t = engine_token_first(s->e, &s->uri); n < count && t != NULL;
		     t = engine_token_after(s->e, &s->uri, t))
			if (find_order(t) == order)
				(*out)[n++] = t;
	return 0;
}

bool find_passes_pin(const struct search *s, const struct token *t)
{
	const struct pin_source *pin = s->uri_pin != NULL ? s->uri_pin : token_pins_of(s->e, t);

	return !pin_attended(pin) && pin_memory_usable(s->e->memory);
}

/*
 * Another token may have another PIN. What can't be remembered as wrong would go there each time, and
 * where a try was lost already it may have been to this PIN. A PIN pad asks a person.
 */
static bool pin_may_go(const struct engine *e, const struct token *t)
{
	return !pin_attended(token_pins_of(e, t)) && find_order(t) != FIND_AT_RISK &&
	       (atomic_load(&t->flags) & HSMIME_TOKEN_PIN_PAD) == 0 && pin_memory_usable(e->memory);
}

bool find_further(const struct search *s, const struct token *t)
{
	if (s->count == 0 || s->hits[0].token == t)
		return true;
	/* A URI's pin-source is one key's. */
	return !s->e->one_token && s->uri_pin == NULL &&
	       (!token_needs_login(t) || pin_may_go(s->e, t));
}

/* What tokens show of the keys that a URI names. */
struct shown {
	CK_OBJECT_CLASS object_class; /* of the objects that come */
	EVP_PKEY *key;
	bool several;
};

static EVP_PKEY *public_key(const struct object *o, CK_OBJECT_CLASS object_class)
{
	X509 *cert = object_class == CKO_CERTIFICATE ? object_certificate(o) : NULL;
	EVP_PKEY *key = object_class == CKO_CERTIFICATE ? NULL : public_key_of_object(o);

	if (cert != NULL)
		key = public_key_of_certificate(cert);
	X509_free(cert);
	return key;
}

static int note_shown(void *arg, struct token *t, const struct object *o)
{
	struct shown *shown = arg;
	EVP_PKEY *key = public_key(o, shown->object_class);

	(void)t;
	shown->several |= key == NULL || (shown->key != NULL && EVP_PKEY_eq(key, shown->key) != 1);
	if (shown->key == NULL) {
		shown->key = key;
		key = NULL;
	}
	EVP_PKEY_free(key);
	return shown->several ? SEARCH_STOP : 0;
}

EVP_PKEY *find_one_key(struct search *s, const CK_ATTRIBUTE *template, size_t count)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_CERTIFICATE, CKO_PUBLIC_KEY };
	struct shown shown = { .key = NULL };
	struct token *t = NULL;
	int r = 0;

	for (t = engine_token_first(s->e, &s->uri); t != NULL;
	     t = engine_token_after(s->e, &s->uri, t))
		for (size_t i = 0; i < 2 && r == 0 && !shown.several; i++) {
			shown.object_class = classes[i];
			r = search_public(
			    s, t, false, classes[i], template, count, note_shown, &shown, NULL);
		}
	if (r == 0 && !shown.several)
		return shown.key;
	EVP_PKEY_free(shown.key);
	return NULL;
}
