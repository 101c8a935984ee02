/*
 * atomic_file: a file that appears whole or not at all: a 0600 temporary file
 * in the same folder, fsync, rename.
 */
#ifndef UTIL_ATOMIC_FILE_H
#define UTIL_ATOMIC_FILE_H

#include <stdbool.h>

#include <hsmime/stream.h>

#include "util/error.h"

struct atomic_file;

/*
 * atomic_file_new(out, path, err):
 * Open a temporary file beside path, or beside what path leads to where it is
 * a symbolic link, be there anything yet or not. Where path exists and is not a
 * regular file (a device, a FIFO), it is written directly instead. An existing
 * file's permissions are kept, its set-user-ID, set-group-ID and sticky bits are
 * not; a new one has 0666 less umask.
 * Returns 0, HSMIME_EIO or HSMIME_ENOMEM.
 */
int atomic_file_new(struct atomic_file **out, const char *path, struct error *err);

/*
 * atomic_file_staged(out, path, temporary, err):
 * As atomic_file_new for who writes many files into folders of his own: the temporary file is
 * called temporary, "-" and six octets more, and its folder need not be path's. It stays 0600. path
 * is not followed where it is a symbolic link: that is replaced.
 */
int atomic_file_staged(
    struct atomic_file **out, const char *path, const char *temporary, struct error *err);

/* atomic_file_is_direct(file): what is written is there at once: path is no regular file. */
bool atomic_file_is_direct(const struct atomic_file *file);

/* atomic_file_fd(file): its descriptor, for reading back and positioned writes. */
int atomic_file_fd(const struct atomic_file *file);

/*
 * atomic_file_prepare(file, err), atomic_file_commit(file, err):
 * All of commit but the name: fsync, for who has several files to finish. Then rename. The folder is not fsynced: after a power failure either the old file is
 * there or the whole new one. Return 0 or HSMIME_EIO.
 * atomic_file_synced(file, err): instead of prepare, for who has synced the whole file system since
 * the last write (syncfs): whether this file's octets got there.
 */
int atomic_file_prepare(struct atomic_file *file, struct error *err);
int atomic_file_synced(struct atomic_file *file, struct error *err);
int atomic_file_commit(struct atomic_file *file, struct error *err);

/* atomic_file_free(file): close; remove the temporary file unless committed. NULL is allowed. */
void atomic_file_free(struct atomic_file *file);

/*
 * atomic_file_remove_all():
 * Remove every temporary file of this process that is not committed yet.
 * Async-signal-safe: for the handler of a signal that ends the process.
 */
void atomic_file_remove_all(void);

#endif
