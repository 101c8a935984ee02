#include "util/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct atomic_file {
	int fd;
	mode_t mode;
	char *path;
	char *temporary; /* NULL: path itself is written, as it is no regular file */
	struct slot *slot;
	bool staged;   /* its mode stays as it was made */
	bool prepared; /* complete on the disk, but for its name */
};

/*
 * The names that a signal's handler has to remove. A slot is used again but never
 * freed or taken out, so that the handler needs no lock.
 */
struct slot {
	_Atomic(char *) name; /* NULL: free */
	struct slot *next;
};
static _Atomic(struct slot *) slots;
/* Where the next claim begins to look: of many files that are open at a time most are before it. */
static _Atomic(struct slot *) hint;

static struct slot *claim_between(struct slot *from, const struct slot *to, char *name)
{
	for (struct slot *slot = from; slot != to; slot = slot->next) {
		char *none = NULL;

		if (atomic_load_explicit(&slot->name, memory_order_relaxed) == NULL &&
		    atomic_compare_exchange_strong(&slot->name, &none, name))
			return slot;
	}
	return NULL;
}

static struct slot *claim_slot(char *name)
{
	struct slot *start = atomic_load(&hint);
	struct slot *slot = claim_between(start, NULL, name);

	if (slot == NULL)
		slot = claim_between(atomic_load(&slots), start, name);
	if (slot != NULL) {
		atomic_store(&hint, slot->next);
		return slot;
	}
	slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return NULL;
	atomic_init(&slot->name, name);
	slot->next = atomic_load(&slots);
	while (!atomic_compare_exchange_weak(&slots, &slot->next, slot))
		;
	return slot;
}

static atomic_uint removing; /* handlers at work, which may still read a name */

static void release_slot(struct atomic_file *f, char *name)
{
	if (f->slot != NULL)
		atomic_store(&f->slot->name, NULL);
	f->slot = NULL;
	if (atomic_load(&removing) == 0)
		free(name);
}

void atomic_file_remove_all(void)
{
	atomic_fetch_add(&removing, 1);
	for (struct slot *slot = atomic_load(&slots); slot != NULL; slot = slot->next) {
		char *name = atomic_load(&slot->name);

		if (name != NULL)
			unlink(name);
	}
	atomic_fetch_sub(&removing, 1);
}

/* The mask can be read only by setting it, for the whole process: no file may come out open. */
static mode_t new_mode(void)
{
	static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
	mode_t mask;

	pthread_mutex_lock(&turn);
	mask = umask(077);
	umask(mask);
	pthread_mutex_unlock(&turn);
	return 0666 & ~mask;
}

static int open_direct(struct atomic_file *f, struct error *err)
{
	f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return f->fd < 0 ? error_errno(err, "writing", f->path) : 0;
}

/* In path's folder; its name is kept short enough for what is put around it. */
static char *temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	char *name = NULL;

	if (asprintf(&name, "%.*s.%.*s-XXXXXX", (int)(base - path), path,
		NAME_MAX - (int)sizeof("-XXXXXX"), base) < 0)
		return NULL;
	return name;
}

/* name: as mkostemp takes it, or NULL for want of memory; taken over. */
static int open_temporary(struct atomic_file *f, char *name, struct error *err)
{
	/* Claimed before it exists: a signal may come at any time. */
	f->slot = name != NULL ? claim_slot(name) : NULL;
	if (f->slot == NULL) {
		free(name);
		return error_nomem(err);
	}
	f->fd = mkostemp(name, O_CLOEXEC);
	if (f->fd < 0) {
		int status = error_errno(err, "writing", f->path);

		release_slot(f, name);
		return status;
	}
	f->temporary = name;
	return 0;
}

/* Put what the symbolic link *name says, as a path from here, in its place; false where it is none. */
static bool follow_link(char **name)
{
	char target[PATH_MAX];
	const char *slash = strrchr(*name, '/');
	int folder = slash != NULL ? (int)(slash + 1 - *name) : 0;
	ssize_t len = readlink(*name, target, sizeof(target) - 1);
	char *next = NULL;

	if (len < 0)
		return false;
	target[len] = '\0';
	if (asprintf(&next, "%.*s%s", target[0] == '/' ? 0 : folder, *name, target) < 0)
		next = NULL;
	free(*name);
	*name = next;
	return next != NULL;
}

#define LINKS_MAX 40 /* as the kernel has it */

/*
 * A symbolic link stays one: what it leads to is replaced, or made where nothing is there yet. What
 * is written directly keeps its name: that of a pipe behind /dev/stdout is no path.
 */
static char *target_of(const char *path)
{
	struct stat st;
	char *name = NULL;
	int links = 0;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return strdup(path);
	name = realpath(path, NULL);
	if (name != NULL || errno == ELOOP)
		return name;
	name = strdup(path);
	while (name != NULL && links < LINKS_MAX && follow_link(&name))
		links++;
	return name;
}

static int open_file(struct atomic_file *f, struct error *err)
{
	struct stat st;

	f->mode = new_mode();
	if (stat(f->path, &st) != 0)
		return open_temporary(f, temporary_name(f->path), err);
	if (!S_ISREG(st.st_mode))
		return open_direct(f, err);
	/* Whoever could fill a set-user-ID file anew would be that user. */
	f->mode = st.st_mode & 0777;
	return open_temporary(f, temporary_name(f->path), err);
}

int atomic_file_new(struct atomic_file **out, const char *path, struct error *err)
{
	struct atomic_file *f = calloc(1, sizeof(*f));
	int status;

	*out = NULL;
	if (f == NULL)
		return error_nomem(err);
	f->fd = -1;
	f->path = target_of(path);
	if (f->path != NULL)
		status = open_file(f, err);
	else
		status = errno == ELOOP ? error_errno(err, "writing", path) : error_nomem(err);
	if (status != 0) {
		atomic_file_free(f);
		return status;
	}
	*out = f;
	return 0;
}

int atomic_file_staged(
    struct atomic_file **out, const char *path, const char *temporary, struct error *err)
{
	struct atomic_file *f = calloc(1, sizeof(*f));
	char *name = NULL;
	int status;

	*out = NULL;
	if (f == NULL)
		return error_nomem(err);
	f->fd = -1;
	f->staged = true;
	f->path = strdup(path);
	if (f->path == NULL || asprintf(&name, "%s-XXXXXX", temporary) < 0)
		status = error_nomem(err);
	else
		status = open_temporary(f, name, err);
	if (status != 0) {
		atomic_file_free(f);
		return status;
	}
	*out = f;
	return 0;
}

bool atomic_file_is_direct(const struct atomic_file *f)
{
	return f->temporary == NULL;
}

int atomic_file_fd(const struct atomic_file *f)
{
	return f->fd;
}

/* A file system without modes (FAT, some networks) has none to give: the file stays as it was made. */
static bool give_mode(const struct atomic_file *f)
{
	return fchmod(f->fd, f->mode) == 0 || errno == EPERM || errno == ENOSYS ||
	       errno == EOPNOTSUPP;
}

int atomic_file_prepare(struct atomic_file *f, struct error *err)
{
	if (f->temporary == NULL || f->prepared)
		return 0;
	if ((!f->staged && !give_mode(f)) || fsync(f->fd) != 0)
		return error_errno(err, "writing", f->path);
	f->prepared = true;
	return 0;
}

int atomic_file_synced(struct atomic_file *f, struct error *err)
{
	/* Finds nothing left to wait for, and tells what writing this file's pages met. */
	if (sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0)
		return error_errno(err, "writing", f->path);
	f->prepared = f->staged;
	return 0;
}

int atomic_file_commit(struct atomic_file *f, struct error *err)
{
	int status = atomic_file_prepare(f, err);

	if (status != 0 || f->temporary == NULL)
		return status;
	if (rename(f->temporary, f->path) != 0)
		return error_errno(err, "writing", f->path);
	release_slot(f, f->temporary);
	f->temporary = NULL;
	return 0;
}

void atomic_file_free(struct atomic_file *f)
{
	if (f == NULL)
		return;
	if (f->temporary != NULL)
		unlink(f->temporary);
	release_slot(f, f->temporary);
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}
