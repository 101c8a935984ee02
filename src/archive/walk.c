#include "archive/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path's name for messages: the place and what was walked of it. */
static int complain(struct error *err, const char *what, const struct walk *w, const char *name)
{
	int code = errno;
	char *path = walk_path(w, strcmp(name, ".") == 0 ? "" : name);

	errno = code;
	error_errno(err, what, path == NULL || *path == '\0' ? w->place : path);
	if (path != NULL && *path != '\0')
		error_prefix(err, "%s", w->place);
	free(path);
	return HSMIME_EIO;
}

static int enter(struct walk *w, int at, const char *name, struct error *err)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (folder == NULL) {
		int status =
		    errno == ENOMEM ? error_nomem(err) : complain(err, "can't read", w, name);

		if (fd >= 0)
			close(fd);
		return status;
	}
	w->levels[w->depth++] = (struct walk_level){ .folder = folder };
	return 0;
}

int walk_open(struct walk *w, int root, const char *place, struct error *err)
{
	*w = (struct walk){ .place = place };
	buffer_init(&w->path, WALK_DEPTH * ((size_t)NAME_MAX + 1));
	return enter(w, root, ".", err);
}

void walk_close(struct walk *w)
{
	while (w->depth > 0)
		walk_up(w);
	buffer_free(&w->path);
}

struct walk_level *walk_top(struct walk *w)
{
	return &w->levels[w->depth - 1];
}

int walk_fd(struct walk *w)
{
	return dirfd(walk_top(w)->folder);
}

int walk_down(struct walk *w, const char *name, struct error *err)
{
	size_t len = w->path.len;
	int status;

	if (w->depth == WALK_DEPTH) {
		error_set(err, HSMIME_EIO, "a folder lies more than %d folders deep: %.*s%s",
		    WALK_DEPTH, (int)len, (const char *)w->path.data, name);
		return error_prefix(err, "%s", w->place);
	}
	status = enter(w, walk_fd(w), name, err);
	if (status != 0)
		return status;
	if (buffer_add_string(&w->path, name) != 0 || buffer_add_string(&w->path, "/") != 0) {
		w->path.status = 0;
		walk_up(w);
		return error_nomem(err);
	}
	walk_top(w)->path_len = w->path.len;
	return 0;
}

void walk_up(struct walk *w)
{
	closedir(w->levels[--w->depth].folder);
	if (w->depth > 0)
		w->path.len = walk_top(w)->path_len;
}

int walk_entry(const char **name, struct walk *w, struct error *err)
{
	struct dirent *entry;

	*name = NULL;
	do {
		errno = 0;
		entry = readdir(walk_top(w)->folder);
	} while (
	    entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (entry == NULL && errno != 0)
		return complain(err, "can't read on in", w, "");
	if (entry != NULL)
		*name = entry->d_name;
	return 0;
}

int walk_next(struct mail_item *item, bool *more, const struct walk *w,
    int (*step)(struct mail_item *item, struct mail_source *s, struct error *err),
    struct mail_source *s, struct error *err)
{
	int status = 0;

	while (status == 0 && item->name == NULL && w->depth > 0)
		status = step(item, s, err);
	*more = item->name != NULL || w->depth > 0;
	return status;
}

int walk_failed(const struct walk *w, const char *name, struct error *err)
{
	return complain(err, "can't read", w, name);
}

bool walk_is_link_to_folder(struct walk *w, const char *name, const struct stat *st)
{
	struct stat to;

	return S_ISLNK(st->st_mode) && fstatat(walk_fd(w), name, &to, 0) == 0 &&
	       S_ISDIR(to.st_mode);
}

char *walk_path(const struct walk *w, const char *name)
{
	size_t len = strlen(name);
	char *path = malloc(w->path.len + len + 1);

	if (path == NULL)
		return NULL;
	if (w->path.len > 0)
		memcpy(path, w->path.data, w->path.len);
	memcpy(path + w->path.len, name, len + 1);
	return path;
}
