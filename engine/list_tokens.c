/* The tokens that are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/printed.h"
#include "engine/slot.h"
#include "engine/slot_ask.h"
#include "engine/uri.h"

static void token_clear(hsmime_token *t)
{
	free(t->label);
	free(t->serial);
	free(t->manufacturer);
	free(t->model);
	free(t->uri);
	free(t->slot_description);
}

void engine_tokens_free(hsmime_token *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		token_clear(&list[i]);
	free(list);
}

static char *slot_description(const struct token *t)
{
	char text[PRINTED_SLOT_ROOM];
	CK_SLOT_INFO info;

	/* Without an answer there is nothing to tell. */
	(void)token_slot_info(&info, t);
	printed_slot(text, &info);
	return strdup(text);
}

static int fill_token(hsmime_token *out, struct token *t)
{
	out->label = strdup(t->label);
	out->serial = strdup(t->serial);
	out->manufacturer = strdup(t->manufacturer);
	out->model = strdup(t->model);
	out->slot_description = slot_description(t);
	out->flags = atomic_load(&t->flags);
	if (atomic_load(&t->stuck) > 0)
		out->flags |= HSMIME_TOKEN_STUCK;
	if (uri_format(&out->uri, t, NULL, NULL, CK_UNAVAILABLE_INFORMATION) < 0 ||
	    out->label == NULL || out->serial == NULL || out->manufacturer == NULL ||
	    out->model == NULL || out->slot_description == NULL)
		return HSMIME_ENOMEM;
	return 0;
}

static bool listed(const struct engine *e, const struct token *t)
{
	return e->token_label == NULL || strcmp(e->token_label, t->label) == 0;
}

/* Whatever label is asked for: it may be that one. */
static int fill_stuck(hsmime_token *out, const struct token *t)
{
	unsigned long slot = atomic_load(&t->slot);
	char uri[48], description[48];

	snprintf(uri, sizeof(uri), "pkcs11:slot-id=%lu", slot);
	snprintf(description, sizeof(description), "slot %lu", slot);
	out->label = strdup("");
	out->serial = strdup("");
	out->manufacturer = strdup("");
	out->model = strdup("");
	out->slot_description = strdup(description);
	out->uri = strdup(uri);
	out->flags = HSMIME_TOKEN_STUCK;
	return out->label == NULL || out->serial == NULL || out->manufacturer == NULL ||
		       out->model == NULL || out->slot_description == NULL || out->uri == NULL
		   ? HSMIME_ENOMEM
		   : 0;
}

static size_t count_tokens(struct module *m)
{
	size_t n = 0;

	for (struct token *t = token_first(m); t != NULL; t = token_after(t))
		n++;
	for (struct token *t = slot_stuck(m, NULL); t != NULL; t = slot_stuck(m, t))
		n++;
	return n;
}

/* out has room for max. */
static int fill(hsmime_token *out, size_t *count, size_t max, const struct engine *e)
{
	struct token *t;
	int r = 0;

	for (t = token_first(e->module); r == 0 && t != NULL && *count < max; t = token_after(t))
		if (listed(e, t))
			r = fill_token(&out[(*count)++], t);
	for (t = slot_stuck(e->module, NULL); r == 0 && t != NULL && *count < max;
	     t = slot_stuck(e->module, t))
		r = fill_stuck(&out[(*count)++], t);
	return r;
}

int engine_tokens(hsmime_token **list, size_t *count, struct engine *e, struct error *err)
{
	size_t n;
	int r = module_ready(e->module, err);

	*list = NULL;
	*count = 0;
	if (r == 0)
		r = token_refresh(e->module, err);
	if (r < 0)
		return r;
	n = count_tokens(e->module);
	*list = calloc(n + 1, sizeof(**list));
	if (*list == NULL)
		return error_nomem(err);
	r = fill(*list, count, n, e);
	if (r == 0)
		return 0;
	engine_tokens_free(*list, *count);
	*list = NULL;
	*count = 0;
	return error_nomem(err);
}
