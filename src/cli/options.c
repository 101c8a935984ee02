#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

static void *must(void *p)
{
	if (p == NULL) {
		message_error("out of memory");
		exit(6);
	}
	return p;
}

static void value_clear(struct option_value *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->items[i]);
	free(v->items);
	free(v->origin);
	*v = (struct option_value){ 0 };
}

static bool is_flag(enum option_id id)
{
	return option_table[id].kind == OPTION_FLAG || option_table[id].kind == OPTION_TALLY;
}

static bool is_choice(enum option_id id, const char *text)
{
	const char *at = is_flag(id) ? "true,false" : option_table[id].choices;
	size_t len = strlen(text);

	if (at == NULL)
		return true;
	while (*at != '\0') {
		size_t n = strcspn(at, ",");

		if (n == len && strncmp(at, text, n) == 0)
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

static bool is_possible(enum option_id id, const char *text, enum option_rank rank)
{
	bool (*check)(const char *) = option_table[id].is_possible;

	return is_choice(id, text) && (check == NULL || rank == RANK_COMMAND_LINE || check(text));
}

void option_wants(char *text, size_t size, enum option_id id)
{
	const struct option_row *row = &option_table[id];

	if (row->form != NULL)
		snprintf(text, size, "%s", row->form);
	else
		snprintf(
		    text, size, "one of %s", row->choices != NULL ? row->choices : "true,false");
}

static bool accumulates(enum option_id id)
{
	return option_table[id].kind == OPTION_LIST || option_table[id].kind == OPTION_TALLY ||
	       option_table[id].kind == OPTION_REPEATED;
}

int options_set(struct options *o, enum option_id id, const char *text, enum option_rank rank,
    const char *origin)
{
	struct option_value *v = &o->values[id];

	if (!is_possible(id, text, rank))
		return -1;
	if (rank < v->rank)
		return 0;
	if (rank > v->rank || !accumulates(id))
		value_clear(v);
	if (v->origin == NULL)
		v->origin = must(strdup(origin));
	v->rank = rank;
	v->items = must(realloc(v->items, (v->count + 1) * sizeof(*v->items)));
	v->items[v->count++] = must(strdup(text));
	return 0;
}

void options_set_group(struct options *o, const char *name, const char *keys)
{
	struct option_group *g = o->groups;

	while (g != NULL && strcmp(g->name, name) != 0)
		g = g->next;
	if (g == NULL) {
		g = must(calloc(1, sizeof(*g)));
		g->name = must(strdup(name));
		g->next = o->groups;
		o->groups = g;
	}
	free(g->keys);
	g->keys = must(strdup(keys));
}

const struct option_value *option_get(const struct options *o, enum option_id id)
{
	static const struct option_value none;
	const struct option_value *v = &o->values[id];

	if (v->rank != RANK_COMMAND_LINE && (option_table[id].config & o->command) == 0)
		return &none;
	return v;
}

const char *option_text(const struct options *o, enum option_id id)
{
	const struct option_value *v = option_get(o, id);

	return v->count == 0 ? NULL : v->items[v->count - 1];
}

bool option_is(const struct options *o, enum option_id id)
{
	const char *text = option_text(o, id);

	return text != NULL && strcmp(text, "true") == 0;
}

bool option_given(const struct options *o, enum option_id id)
{
	const struct option_value *v = &o->values[id];

	return v->rank == RANK_COMMAND_LINE && (!is_flag(id) || option_is(o, id));
}

bool option_is_key(enum option_id id)
{
	return option_table[id].config != 0;
}

int option_find(const char *name)
{
	for (int id = 0; id < OPT_COUNT; id++) {
		if (strcmp(option_table[id].name, name) == 0)
			return id;
	}
	return -1;
}

static bool is_shown(const struct option_row *row, unsigned command)
{
	return command == CMD_ALL ? row->commands == CMD_ALL : (row->commands & command) != 0;
}

void options_help(FILE *out, unsigned command)
{
	for (int id = 0; id < OPT_COUNT; id++) {
		const struct option_row *row = &option_table[id];
		char letter[8] = "    ";
		char left[64];

		if (!is_shown(row, command))
			continue;
		if (row->letter != 0)
			snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
		    row->arg != NULL ? " " : "", row->arg != NULL ? row->arg : "");
		fprintf(out, "  %-29s %s\n", left, row->help);
	}
}

void options_free(struct options *o)
{
	for (int id = 0; id < OPT_COUNT; id++)
		value_clear(&o->values[id]);
	while (o->groups != NULL) {
		struct option_group *next = o->groups->next;

		free(o->groups->name);
		free(o->groups->keys);
		free(o->groups);
		o->groups = next;
	}
}
