#include "key_list.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "key_groups.h"

/* The i-th that is given, NULL behind the last one. */
static const char *given(const struct options *o, size_t i)
{
	const struct option_value *keys = option_get(o, OPT_KEY);
	size_t operands = (size_t)o->operand_count;

	if (i < operands)
		return o->operands[i];
	return i - operands < keys->count ? keys->items[i - operands] : NULL;
}

/* All of them; what groups are cut into is in text, which has room for it. */
static void fill(const char **names, char *text, const struct options *o)
{
	const char *key;
	size_t n = 0;

	for (size_t i = 0; (key = given(o, i)) != NULL; i++) {
		const char *keys = key_groups_keys(o, key);

		if (keys == NULL) {
			names[n++] = key;
			continue;
		}
		memcpy(text, keys, strlen(keys) + 1);
		n += key_groups_split(&names[n], text);
		text += strlen(keys) + 1;
	}
}

int key_names(const char ***names, struct job *job)
{
	const struct options *o = job->options;
	size_t room = 1, octets = 0;
	const char *key;

	for (size_t i = 0; (key = given(o, i)) != NULL; i++) {
		const char *keys = key_groups_keys(o, key);

		if (keys == NULL && key_groups_name(key) != NULL)
			return job_refuse(job, HSMIME_EUSAGE,
			    "a section [group NAME] of the configuration makes one",
			    "there is no group \"%s\"", key_groups_name(key));
		room += keys != NULL ? KEY_GROUPS_KEYS_MAX : 1;
		octets += keys != NULL ? strlen(keys) + 1 : 0;
	}
	*names = calloc(1, room * sizeof(**names) + octets);
	if (*names == NULL)
		return HSMIME_ENOMEM;
	fill(*names, (char *)(*names + room), o);
	return 0;
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

int key_list_read(struct key_list *list, struct job *job, bool login)
{
	size_t names = 0;
	int status = key_names(&list->names, job);

	if (status != 0)
		return status;
	while (list->names[names] != NULL)
		names++;
	names = names > 0 ? names : 1; /* that of all */
	list->parts = calloc(names, sizeof(*list->parts));
	if (list->parts == NULL)
		return HSMIME_ENOMEM;
	for (; list->part_count < names && status == 0; list->part_count++) {
		struct key_part *part = &list->parts[list->part_count];
		const char *name = list->names[list->part_count];

		status = hsmime_keys(&part->keys, &part->count, job->ctx, name, login);
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
