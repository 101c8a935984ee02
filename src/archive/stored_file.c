#include "archive/stored_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/source.h"

/* A FIFO or a terminal in place of a message must not stop anyone. */
#define OPEN_FILE (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define OPEN_FOLDER (O_RDONLY | O_CLOEXEC | O_DIRECTORY)

/* Whether at's entry, or that of its folder, is a folder: 1, 0, or -1 and errno. */
static int has_folder(int at, const char *folder, const char *name)
{
	char path[NAME_MAX + 8];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode);
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

static int has_messages(int at, const char *folder)
{
	int has = has_folder(at, folder, "cur");

	return has > 0 ? has_folder(at, folder, "new") : has;
}

int stored_has_messages(int fd)
{
	return has_messages(fd, ".");
}

static int look_into(DIR *folder)
{
	int is = has_messages(dirfd(folder), ".");

	while (is == 0) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(folder);
		if (entry == NULL)
			return errno != 0 ? -1 : 0;
		/* Of a million files in one folder none is asked; a folder that can't be is listed as one. */
		if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)
			is = has_messages(dirfd(folder), entry->d_name) > 0;
	}
	return is;
}

int stored_is_maildir(bool *is, const char *path, struct error *err)
{
	DIR *folder = opendir(path);
	int found = folder == NULL ? -1 : look_into(folder);
	int status = 0;

	*is = found > 0;
	if (found < 0)
		status = errno == ENOMEM ? error_nomem(err) : error_errno(err, "can't read", path);
	if (folder != NULL)
		closedir(folder);
	return status;
}

int stored_folder(int *fd, const char *path, const char *what, struct error *err)
{
	*fd = open(path, OPEN_FOLDER);
	if (*fd < 0 && errno == ENOTDIR)
		return error_set(err, HSMIME_EUSAGE, "%s is not %s: it is no folder", path, what);
	return *fd < 0 ? error_errno(err, "can't open", path) : 0;
}

int64_t stored_modified(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

void stored_describe(struct mail_item *item, const struct stat *st)
{
	item->size = (uint64_t)st->st_size;
	item->modified = stored_modified(st);
}

int stored_below(int root, const char *path)
{
	char name[NAME_MAX + 1];
	int at = root, fd = -1;

	for (;;) {
		size_t len = strcspn(path, "/");
		bool last = path[len] == '\0';

		fd = -1;
		errno = len < sizeof(name) ? ENOENT : ENAMETOOLONG;
		if (len < sizeof(name)) {
			memcpy(name, path, len);
			name[len] = '\0';
		}
		if (len < sizeof(name) && strcmp(name, "..") != 0)
			fd = openat(
			    at, name, (last ? OPEN_FILE : OPEN_FOLDER | O_PATH) | O_NOFOLLOW);
		if (at != root) {
			int code = errno;

			close(at);
			errno = code;
		}
		if (fd < 0 || last)
			return fd;
		at = fd;
		path += len + 1;
	}
}

int stored_given(const char *path)
{
	return open(path, OPEN_FILE);
}

static int not_opened(const struct mail_item *item, struct error *err)
{
	if (errno == ENOENT || errno == ENOTDIR) {
		error_set(err, HSMIME_EIO, "%s is not there any more", item->name);
		return error_hint(
		    err, "it was removed or renamed by another program; list the mailbox again");
	}
	/* That says nothing of the message. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return error_set(
		    err, HSMIME_ENOMEM, "can't open %s: %s", item->name, strerror(errno));
	if (errno == ELOOP || errno == ENXIO)
		return error_set(err, HSMIME_EIO, "%s is not a file", item->name);
	return error_errno(err, "can't open", item->name);
}

int stored_read(struct mail_octets *out, int fd, const struct mail_item *item, struct error *err)
{
	struct stat st;

	if (fd < 0)
		return not_opened(item, err);
	out->fd = fd;
	if (fstat(fd, &st) != 0)
		return error_errno(err, "can't read", item->name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, HSMIME_EIO, "%s is not a file", item->name);
	if (item->size != HSMIME_SIZE_UNKNOWN &&
	    ((uint64_t)st.st_size != item->size || stored_modified(&st) != item->modified)) {
		error_set(err, HSMIME_EIO, "%s was changed since it was listed", item->name);
		return error_hint(err, "list the mailbox again");
	}
	source_file(&out->source, &out->file, fd, &st);
	/* The listing saw it: from its first reading on its end is an error where it has changed. */
	out->file.again = 1;
	/* The listing knows that there is no octet, where that means "unknown" to the source. */
	out->source.size = (uint64_t)st.st_size;
	return 0;
}

void stored_done(struct mail_octets *octets)
{
	if (octets->fd >= 0)
		close(octets->fd);
}
