#include "archive/maildir_find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/stored_file.h"

/* How often a message is looked for whose flags change while that is done. */
#define TURNS 3

size_t maildir_unique_len(const char *name)
{
	return strcspn(name, ":");
}

char *maildir_key(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *leaf = slash == NULL ? path : slash + 1;
	int folder = leaf - path >= 4 ? (int)(leaf - path - 4) : 0;
	char *key = NULL;

	return asprintf(&key, "%.*s%.*s", folder, path, (int)maildir_unique_len(leaf), leaf) < 0
		   ? NULL
		   : key;
}

static bool is_same(const char *name, const char *unique, size_t len)
{
	return strncmp(name, unique, len) == 0 && maildir_unique_len(name) == len;
}

/* Flags that all programs know, in the order in which names have them. */
static const char flags[] = "DFPRST";
#define FLAG_SETS (1U << (sizeof(flags) - 1))

/*
 * Whether a message is in a folder under other flags of those, with the letters of its own program that it
 * had: out has its name. Where a whole mailbox was marked as read, its folder is not read for each message.
 */
static bool guess(char out[NAME_MAX + 1], int folder, const char *was)
{
	int len = (int)maildir_unique_len(was);
	const char *words = strstr(was + len, ":2,");
	struct stat st;

	words = words != NULL ? words + 3 + strspn(words + 3, flags) : "";
	for (unsigned set = 0; set <= FLAG_SETS; set++) {
		char with[sizeof(flags)] = "";
		size_t n = 0;
		int all;

		for (size_t i = 0; i < sizeof(flags) - 1; i++) {
			if ((set >> i & 1) != 0)
				with[n++] = flags[i];
		}
		all = set == FLAG_SETS
			  ? snprintf(out, NAME_MAX + 1, "%.*s", len, was)
			  : snprintf(out, NAME_MAX + 1, "%.*s:2,%s%s", len, was, with, words);
		if (all <= NAME_MAX && fstatat(folder, out, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* Read all of the folder for it; takes fd over. */
static bool search(char out[NAME_MAX + 1], int fd, const char *was)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry = NULL;

	if (dir == NULL) {
		int code = errno;

		close(fd);
		errno = code;
		return false;
	}
	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry != NULL && !is_same(entry->d_name, was, maildir_unique_len(was)));
	if (entry == NULL && errno == 0)
		errno = ENOENT;
	if (entry != NULL)
		snprintf(out, NAME_MAX + 1, "%s", entry->d_name);
	closedir(dir); /* after reading it does not fail */
	return entry != NULL;
}

/* The path of the message in root's folder that was called so; NULL and errno. */
static char *look_in(int root, const char *folder, const char *was)
{
	int fd = stored_below(root, folder);
	char name[NAME_MAX + 1];
	char *path = NULL;

	if (fd < 0)
		return NULL;
	if (guess(name, fd, was))
		close(fd);
	else if (!search(name, fd, was))
		return NULL;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return path;
}

/* Where the message is whose path was that: in cur most likely, with other flags; NULL and errno. */
static char *look_again(int root, const char *path)
{
	static const char *const parts[] = { "cur", "new" };
	const char *slash = strrchr(path, '/');
	char *found = NULL;

	errno = ENOENT;
	if (slash == NULL || slash - path < 3)
		return NULL;
	for (size_t i = 0; i < 2 && found == NULL && errno == ENOENT; i++) {
		char *folder = NULL;

		if (asprintf(&folder, "%.*s%s", (int)(slash - path - 3), path, parts[i]) < 0) {
			errno = ENOMEM;
			return NULL;
		}
		found = look_in(root, folder, slash + 1);
		free(folder); /* keeps errno (POSIX.1-2024, and glibc since 2.33) */
	}
	return found;
}

int maildir_open_again(char **path, int root, const char *was)
{
	int fd = -1;

	*path = NULL;
	errno = ENOENT;
	for (int turn = 0; turn < TURNS && fd < 0 && errno == ENOENT; turn++) {
		free(*path);
		*path = look_again(root, was);
		if (*path != NULL)
			fd = stored_below(root, *path);
	}
	return fd;
}
