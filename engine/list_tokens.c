/* The tokens that are there. */
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

int engine_tokens(hsmime_token **list, size_t *count, struct engine *e, struct error *err)
{
	struct token *t = NULL;
	size_t n = 0;
	int r = module_ready(e->module, err);

	*list = NULL;
	*count = 0;
	if (r == 0)
		r = token_refresh(e->module, err);
	if (r < 0)
		return r;
	for (t = token_first(e->module); t != NULL; t = token_after(t))
		n++;
	*list = calloc(n + 1, sizeof(**list));
	if (*list == NULL)
		return error_nomem(err);
	for (t = token_first(e->module); r == 0 && t != NULL && *count < n; t = token_after(t))
		if (listed(e, t))
			r = fill_token(&(*list)[(*count)++], t);
	if (r == 0)
		return 0;
	engine_tokens_free(*list, *count);
	*list = NULL;
	*count = 0;
	return error_nomem(err);
}
