#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyfile/keyfile.h"
#include "message.h"
#include "part.h"

#define GROUP "hsmime"
#define KEY_GROUP "group "

/* One file while it is read. */
struct file {
	struct options *options;
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

int config_find(bool *there, const char *path)
{
	int why;

	*there = access(path, F_OK) == 0;
	why = *there ? 0 : errno;
	if (why == 0 || why == ENOENT || why == ENOTDIR)
		return 0;
	message_error("%s: it can't be read: %s", path, strerror(why));
	message_error("make the file and its folder readable; hsmime.conf(5) describes it");
	return 2;
}

static int refuse(const struct file *f, const char *key, const char *verb, const char *what)
{
	message_error("%s: the value of %s %s %s", f->path, key, verb, what);
	message_error("correct the file; hsmime.conf(5) describes it");
	return 2;
}

static void malformed(void *arg, const char *why)
{
	const struct file *f = arg;

	message_error("%s: %s", f->path, why);
	message_error("correct the file; hsmime.conf(5) describes it");
}

static bool is_key_group(const char *name)
{
	return strncmp(name, KEY_GROUP, strlen(KEY_GROUP)) == 0 && name[strlen(KEY_GROUP)] != '\0';
}

/* Its keys are read when the file's own group has been. */
static void other_group(void *arg, const char *name)
{
	const struct file *f = arg;

	if (is_key_group(name))
		options_set_group(f->options, name + strlen(KEY_GROUP), "");
	else
		message_warning("%s: there is no group [%s]", f->path, name);
}

static bool is_list(void *arg, const char *key)
{
	int id = option_find(key);

	(void)arg;
	return id >= 0 && option_table[id].kind == OPTION_LIST;
}

static int take_value(void *arg, const char *key, const char *const *values, size_t count)
{
	const struct file *f = arg;
	int id = option_find(key);
	char wants[128];

	if (id < 0 || !option_is_key((enum option_id)id)) {
		message_warning("%s: there is no key %s", f->path, key);
		return 0;
	}
	if (values == NULL)
		return refuse(f, key, "is not", is_list(NULL, key) ? "a list of texts" : "a text");
	for (size_t i = 0; i < count; i++) {
		if (options_set(f->options, (enum option_id)id, values[i], f->rank, f->path) != 0) {
			option_wants(wants, sizeof(wants), (enum option_id)id);
			return refuse(f, key, "must be", wants);
		}
	}
	return 0;
}

/* What one [group NAME] of a file says. */
struct group_section {
	const struct file *file;
	const char *name;
};

static void pass_over(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

static int take_group_value(void *arg, const char *key, const char *const *values, size_t count)
{
	const struct group_section *g = arg;

	(void)count;
	if (strcmp(key, "keys") != 0) {
		message_warning("%s: there is no key %s in a group", g->file->path, key);
		return 0;
	}
	if (values == NULL || values[0][strspn(values[0], " \t")] == '\0')
		return refuse(g->file, key, "must be", "pkcs11: URIs with blanks between");
	options_set_group(g->file->options, g->name, values[0]);
	return 0;
}

static bool no_list(void *arg, const char *key)
{
	(void)arg;
	(void)key;
	return false;
}

/* Only the groups that this file has: those of another one are full already. */
static int read_key_groups(const struct file *f, keyfile_read_function *read)
{
	for (struct option_group *g = f->options->groups; g != NULL; g = g->next) {
		struct group_section section = { f, g->name };
		const struct keyfile_visitor visitor = { &section, malformed, pass_over, no_list,
			take_group_value };
		char name[128];

		if (g->keys[0] != '\0')
			continue;
		snprintf(name, sizeof(name), KEY_GROUP "%s", g->name);
		if (read(f->path, name, &visitor) != 0)
			return 2;
		if (g->keys[0] == '\0')
			return refuse(f, "keys", "is missing in", name);
	}
	return 0;
}

static int read_file(struct file *f)
{
	const struct keyfile_visitor visitor = { f, malformed, other_group, is_list, take_value };
	keyfile_read_function *read = NULL;
	const char *why = NULL;

	*(void **)&read = part_symbol(KEYFILE_MODULE, KEYFILE_SYMBOL, &why);
	if (read == NULL) {
		message_error("%s: it can't be read: %s", f->path, why);
		message_error("install hsmime again, or take the file away");
		return 6;
	}
	if (read(f->path, GROUP, &visitor) != 0)
		return 2;
	return read_key_groups(f, read);
}

static int load_file(struct options *o, enum option_rank rank)
{
	char path[PATH_MAX];
	struct file f = { .options = o, .path = path, .rank = rank };
	bool there;
	int status;

	if (!config_path(path, rank))
		return 0;
	status = config_find(&there, path);
	return status == 0 && there ? read_file(&f) : status;
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
