#include "archive/journal.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A name that begins so is of that kind; the last is that of every other name. */
static const struct {
	const char *start;
	const char *kind;
} kinds[] = {
	{ "postgresql://", "postgresql" },
	{ "postgres://", "postgresql" },
	{ "", "sqlite" },
};

static const char *kind_of(const char *name)
{
	size_t i = 0;

	while (strncmp(name, kinds[i].start, strlen(kinds[i].start)) != 0)
		i++;
	return kinds[i].kind;
}

/*
 * The file that this code is in; of a program that has it linked in that program. False where it is not
 * known by a path from the root: from the working folder nothing is loaded.
 */
static bool own_file(char path[PATH_MAX])
{
	struct link_map *map = NULL;
	Dl_info info;
	ssize_t len;

	if (dladdr1((void *)(size_t)own_file, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		return false;
	if (map->l_name[0] != '\0')
		return map->l_name[0] == '/' &&
		       snprintf(path, PATH_MAX, "%s", map->l_name) < PATH_MAX;
	len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	path[len > 0 ? len : 0] = '\0';
	return path[0] == '/';
}

static int missing(const char *kind, const char *why, struct error *err)
{
	error_set(
	    err, HSMIME_EUNSUPPORTED, "a journal of the kind %s can't be opened: %s", kind, why);
	(void)error_hint(err,
	    "install hsmime's module hsmime-journal-%s.so, of the same version as its library",
	    kind);
	return HSMIME_EUNSUPPORTED;
}

static int load(struct journal *j, const char *kind, struct error *err)
{
	char own[PATH_MAX], path[PATH_MAX + 64];
	const char *why;

	if (!own_file(own))
		return missing(kind, "the library's place is not known", err);
	*strrchr(own, '/') = '\0';
	snprintf(path, sizeof(path), "%s/hsmime/hsmime-journal-%s.so", own, kind);
	j->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (j->library != NULL)
		j->kind = dlsym(j->library, JOURNAL_SYMBOL);
	if (j->kind == NULL) {
		why = dlerror();
		return missing(kind, why != NULL ? why : path, err);
	}
	if (j->kind->interface != JOURNAL_INTERFACE) {
		j->kind = NULL;
		return missing(kind, "its module is of another version", err);
	}
	return 0;
}

int journal_open(struct journal **out, const char *name, const char *settings, struct error *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int status;

	*out = NULL;
	if (j == NULL)
		return error_nomem(err);
	status = load(j, kind_of(name), err);
	if (status == 0)
		status = j->kind->open(j, name, settings, err);
	if (status != 0) {
		journal_close(j);
		return status;
	}
	*out = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->kind != NULL)
		j->kind->close(j);
	if (j->library != NULL)
		dlclose(j->library);
	free(j);
}
