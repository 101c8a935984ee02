#include "util/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static struct slot *claim_slot(char *name)
{
	struct slot *slot;

	for (slot = atomic_load(&slots); slot != NULL; slot = slot->next) {
		char *none = NULL;

		if (atomic_compare_exchange_strong(&slot->name, &none, name))
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

static void release_slot(struct atomic_file *f)
{
	if (f->slot != NULL)
		atomic_store(&f->slot->name, NULL);
	f->slot = NULL;
}

void atomic_file_remove_all(void)
{
	for (struct slot *slot = atomic_load(&slots); slot != NULL; slot = slot->next) {
		char *name = atomic_load(&slot->name);

		if (name != NULL)
			unlink(name);
	}
}

static mode_t new_mode(void)
{
	/* The whole process has it for a moment: no file of another thread may come out open. */
	mode_t mask = umask(077);

	umask(mask);
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

static int open_temporary(struct atomic_file *f, struct error *err)
{
	char *name = temporary_name(f->path);

	/* Claimed before it exists: a signal may come at any time. */
	f->slot = name != NULL ? claim_slot(name) : NULL;
	if (f->slot == NULL) {
		free(name);
		return error_nomem(err);
	}
	f->fd = mkostemp(name, O_CLOEXEC);
	if (f->fd < 0) {
		int status = error_errno(err, "writing", f->path);

		release_slot(f);
		free(name);
		return status;
	}
	f->temporary = name;
	return 0;
}

/* A symbolic link stays one: what it leads to is replaced. */
static char *target_of(const char *path)
{
	char *real = realpath(path, NULL);

	return real != NULL ? real : strdup(path);
}

int atomic_file_new(struct atomic_file **out, const char *path, struct error *err)
{
	struct atomic_file *f = calloc(1, sizeof(*f));
	struct stat st;
	int status;

	*out = NULL;
	if (f == NULL || (f->path = target_of(path)) == NULL) {
		free(f);
		return error_nomem(err);
	}
	f->fd = -1;
	f->mode = new_mode();
	if (stat(f->path, &st) != 0) {
		status = open_temporary(f, err);
	} else if (S_ISREG(st.st_mode)) {
		f->mode = st.st_mode & 07777;
		status = open_temporary(f, err);
	} else {
		status = open_direct(f, err);
	}
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

int atomic_file_commit(struct atomic_file *f, struct error *err)
{
	if (f->temporary == NULL)
		return 0;
	if (fchmod(f->fd, f->mode) != 0 || fsync(f->fd) != 0 || rename(f->temporary, f->path) != 0)
		return error_errno(err, "writing", f->path);
	release_slot(f);
	free(f->temporary);
	f->temporary = NULL;
	return 0;
}

void atomic_file_free(struct atomic_file *f)
{
	if (f == NULL)
		return;
	if (f->temporary != NULL)
		unlink(f->temporary);
	release_slot(f);
	if (f->fd >= 0)
		close(f->fd);
	free(f->temporary);
	free(f->path);
	free(f);
}
