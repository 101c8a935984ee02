/*
 * configured_files: the files that configure p11-kit's modules (pkcs11.conf(5)), for those of which
 * p11-kit says nothing, since it can't load them.
 */
#ifndef ENGINE_CONFIGURED_FILES_H
#define ENGINE_CONFIGURED_FILES_H

#include <stddef.h>

struct configured_file {
	char *name; /* of the module: the file's, without its ending */
	char *path;
};

struct configured_files {
	struct configured_file *files;
	size_t count;
};

/*
 * configured_files_list(f): those that are for this account, but for modules that are enabled or
 * disabled by program. Free with configured_files_free. 0 or HSMIME_ENOMEM.
 */
int configured_files_list(struct configured_files *f);
void configured_files_free(struct configured_files *f);

/* configured_files_drop(f, name): take those of that module out of the list. */
void configured_files_drop(struct configured_files *f, const char *name);

#endif
