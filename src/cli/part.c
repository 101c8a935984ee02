#include "part.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* By the tool's own place: what dlopen makes of $ORIGIN depends on who calls it. */
static void *load(const char *module)
{
	char path[PATH_MAX];
	size_t size = strlen(module) + 1;
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - size);

	if (len <= 0)
		return NULL;
	path[len] = '\0';
	memcpy(strrchr(path, '/') + 1, module, size);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

void *part_symbol(const char *module, const char *name, const char **why)
{
	void *handle = load(module);
	void *symbol = handle != NULL ? dlsym(handle, name) : NULL;

	if (symbol == NULL) {
		*why = dlerror();
		if (*why == NULL)
			*why = module;
	}
	return symbol;
}
