/*
 * lock: one process at a time writes a journal. What is locked is a file beside it, FILE-lock, and not
 * SQLite's own: closing any descriptor of that would end the locks that SQLite has on it.
 */
#ifndef ARCHIVE_SQLITE_LOCK_H
#define ARCHIVE_SQLITE_LOCK_H

#include "util/error.h"

struct lock {
	int fd;     /* -1: not taken */
	char *path; /* of the file that is locked */
};

#define LOCK_INIT                                                                                  \
	{                                                                                          \
		-1, NULL                                                                           \
	}

/*
 * lock_take(l, file, err):
 * At once, without waiting. HSMIME_EIO where another process, or this one, has it, with that process'
 * number, or where the file system can't lock; HSMIME_ENOMEM.
 */
int lock_take(struct lock *l, const char *file, struct error *err);

/* lock_release(l): the file goes too; not taken is allowed. */
void lock_release(struct lock *l);

#endif
