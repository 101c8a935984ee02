#include "command.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "text/json.h"
#include "message.h"
#include "text/utf8.h"

static bool is_read(const char *path)
{
	bool there;

	/* What can't be seen has ended the command before. */
	return config_find(&there, path) == 0 && there;
}

static void json_files(struct json *j)
{
	char path[PATH_MAX];

	json_open(j, "files", '[');
	for (enum option_rank rank = RANK_SYSTEM; rank <= RANK_USER; rank++) {
		if (!config_path(path, rank))
			continue;
		json_open(j, NULL, '{');
		json_text(j, "path", path);
		json_bool(j, "read", is_read(path));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_value(struct json *j, enum option_id id, const struct option_value *v)
{
	if (option_table[id].kind == OPTION_LIST) {
		json_open(j, "value", '[');
		for (size_t i = 0; i < v->count; i++)
			json_text(j, NULL, v->items[i]);
		json_close(j, ']');
	} else if (v->count == 0) {
		json_null(j, "value");
	} else if (option_table[id].kind == OPTION_FLAG) {
		json_bool(j, "value", strcmp(v->items[0], "true") == 0);
	} else {
		json_text(j, "value", v->items[0]);
	}
}

static void write_json(const struct options *o)
{
	struct json j = { .out = stdout };

	json_open(&j, NULL, '{');
	json_files(&j);
	json_open(&j, "settings", '[');
	for (int id = 0; id < OPT_COUNT; id++) {
		const struct option_value *v = &o->values[id];

		if (!option_is_key((enum option_id)id))
			continue;
		json_open(&j, NULL, '{');
		json_text(&j, "name", option_table[id].name);
		json_value(&j, (enum option_id)id, v);
		json_text(&j, "origin", v->origin != NULL ? v->origin : "default");
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_open(&j, "groups", '[');
	for (const struct option_group *g = o->groups; g != NULL; g = g->next) {
		json_open(&j, NULL, '{');
		json_text(&j, "name", g->name);
		json_text(&j, "keys", g->keys);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
}

static void write_files(void)
{
	char path[PATH_MAX];

	for (enum option_rank rank = RANK_SYSTEM; rank <= RANK_USER; rank++) {
		if (!config_path(path, rank))
			continue;
		fputs("# ", stdout);
		utf8_print(stdout, path);
		puts(is_read(path) ? "" : " (not there)");
	}
}

static void write_setting(enum option_id id, const struct option_value *v)
{
	const struct option_row *row = &option_table[id];

	if (v->count == 0) {
		printf("%s: %s (default)\n", row->name, row->standard);
		return;
	}
	for (size_t i = 0; i < v->count; i++) {
		printf("%s = ", row->name);
		utf8_print(stdout, v->items[i]);
		fputs(" (", stdout);
		utf8_print(stdout, v->origin);
		puts(")");
	}
}

static void write_groups(const struct options *o)
{
	for (const struct option_group *g = o->groups; g != NULL; g = g->next) {
		fputs("[group ", stdout);
		utf8_print(stdout, g->name);
		fputs("] keys = ", stdout);
		utf8_print(stdout, g->keys);
		putchar('\n');
	}
}

int cmd_config(const struct options *o)
{
	if (option_is(o, OPT_JSON)) {
		write_json(o);
	} else {
		write_files();
		for (int id = 0; id < OPT_COUNT; id++) {
			if (option_is_key((enum option_id)id))
				write_setting((enum option_id)id, &o->values[id]);
		}
		write_groups(o);
	}
	if (fflush(stdout) == 0)
		return 0;
	message_error("writing the settings: %s", strerror(errno));
	message_error("check where standard output goes");
	return 6;
}
