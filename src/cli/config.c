#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "message.h"

#define GROUP "hsmime"

/* One file while it is read. */
struct file {
	struct options *options;
	GKeyFile *keys;
	const char *path;
	enum option_rank rank;
};

bool config_path(char path[PATH_MAX], enum option_rank which)
{
	const char *folder = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	const char *name = "hsmime/hsmime.conf";
	int len = -1;

	if (which == RANK_SYSTEM)
		len = snprintf(path, PATH_MAX, "/etc/%s", name);
	else if (folder != NULL && folder[0] == '/')
		len = snprintf(path, PATH_MAX, "%s/%s", folder, name);
	else if (home != NULL && home[0] == '/')
		len = snprintf(path, PATH_MAX, "%s/.config/%s", home, name);
	return len > 0 && len < PATH_MAX;
}

static int refuse(const struct file *f, const char *key, const char *why)
{
	message_error("%s: the value of %s %s", f->path, key, why);
	message_error("correct the file; hsmime.conf(5) describes it");
	return 2;
}

static int take_list(const struct file *f, enum option_id id)
{
	const char *name = option_table[id].name;
	gchar **items = g_key_file_get_string_list(f->keys, GROUP, name, NULL, NULL);

	if (items == NULL)
		return refuse(f, name, "is not a list of texts");
	for (gchar **item = items; *item != NULL; item++)
		(void)options_set(f->options, id, *item, f->rank, f->path);
	g_strfreev(items);
	return 0;
}

static int take_text(const struct file *f, enum option_id id)
{
	const struct option_row *row = &option_table[id];
	gchar *text = g_key_file_get_string(f->keys, GROUP, row->name, NULL);
	char why[128];
	int status = 0;

	if (text == NULL)
		return refuse(f, row->name, "is not a text");
	if (options_set(f->options, id, text, f->rank, f->path) != 0) {
		snprintf(why, sizeof(why), "must be one of %s",
		    row->choices != NULL ? row->choices : "true,false");
		status = refuse(f, row->name, why);
	}
	g_free(text);
	return status;
}

static int take_key(const struct file *f, const char *name)
{
	int id = option_find(name);

	if (id < 0 || !option_is_key((enum option_id)id)) {
		message_warning("%s: there is no key %s", f->path, name);
		return 0;
	}
	return option_table[id].kind == OPTION_LIST ? take_list(f, (enum option_id)id)
						    : take_text(f, (enum option_id)id);
}

static int take_keys(const struct file *f)
{
	gchar **names = g_key_file_get_keys(f->keys, GROUP, NULL, NULL);
	int status = 0;

	for (size_t i = 0; names != NULL && names[i] != NULL && status == 0; i++)
		status = take_key(f, names[i]);
	g_strfreev(names);
	return status;
}

static void warn_of_groups(const struct file *f)
{
	gchar **groups = g_key_file_get_groups(f->keys, NULL);

	for (size_t i = 0; groups[i] != NULL; i++) {
		if (strcmp(groups[i], GROUP) != 0)
			message_warning("%s: there is no group [%s]", f->path, groups[i]);
	}
	g_strfreev(groups);
}

static int load_file(struct options *o, enum option_rank rank)
{
	char path[PATH_MAX];
	struct file f = { .options = o, .path = path, .rank = rank };
	GError *error = NULL;
	int status = 0;

	if (!config_path(path, rank) || access(path, F_OK) != 0)
		return 0;
	f.keys = g_key_file_new();
	if (g_key_file_load_from_file(f.keys, path, G_KEY_FILE_NONE, &error)) {
		warn_of_groups(&f);
		status = take_keys(&f);
	} else {
		message_error("%s: %s", path, error->message);
		message_error("correct the file; hsmime.conf(5) describes it");
		g_error_free(error);
		status = 2;
	}
	g_key_file_free(f.keys);
	return status;
}

static void load_environment(struct options *o)
{
	static const struct {
		const char *name;
		enum option_id id;
	} variables[] = {
		{ "HSMIME_MODULE", OPT_MODULE },
		{ "HSMIME_PIN_SOURCE", OPT_PIN_SOURCE },
	};

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *text = getenv(variables[i].name);

		if (text != NULL && text[0] != '\0')
			(void)options_set(
			    o, variables[i].id, text, RANK_ENVIRONMENT, variables[i].name);
	}
}

int config_load(struct options *o)
{
	int status = load_file(o, RANK_SYSTEM);

	if (status == 0)
		status = load_file(o, RANK_USER);
	if (status == 0)
		load_environment(o);
	return status;
}
