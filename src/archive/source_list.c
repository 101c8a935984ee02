/* A list of paths, one a line, or behind each a NUL where the first that ends ends so. */
#include "archive/mail_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/stored_file.h"
#include "util/source.h"

/* No file has a longer path (PATH_MAX counts a NUL). */
#define LINE_LEN_MAX (PATH_MAX - 1)
#define ROOM 65536

#define SEPARATOR_UNKNOWN (-1)

struct list {
	int fd; /* STDIN_FILENO stays open */
	hsmime_file file;
	struct window window;
	uint64_t line; /* lines taken */
	int separator; /* '\n', '\0' or SEPARATOR_UNKNOWN */
};

static int list_open(struct mail_source *s, const char *place, struct error *err)
{
	struct list *l = calloc(1, sizeof(*l));
	hsmime_source source;
	struct stat st;

	if (l == NULL)
		return error_nomem(err);
	s->own = l;
	l->separator = SEPARATOR_UNKNOWN;
	l->fd = STDIN_FILENO;
	if (strcmp(place, "-") != 0)
		l->fd = open(place, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (l->fd < 0 || fstat(l->fd, &st) != 0)
		return error_errno(err, "can't open", place);
	if (S_ISDIR(st.st_mode))
		return error_set(
		    err, HSMIME_EUSAGE, "%s is not a list of files: it is a folder", place);
	hsmime_source_fd(&source, &l->file, l->fd);
	return window_open(&l->window, &source, ROOM) == 0 ? 0 : error_nomem(err);
}

/* Where the line that begins at data ends, or NULL where that is not in sight. */
static const unsigned char *line_end(struct list *l, const unsigned char *data, size_t len)
{
	for (size_t i = 0; l->separator == SEPARATOR_UNKNOWN && i < len; i++) {
		if (data[i] == '\n' || data[i] == '\0')
			l->separator = data[i];
	}
	if (l->separator == SEPARATOR_UNKNOWN || len == 0)
		return NULL;
	return memchr(data, l->separator, len);
}

/* A line in sight. */
struct line {
	size_t len;   /* without its end; LINE_TOO_LONG: its first octets are taken already */
	size_t taken; /* octets in sight that it is, with its end */
	bool is;      /* there is one */
};

#define LINE_TOO_LONG SIZE_MAX

static int next_line(struct line *out, struct list *l)
{
	size_t seen = 0;

	*out = (struct line){ 0 };
	for (;;) {
		ptrdiff_t got = window_need(&l->window, seen + 1);
		const unsigned char *data = l->window.data + l->window.start;
		const unsigned char *end = NULL;

		if (got < 0)
			return (int)got;
		end = line_end(l, data + seen, (size_t)got - seen);
		if (end != NULL || (size_t)got == seen) {
			size_t len = end != NULL ? (size_t)(end - data) : seen;

			out->taken = len + (end != NULL);
			out->is = out->is || out->taken > 0;
			if (out->len != LINE_TOO_LONG)
				out->len = len;
			return 0;
		}
		seen = (size_t)got;
		if (seen > LINE_LEN_MAX + 1) { /* a CR may belong to the end */
			window_take(&l->window, seen);
			*out = (struct line){ .len = LINE_TOO_LONG, .is = true };
			seen = 0;
		}
	}
}

static int describe(
    struct mail_item *item, const unsigned char *path, size_t len, struct error *err)
{
	struct stat st;

	item->name = strndup((const char *)path, len);
	item->key = strndup((const char *)path, len);
	if (item->name == NULL || item->key == NULL)
		return error_nomem(err);
	/* What is not there costs itself alone, when it is read. */
	if (stat(item->name, &st) == 0 && S_ISREG(st.st_mode))
		stored_describe(item, &st);
	return 0;
}

static int take_line(
    struct mail_item *item, struct list *l, size_t len, const char *place, struct error *err)
{
	const unsigned char *path = l->window.data + l->window.start;
	unsigned long long line = ++l->line;

	if (l->separator == '\n' && len > 0 && len != LINE_TOO_LONG && path[len - 1] == '\r')
		len--;
	if (len > LINE_LEN_MAX)
		return error_set(err, HSMIME_EUSAGE,
		    "%s: line %llu is longer than a path can be (%d octets)", place, line,
		    LINE_LEN_MAX);
	if (len > 0 && memchr(path, '\0', len) != NULL)
		return error_set(
		    err, HSMIME_EUSAGE, "%s: line %llu has a NUL, which no path has", place, line);
	return len == 0 ? 0 : describe(item, path, len, err);
}

static int list_next(struct mail_item *item, bool *more, struct mail_source *s, struct error *err)
{
	struct list *l = s->own;
	struct line line = { .is = true };
	int status = 0;

	while (status == 0 && item->name == NULL && line.is) {
		status = next_line(&line, l);
		if (status != 0)
			return error_set(err, status, "%s: the list can't be read on", s->place);
		if (line.is)
			status = take_line(item, l, line.len, s->place, err);
		window_take(&l->window, line.taken);
	}
	*more = line.is;
	return status;
}

static int open_given(const struct mail_source *s, const char *name)
{
	char *path = NULL;
	int fd, why;

	if (s->beside == NULL || name[0] == '/')
		return stored_given(name);
	if (asprintf(&path, "%s/%s", s->beside, name) < 0) {
		errno = ENOMEM;
		return -1;
	}
	fd = stored_given(path);
	why = errno;
	free(path);
	errno = why;
	return fd;
}

static int list_read(
    struct mail_octets *out, struct mail_source *s, const struct mail_item *item, struct error *err)
{
	int fd = open_given(s, item->name);

	if (fd < 0 && errno == ENOENT && item->modified == 0)
		return error_set(err, HSMIME_EIO, "%s is not there", item->name);
	return stored_read(out, fd, item, err);
}

static void list_close(struct mail_source *s)
{
	struct list *l = s->own;

	if (l == NULL)
		return;
	window_close(&l->window);
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	free(l);
}

const struct mail_source_kind mail_source_list = {
	.scheme = "list",
	.scattered = true,
	.open = list_open,
	.next = list_next,
	.read = list_read,
	.done = stored_done,
	.close = list_close,
};
