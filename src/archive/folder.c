#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/drafts.h"

size_t path_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return 0;
	return slash == path ? 1 : (size_t)(slash - path);
}

static char *folder_name(const char *path, size_t len)
{
	return len > 0 ? strndup(path, len) : strdup(".");
}

int folder_sync(const char *path, size_t len, struct error *err)
{
	char *name = folder_name(path, len);
	int status = 0, fd;

	if (name == NULL)
		return error_nomem(err);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A file system that can't sync folders (EINVAL) has nothing better. */
	if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
		status = error_errno(err, "writing", name);
	if (fd >= 0)
		close(fd);
	free(name);
	return status;
}

int files_forgotten(char **folder, struct error *err)
{
	int status = *folder != NULL ? folder_sync(*folder, strlen(*folder), err) : 0;

	free(*folder);
	*folder = NULL;
	return status;
}

int file_forget(char **folder, const char *path, struct error *err)
{
	size_t len = path_folder(path);
	int status;

	if (unlink(path) != 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, "removing", path);
	if (*folder != NULL && strlen(*folder) == len && memcmp(*folder, path, len) == 0)
		return 0;
	status = files_forgotten(folder, err);
	if (status != 0)
		return status;
	*folder = strndup(path, len);
	return *folder != NULL ? 0 : error_nomem(err);
}

/* The folder name, whose own folder is there. */
static int make_one(const char *name, struct error *err)
{
	if (mkdir(name, 0700) == 0)
		return folder_sync(name, path_folder(name), err);
	return errno == EEXIST ? 0 : error_errno(err, "making the folder", name);
}

int folder_make(const char *path, size_t len, size_t from, struct error *err)
{
	char *name = folder_name(path, len);
	struct stat st;
	bool there;
	int status = 0;

	if (name == NULL)
		return error_nomem(err);
	there = stat(name, &st) == 0;
	if (!there && len < from) {
		status = error_errno(err, "writing into", name);
	} else if (!there) {
		for (size_t i = from + 1; i < len && status == 0; i++) {
			if (name[i] != '/' || name[i - 1] == '/')
				continue;
			name[i] = '\0';
			status = make_one(name, err);
			name[i] = '/';
		}
		if (status == 0)
			status = make_one(name, err);
	} else if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		status = error_errno(err, "writing into", name);
	}
	free(name);
	return status;
}
