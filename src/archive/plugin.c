#include "archive/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

int plugin_missing(const char *kind, const char *why, struct error *err)
{
	error_set(
	    err, HSMIME_EUNSUPPORTED, "a journal of the kind %s can't be opened: %s", kind, why);
	(void)error_hint(err,
	    "install hsmime's module hsmime-journal-%s.so, of the same version as its library",
	    kind);
	return HSMIME_EUNSUPPORTED;
}

int plugin_load(
    void **library, const void **symbol, const char *kind, const char *name, struct error *err)
{
	char own[PATH_MAX], path[PATH_MAX + 64];
	const char *why;

	*library = NULL;
	*symbol = NULL;
	if (!own_file(own))
		return plugin_missing(kind, "the library's place is not known", err);
	*strrchr(own, '/') = '\0';
	snprintf(path, sizeof(path), "%s/hsmime/hsmime-journal-%s.so", own, kind);
	*library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (*library != NULL)
		*symbol = dlsym(*library, name);
	if (*symbol != NULL)
		return 0;
	why = dlerror();
	return plugin_missing(kind, why != NULL ? why : path, err);
}
