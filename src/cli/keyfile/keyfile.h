/*
 * keyfile: reads a configuration file by GLib's GKeyFile. It is a module,
 * KEYFILE_MODULE from the tool's own folder on, which the tool loads only where
 * there is such a file: loading GLib takes longer than a short command may.
 */
#ifndef CLI_KEYFILE_KEYFILE_H
#define CLI_KEYFILE_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

/* Who hears of what is in a file. arg comes with every call; strings are valid during it only. */
struct keyfile_visitor {
	void *arg;
	/* The file is no key file, or can't be read: why, in words. Nothing else follows. */
	void (*malformed)(void *arg, const char *why);
	/* A group other than the one that is wanted. */
	void (*other_group)(void *arg, const char *name);
	/* Whether the values of key form a list, separated by ';'. */
	bool (*is_list)(void *arg, const char *key);
	/* A key's values, one where it is no list; NULL: not readable as such. Not 0 ends the reading. */
	int (*value)(void *arg, const char *key, const char *const *values, size_t count);
};

/*
 * keyfile_read(path, group, visitor):
 * Tell visitor what the file says in group. Returns 0, what visitor->value gave, or -1 after
 * visitor->malformed.
 */
typedef int keyfile_read_function(
    const char *path, const char *group, const struct keyfile_visitor *visitor);

#define KEYFILE_SYMBOL "keyfile_read"

keyfile_read_function keyfile_read __attribute__((visibility("default")));

#endif
