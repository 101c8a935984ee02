#include "key_list.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

const char **key_names(const struct options *o)
{
	const struct option_value *given = option_get(o, OPT_KEY);
	const char **names = calloc((size_t)o->operand_count + given->count + 1, sizeof(*names));
	size_t n = 0;

	for (int i = 0; names != NULL && i < o->operand_count; i++)
		names[n++] = o->operands[i];
	for (size_t i = 0; names != NULL && i < given->count; i++)
		names[n++] = given->items[i];
	return names;
}

/* Two keys may have one URI; where another certificate of a key was named both are shown. */
static bool same(const hsmime_key *a, const hsmime_key *b)
{
	if (strcmp(a->uri, b->uri) != 0 || strcmp(a->type, b->type) != 0 || a->bits != b->bits ||
	    a->has_private_key != b->has_private_key)
		return false;
	if (a->certificate == NULL || b->certificate == NULL)
		return a->certificate == b->certificate;
	return X509_cmp(a->certificate, b->certificate) == 0;
}

/* What one name led to is told apart by the token: only what another name led to is seen again. */
static bool seen(const struct key_list *list, size_t before, const hsmime_key *key)
{
	for (size_t i = 0; i < before; i++)
		if (same(list->rows[i].key, key))
			return true;
	return false;
}

static int add(struct key_list *list, const struct key_part *part, const char *name)
{
	struct key_row *larger =
	    realloc(list->rows, (list->count + part->count + 1) * sizeof(*larger));
	size_t before = list->count;

	if (larger == NULL)
		return HSMIME_ENOMEM;
	list->rows = larger;
	for (size_t i = 0; i < part->count; i++)
		if (!seen(list, before, &part->keys[i]))
			list->rows[list->count++] = (struct key_row){ &part->keys[i], name };
	return 0;
}

int key_list_read(struct key_list *list, hsmime_ctx *ctx, const struct options *o, bool login)
{
	size_t names = 0;
	int status = 0;

	list->names = key_names(o);
	while (list->names != NULL && list->names[names] != NULL)
		names++;
	names = names > 0 ? names : 1; /* that of all */
	list->parts = calloc(names, sizeof(*list->parts));
	if (list->names == NULL || list->parts == NULL)
		return HSMIME_ENOMEM;
	for (; list->part_count < names && status == 0; list->part_count++) {
		struct key_part *part = &list->parts[list->part_count];
		const char *name = list->names[list->part_count];

		status = hsmime_keys(&part->keys, &part->count, ctx, name, login);
		if (status == 0)
			status = add(list, part, name);
	}
	return status;
}

void key_list_free(struct key_list *list)
{
	for (size_t i = 0; i < list->part_count; i++)
		hsmime_keys_free(list->parts[i].keys, list->parts[i].count);
	free(list->parts);
	free(list->rows);
	free((void *)list->names);
	memset(list, 0, sizeof(*list));
}
