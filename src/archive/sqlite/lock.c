#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 15 /* octets: the number of the process that has it */
#define TRIES 100   /* how often somebody may take the file away between its opening and locking */

/* An open file description's lock: other threads' closing of the same file doesn't end it. */
static int lock_file(int fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &all);
}

/* Whoever had it before has perhaps removed it: then the name is another file's, or nobody's. */
static bool is_still_named(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
	       mine.st_dev == there.st_dev;
}

static int refuse(int fd, const char *file, struct error *err)
{
	int why = errno;
	char text[TEXT_MAX + 1] = "";
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	long process = len > 0 ? strtol(text, NULL, 10) : 0;

	if (why != EAGAIN && why != EACCES) {
		errno = why;
		error_errno(err, "can't lock the journal", file);
		return error_hint(err, "put it on a file system that can lock files");
	}
	if (process > 0)
		error_set(
		    err, HSMIME_EIO, "the journal %s is in use by process %ld", file, process);
	else
		error_set(err, HSMIME_EIO, "the journal %s is in use by another process", file);
	return error_hint(err, "wait until it has ended; its status can be seen meanwhile");
}

static void let_go(struct lock *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* A file of that name that somebody else has for something else. */
static bool is_anothers(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > TEXT_MAX;
}

/* -1 with errno; *gone where the file was removed meanwhile. */
static int try_once(struct lock *l, bool *gone)
{
	*gone = false;
	l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (l->fd >= 0 && is_anothers(l->fd)) {
		let_go(l);
		errno = EEXIST;
	}
	if (l->fd < 0 || lock_file(l->fd) != 0)
		return -1;
	*gone = !is_still_named(l->fd, l->path);
	return 0;
}

int lock_take(struct lock *l, const char *file, struct error *err)
{
	bool gone = true;
	int status = 0;

	if (asprintf(&l->path, "%s-lock", file) < 0) {
		l->path = NULL;
		return error_nomem(err);
	}
	for (int i = 0; gone && status == 0 && i < TRIES; i++) {
		let_go(l);
		if (try_once(l, &gone) != 0)
			status = l->fd < 0 ? error_errno(err, "can't make", l->path)
					   : refuse(l->fd, file, err);
	}
	if (status == 0 && gone)
		status = error_set(err, HSMIME_EIO, "can't lock the journal %s", file);
	if (status != 0) {
		let_go(l);
		free(l->path);
		l->path = NULL;
		return status;
	}
	/* Only words for the others: without it they are told less. */
	if (ftruncate(l->fd, 0) == 0)
		(void)dprintf(l->fd, "%ld\n", (long)getpid());
	return 0;
}

void lock_release(struct lock *l)
{
	if (l->fd >= 0)
		(void)unlink(l->path);
	let_go(l);
	free(l->path);
	l->path = NULL;
}
