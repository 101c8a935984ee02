#include "engine/pin_token.h"

#include <string.h>

#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "engine/uri.h"
#include "util/buffer.h"

#define LIST_MAX 400 /* octets of the hint */

/* A token that is blank has no label yet. */
static bool fits(const struct engine *e, const struct uri *uri, struct token *t, bool blank)
{
	if (token_usable(t) == blank || !uri_matches_token(uri, t))
		return false;
	return blank || e->token_label == NULL || strcmp(e->token_label, t->label) == 0;
}

int pin_token_none(const struct engine *e, const char *uri, struct error *err)
{
	const char *label = e->token_label;

	if (label != NULL && uri != NULL)
		error_set(err, HSMIME_ETOKEN, "there is no token \"%s\" that %s names", label, uri);
	else if (label != NULL)
		error_set(err, HSMIME_ETOKEN, "there is no token \"%s\"", label);
	else if (uri != NULL)
		error_set(err, HSMIME_ETOKEN, "there is no token that %s names", uri);
	else
		error_set(err, HSMIME_ETOKEN, "there is no token");
	return error_hint(err, "see hsmime tokens");
}

static bool any_blank(const struct engine *e, const struct uri *uri)
{
	for (struct token *t = token_first(e->module); t != NULL; t = token_after(t))
		if (fits(e, uri, t, true))
			return true;
	return false;
}

/* uri as named says it. A blank token is none that a label was meant for. */
static int none(
    const struct engine *e, const struct uri *uri, const char *named, bool blank, struct error *err)
{
	if (!blank && e->token_label == NULL && any_blank(e, uri)) {
		error_set(err, HSMIME_ETOKEN, "no token that is there is initialised");
		return error_hint(err, "initialise it, with its first PIN, by hsmime pin init "
				       "--label LABEL");
	}
	if (!blank)
		return pin_token_none(e, named, err);
	error_set(err, HSMIME_ETOKEN, "there is no token that is not initialised yet");
	return error_hint(err, "insert it, or see hsmime tokens");
}

static int several(struct buffer *names, bool blank, struct error *err)
{
	const char *list = buffer_string(names);

	error_set(err, HSMIME_EUSAGE, "more than one token fits");
	if (blank)
		return error_hint(err, "name one by a URI with slot-id, or take the others out");
	return error_hint(err, "name one with --token, or by pkcs11:serial=…: %s",
	    list != NULL ? list : "see hsmime tokens");
}

static int choose(struct token **out, struct engine *e, const struct uri *uri, const char *named,
    bool blank, struct error *err)
{
	struct buffer names;
	size_t count = 0;
	int r = 0;

	buffer_init(&names, LIST_MAX);
	for (struct token *t = token_first(e->module); t != NULL; t = token_after(t)) {
		if (!fits(e, uri, t, blank))
			continue;
		*out = t;
		buffer_printf(
		    &names, "%s\"%s\" (serial %s)", count++ > 0 ? ", " : "", t->label, t->serial);
	}
	if (count == 0)
		r = none(e, uri, named, blank, err);
	else if (count > 1)
		r = several(&names, blank, err);
	buffer_free(&names);
	return r;
}

int pin_token(struct token **out, struct engine *e, const char *uri, bool blank, struct error *err)
{
	struct uri parsed = { 0 };
	int r = module_ready(e->module, err);

	*out = NULL;
	if (r == 0)
		r = uri_parse(&parsed, uri, e->module, err);
	if (r == 0)
		engine_tell_ignored(e, uri);
	if (r == 0)
		r = choose(out, e, &parsed, uri, blank, err);
	if (r < 0)
		*out = NULL;
	uri_free(&parsed);
	return r;
}
