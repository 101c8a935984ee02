#include "key_groups.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND_LINE "--key" /* the group's name */
#define KEYS_MAX 33          /* one more than the library takes */
#define BLANKS " \t"

/* Cuts text at its blanks; the pieces are in it. */
static size_t split(const char *pieces[KEYS_MAX], char *text)
{
	size_t count = 0;

	for (text += strspn(text, BLANKS); *text != '\0' && count < KEYS_MAX;
	     text += strspn(text, BLANKS)) {
		pieces[count++] = text;
		text += strcspn(text, BLANKS);
		if (*text != '\0')
			*text++ = '\0';
	}
	return count;
}

static int add(hsmime_ctx *ctx, const struct option_group *g)
{
	char *text = strdup(g->keys);
	const char *uris[KEYS_MAX];
	int status = HSMIME_ENOMEM;

	if (text != NULL)
		status = hsmime_ctx_add_group(ctx, g->name, uris, split(uris, text));
	free(text);
	return status;
}

int key_groups_add(hsmime_ctx *ctx, const struct options *o)
{
	const struct option_value *key = option_get(o, OPT_KEY);
	int status = 0;

	for (const struct option_group *g = o->groups; g != NULL && status == 0; g = g->next)
		status = add(ctx, g);
	/* Other commands look at each of them. */
	if (status == 0 && key->count > 1 && (o->command & (CMD_SIGN | CMD_DECRYPT)) != 0)
		status = hsmime_ctx_add_group(
		    ctx, COMMAND_LINE, (const char *const *)key->items, key->count);
	return status;
}

const char *key_groups_key(const struct options *o)
{
	return option_get(o, OPT_KEY)->count > 1 ? "group:" COMMAND_LINE : option_text(o, OPT_KEY);
}
