#include "key_groups.h"

#include <stdlib.h>
#include <string.h>

#define COMMAND_LINE "--key" /* the group's name */
#define PREFIX "group:"      /* of a name that is a group's */
#define BLANKS " \t"

size_t key_groups_split(const char *pieces[KEY_GROUPS_KEYS_MAX], char *text)
{
	size_t count = 0;

	for (text += strspn(text, BLANKS); *text != '\0' && count < KEY_GROUPS_KEYS_MAX;
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
	const char *uris[KEY_GROUPS_KEYS_MAX];
	int status = HSMIME_ENOMEM;

	if (text != NULL)
		status = hsmime_ctx_add_group(ctx, g->name, uris, key_groups_split(uris, text));
	free(text);
	return status;
}

const char *key_groups_name(const char *key)
{
	return strncmp(key, PREFIX, strlen(PREFIX)) == 0 ? key + strlen(PREFIX) : NULL;
}

const char *key_groups_keys(const struct options *o, const char *key)
{
	const char *name = key_groups_name(key);

	for (const struct option_group *g = o->groups; name != NULL && g != NULL; g = g->next)
		if (strcmp(g->name, name) == 0)
			return g->keys;
	return NULL;
}

/* --key, or what it is called where there may be many. */
static const struct option_value *named(const struct options *o)
{
	const struct option_value *key = option_get(o, OPT_KEY);

	return key->count > 0 ? key : option_get(o, OPT_KEYS);
}

int key_groups_add(hsmime_ctx *ctx, const struct options *o)
{
	const struct option_value *key = named(o);
	int status = 0;

	for (const struct option_group *g = o->groups; g != NULL && status == 0; g = g->next)
		status = add(ctx, g);
	/* Other commands look at each of them. */
	if (status == 0 && key->count > 1 &&
	    (o->command & (CMD_SIGN | CMD_DECRYPT | CMD_ARCHIVE)) != 0)
		status = hsmime_ctx_add_group(
		    ctx, COMMAND_LINE, (const char *const *)key->items, key->count);
	return status;
}

const char *key_groups_key(const struct options *o)
{
	const struct option_value *key = named(o);

	if (key->count > 1)
		return PREFIX COMMAND_LINE;
	return key->count > 0 ? key->items[0] : NULL;
}
