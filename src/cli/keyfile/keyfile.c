#include "keyfile.h"

#include <string.h>

#include <glib.h>

static void tell_groups(GKeyFile *file, const char *group, const struct keyfile_visitor *v)
{
	gchar **names = g_key_file_get_groups(file, NULL);

	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], group) != 0)
			v->other_group(v->arg, names[i]);
	}
	g_strfreev(names);
}

static int tell_list(
    GKeyFile *file, const char *group, const char *key, const struct keyfile_visitor *v)
{
	gsize count = 0;
	gchar **items = g_key_file_get_string_list(file, group, key, &count, NULL);
	int status = v->value(v->arg, key, (const char *const *)items, count);

	g_strfreev(items);
	return status;
}

static int tell_text(
    GKeyFile *file, const char *group, const char *key, const struct keyfile_visitor *v)
{
	gchar *text = g_key_file_get_string(file, group, key, NULL);
	const char *values[] = { text };
	int status = v->value(v->arg, key, text != NULL ? values : NULL, text != NULL ? 1 : 0);

	g_free(text);
	return status;
}

static int tell_keys(GKeyFile *file, const char *group, const struct keyfile_visitor *v)
{
	gchar **keys = g_key_file_get_keys(file, group, NULL, NULL);
	int status = 0;

	for (size_t i = 0; keys != NULL && keys[i] != NULL && status == 0; i++)
		status = v->is_list(v->arg, keys[i]) ? tell_list(file, group, keys[i], v)
						     : tell_text(file, group, keys[i], v);
	g_strfreev(keys);
	return status;
}

int keyfile_read(const char *path, const char *group, const struct keyfile_visitor *visitor)
{
	GKeyFile *file = g_key_file_new();
	GError *error = NULL;
	int status = -1;

	if (g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error)) {
		tell_groups(file, group, visitor);
		status = tell_keys(file, group, visitor);
	} else {
		visitor->malformed(visitor->arg, error->message);
		g_error_free(error);
	}
	g_key_file_free(file);
	return status;
}
