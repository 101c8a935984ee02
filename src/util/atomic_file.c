#include "util/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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
	int slot;
};

/* The names that a signal's handler has to remove: a fixed table needs no lock. */
#define OPEN_MAX_FILES 256
static _Atomic(char *) open_files[OPEN_MAX_FILES];

static int claim_slot(char *name)
{
	for (int i = 0; i < OPEN_MAX_FILES; i++) {
		char *none = NULL;

		if (atomic_compare_exchange_strong(&open_files[i], &none, name))
			return i;
	}
	return -1;
}

static void release_slot(int slot)
{
	if (slot >= 0)
		atomic_store(&open_files[slot], NULL);
}

void atomic_file_remove_all(void)
{
	for (int i = 0; i < OPEN_MAX_FILES; i++) {
		char *name = atomic_load(&open_files[i]);

		if (name != NULL)
			unlink(name);
	}
}

static mode_t new_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int open_direct(struct atomic_file *f, struct error *err)
{
	f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return f->fd < 0 ? error_errno(err, "writing", f->path) : 0;
}

static int open_temporary(struct atomic_file *f, struct error *err)
{
	size_t size = strlen(f->path) + sizeof("/.-XXXXXX") + 1;
	char *copy = strdup(f->path);
	char *base;

	f->temporary = malloc(size);
	if (copy == NULL || f->temporary == NULL) {
		free(copy);
		return error_nomem(err);
	}
	base = strrchr(copy, '/');
	if (base != NULL)
		snprintf(f->temporary, size, "%.*s/.%s-XXXXXX", (int)(base - copy), copy, base + 1);
	else
		snprintf(f->temporary, size, ".%s-XXXXXX", copy);
	free(copy);
	f->fd = mkostemp(f->temporary, O_CLOEXEC);
	if (f->fd < 0) {
		free(f->temporary);
		f->temporary = NULL;
		return error_errno(err, "writing", f->path);
	}
	f->slot = claim_slot(f->temporary);
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
	f->slot = -1;
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

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int status = 0;

	/* Some file systems can't sync a folder; the file itself is safe then as well. */
	if (fd >= 0 && fsync(fd) != 0 && errno != EINVAL)
		status = -1;
	if (fd >= 0)
		close(fd);
	free(copy);
	return status;
}

int atomic_file_commit(struct atomic_file *f, struct error *err)
{
	if (f->temporary == NULL)
		return 0;
	if (fchmod(f->fd, f->mode) != 0 || fsync(f->fd) != 0 || rename(f->temporary, f->path) != 0)
		return error_errno(err, "writing", f->path);
	release_slot(f->slot);
	f->slot = -1;
	free(f->temporary);
	f->temporary = NULL;
	return sync_folder(f->path) != 0 ? error_errno(err, "writing", f->path) : 0;
}

void atomic_file_free(struct atomic_file *f)
{
	if (f == NULL)
		return;
	if (f->temporary != NULL)
		unlink(f->temporary);
	release_slot(f->slot);
	if (f->fd >= 0)
		close(f->fd);
	free(f->temporary);
	free(f->path);
	free(f);
}
