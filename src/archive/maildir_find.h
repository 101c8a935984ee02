/*
 * maildir_find: a message of a Maildir that has other flags than it had, or moved from new to cur.
 */
#ifndef ARCHIVE_MAILDIR_FIND_H
#define ARCHIVE_MAILDIR_FIND_H

#include <stddef.h>

/* maildir_unique_len(name): octets of a message's file name that stay when its flags change. */
size_t maildir_unique_len(const char *name);

/* maildir_key(path): "FOLDER/cur/123.host:2,S" without "cur/" and the flags; NULL where memory is short. The caller frees it. */
char *maildir_key(const char *path);

/*
 * maildir_open_again(path, root, was):
 * The message whose path below the open folder root was that, opened for reading, and its path now;
 * -1 and errno. free(*path) in any case.
 */
int maildir_open_again(char **path, int root, const char *was);

#endif
