/*
 * stored_file: a message that is a file of its own, in a Maildir, a tree or a list.
 */
#ifndef ARCHIVE_STORED_FILE_H
#define ARCHIVE_STORED_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "archive/mail_source.h"

/* stored_has_messages(fd): whether an open folder has cur and new: 1, 0, or -1 and errno. */
int stored_has_messages(int fd);

/*
 * stored_is_maildir(is, path, err):
 * Whether a folder has cur and new, or one right below it has. HSMIME_EIO, HSMIME_ENOMEM.
 */
int stored_is_maildir(bool *is, const char *path, struct error *err);

/* stored_folder(fd, path, what, err): *fd is the folder, opened; HSMIME_EUSAGE where path is "what" not. */
int stored_folder(int *fd, const char *path, const char *what, struct error *err);

/* stored_describe(item, st): its size and time. */
void stored_describe(struct mail_item *item, const struct stat *st);

/* stored_modified(st): nanoseconds since 1970. */
int64_t stored_modified(const struct stat *st);

/*
 * stored_below(root, path):
 * The file that path says below root, opened for reading, or -1 and errno. No component of it is a
 * symbolic link, it may be longer than PATH_MAX, and what is no file does not block.
 */
int stored_below(int root, const char *path);

/* stored_given(path): as that, by a path that a person gave: links are followed. */
int stored_given(const char *path);

/*
 * stored_read(out, fd, item, err):
 * What was opened as fd, now out's, as item's octets; with fd < 0 errno says why there is none.
 * HSMIME_EIO where it vanished, is no file, or is not as item describes it.
 */
int stored_read(struct mail_octets *out, int fd, const struct mail_item *item, struct error *err);

/* stored_done(octets): as mail_source_kind's. */
void stored_done(struct mail_octets *octets);

#endif
