/* A Maildir, with the sub-folders that the source has. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/drafts.h"
#include "archive/sink_kinds.h"
#include "archive/sink_name.h"

/* Where a message lies in its source, as far as that is a Maildir; else in the mailbox itself. */
struct spot {
	size_t folder_len; /* of the item's name: the sub-folder, with the slash behind */
	bool is_new;
	const char *flags; /* up to the end of the name */
};

static bool is_part(const char *name, size_t len, const char *part)
{
	return len == strlen(part) && strncmp(name, part, len) == 0;
}

static bool is_own_part(const char *name, size_t len)
{
	return is_part(name, len, "cur") || is_part(name, len, "new") || is_part(name, len, "tmp");
}

static struct spot find_spot(const char *name)
{
	struct spot spot = { .flags = "" };
	const char *slash = strrchr(name, '/');
	const char *part = slash, *flags;

	while (part != NULL && part > name && part[-1] != '/')
		part--;
	if (slash == NULL || !is_own_part(part, (size_t)(slash - part)) || *part == 't')
		return spot;
	spot.folder_len = (size_t)(part - name);
	spot.is_new = *part == 'n';
	for (flags = slash; (flags = strstr(flags, ":2,")) != NULL;)
		spot.flags = flags += 3;
	return spot;
}

/* A sub-folder that is called cur could not be told from the mailbox's own. */
static void add_folders(struct buffer *out, const char *path, size_t len)
{
	for (size_t at = 0; at < len;) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t n = slash != NULL ? (size_t)(slash - path) - at : len - at;

		if (is_own_part(path + at, n))
			buffer_add(out, "_", 1);
		sink_folders(out, path + at, n);
		at += n + 1;
	}
}

#define FOLDERS_LONGEST 2048 /* leaves room for the place before them */

static int make_name(
    struct buffer *out, const struct mail_sink *s, const struct mail_item *item, struct error *err)
{
	struct spot spot = find_spot(item->name);
	char hash[SINK_HASH + 1];
	int status = sink_hash(hash, s->job, sink_key(item), err);

	if (status != 0)
		return status;
	add_folders(out, item->name, spot.folder_len);
	if (out->len > FOLDERS_LONGEST)
		buffer_reset(out);
	/* The times of new files are the order in which mail programs show them. */
	buffer_printf(out, "%s/%lld.%s.hsmime", spot.is_new ? "new" : "cur",
	    (long long)(item->modified / 1000000000), hash);
	if (!spot.is_new || *spot.flags != '\0')
		buffer_add_string(out, ":2,");
	for (size_t i = 0, kept = 0; spot.flags[i] != '\0' && kept < 52; i++) {
		unsigned char c = (unsigned char)spot.flags[i];

		if (c < 0x80 && isalpha(c)) {
			buffer_add(out, &c, 1);
			kept++;
		}
	}
	return out->status == 0 ? 0 : error_nomem(err);
}

/* cur, new and tmp of the folder path[0..len), which has a slash behind it. */
static int make_maildir(const char *path, size_t len, size_t from, struct error *err)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	int status = 0;

	for (size_t i = 0; i < 3 && status == 0; i++) {
		char *part = NULL;

		if (asprintf(&part, "%.*s%s", (int)len, path, parts[i]) < 0)
			return error_nomem(err);
		status = folder_make(part, strlen(part), from, err);
		free(part);
	}
	return status;
}

/* Programs that know Maildir++ look for this file in a sub-folder. */
static void mark_folder(const char *path, size_t len)
{
	char *mark = NULL;
	int fd;

	if (asprintf(&mark, "%.*smaildirfolder", (int)len, path) < 0)
		return;
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
	free(mark);
}

/* For a sub-folder's message: the folder as a Maildir. */
static int make_folder(const char *path, size_t place_len, struct error *err)
{
	size_t up = path_folder(path);
	int status;

	while (up > 0 && path[up - 1] != '/')
		up--;
	/* The mailbox itself was made when it was opened: where it has gone it is not made again. */
	if (up == place_len + 1)
		return 0;
	status = make_maildir(path, up, place_len, err);
	if (status == 0 && path[place_len + 1] == '.')
		mark_folder(path, up);
	return status;
}

static int check_place(const char *place, struct error *err)
{
	DIR *dir = opendir(place);
	struct dirent *entry;
	bool other = false, own = false;

	if (dir == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "writing into", place);
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (is_own_part(name, strlen(name)))
			own = true;
		else if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			other = true;
	}
	closedir(dir);
	if (own || !other)
		return 0;
	return error_set(err, HSMIME_EUSAGE, "%s has other files and is no Maildir", place);
}

static int maildir_check(const char *place, const char *job, uint64_t committed, struct error *err)
{
	(void)job;
	(void)committed;
	return check_place(place, err);
}

static int maildir_open(struct mail_sink *s, uint64_t committed, struct error *err)
{
	struct drafts *set = calloc(1, sizeof(*set));
	char *place = NULL, *tmp = NULL, *prefix = NULL;
	int status = 0;

	(void)committed;
	if (set == NULL)
		return error_nomem(err);
	drafts_init(set);
	set->make_folder = make_folder;
	s->own = set;
	if (asprintf(&place, "%s/", s->place) < 0 || asprintf(&tmp, "%s/tmp", s->place) < 0 ||
	    asprintf(&prefix, "hsmime.%s", s->job) < 0)
		status = error_nomem(err);
	if (status == 0)
		status = check_place(s->place, err);
	if (status == 0)
		status = make_maildir(place, strlen(place), 0, err);
	if (status == 0)
		status = drafts_open(set, s->place, tmp, prefix, s->tag, err);
	free(place);
	free(tmp);
	free(prefix);
	return status;
}

static int maildir_begin(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, struct error *err)
{
	struct buffer name;
	char *path = NULL;
	int status;

	(void)form;
	buffer_init(&name, SIZE_MAX / 2);
	status = make_name(&name, s, item, err);
	if (status == 0 && buffer_string(&name) != NULL)
		d->name = strdup(buffer_string(&name));
	if (status == 0 && (d->name == NULL || asprintf(&path, "%s/%s", s->place, d->name) < 0))
		status = error_nomem(err);
	if (status == 0)
		status = drafts_begin(d, s->own, path, item, err);
	free(path);
	buffer_free(&name);
	return status;
}

static int maildir_settle(struct mail_sink *s, struct mail_draft *drafts, size_t count,
    uint64_t *committed, struct error *err)
{
	(void)committed;
	return drafts_settle(s->own, drafts, count, err);
}

/* Under the name that it got: a mail program may have given it another since. */
static int maildir_forget(
    struct mail_sink *s, const struct mail_item *item, const char *extension, struct error *err)
{
	struct buffer name;
	char *path = NULL;
	int status;

	(void)extension;
	buffer_init(&name, SIZE_MAX / 2);
	status = make_name(&name, s, item, err);
	if (status == 0 && (buffer_string(&name) == NULL ||
			       asprintf(&path, "%s/%s", s->place, buffer_string(&name)) < 0)) {
		path = NULL;
		status = error_nomem(err);
	}
	if (status == 0)
		status = file_forget(&s->forgotten, path, err);
	free(path);
	buffer_free(&name);
	return status;
}

static int maildir_finish(struct mail_sink *s, struct error *err)
{
	(void)s;
	(void)err;
	return 0;
}

static int maildir_clear(struct mail_sink *s, const char *tag, struct error *err)
{
	return drafts_clear(s->own, tag, err);
}

static void maildir_close(struct mail_sink *s)
{
	drafts_close(s->own);
	free(s->own);
}

const struct mail_sink_kind mail_sink_maildir = {
	.scheme = "maildir",
	.open = maildir_open,
	.check = maildir_check,
	.begin = maildir_begin,
	.settle = maildir_settle,
	.finish = maildir_finish,
	.forget = maildir_forget,
	.clear = maildir_clear,
	.close = maildir_close,
};
