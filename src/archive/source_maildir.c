/*
 * A Maildir with its sub-folders, those of Maildir++ (".Sent") and nested ones. New is listed
 * before cur: programs move messages from the one to the other, and none is to be passed over.
 */
#include "archive/mail_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/maildir_find.h"
#include "archive/stored_file.h"
#include "archive/walk.h"

/* How often a folder is listed again because it changed meanwhile. */
#define PASSES 10

/* What is still to be done in a folder, in this order; MESSAGES: it is one of new and cur. */
enum stage { STAGE_NEW, STAGE_CUR, STAGE_FOLDERS, STAGE_MESSAGES };

struct maildir {
	int root;
	struct walk walk;
};

static int begin_folder(struct walk *w, struct error *err)
{
	int has = stored_has_messages(walk_fd(w));

	walk_top(w)->maildir = has > 0;
	walk_top(w)->stage = has > 0 ? STAGE_NEW : STAGE_FOLDERS;
	return has < 0 ? walk_failed(w, "", err) : 0;
}

static int maildir_open(struct mail_source *s, const char *place, struct error *err)
{
	struct maildir *m = calloc(1, sizeof(*m));
	bool is = false;
	int status;

	if (m == NULL)
		return error_nomem(err);
	s->own = m;
	status = stored_folder(&m->root, place, "a Maildir", err);
	if (status == 0)
		status = stored_is_maildir(&is, place, err);
	if (status != 0)
		return status;
	if (!is) {
		error_set(err, HSMIME_EUSAGE, "%s is not a Maildir: it has no folders cur and new",
		    place);
		return error_hint(err, "eml:%s takes the files *.eml and *.p7m below it", place);
	}
	status = walk_open(&m->walk, m->root, place, err);
	return status != 0 ? status : begin_folder(&m->walk, err);
}

static int found(struct mail_item *item, char *path, const struct stat *st, struct error *err)
{
	item->name = path;
	item->key = path == NULL ? NULL : maildir_key(path);
	if (item->key == NULL)
		return error_nomem(err);
	stored_describe(item, st);
	return 0;
}

/* A message that was renamed between the reading of its folder and the look at it. */
static int moved(struct mail_item *item, struct mail_source *s, const char *name, struct error *err)
{
	struct maildir *m = s->own;
	char *was = walk_path(&m->walk, name), *path = NULL;
	struct stat st;
	int fd, status = 0;

	if (was == NULL)
		return error_nomem(err);
	fd = maildir_open_again(&path, m->root, was);
	free(was);
	if (fd < 0 && errno == ENOMEM)
		status = error_nomem(err);
	else if ((fd < 0 && errno != ENOENT) || (fd >= 0 && fstat(fd, &st) != 0))
		status = walk_failed(&m->walk, name, err);
	else if (fd >= 0 && S_ISREG(st.st_mode))
		status = found(item, strdup(path), &st, err);
	/* Else it was deleted; or it is no file, and is met where it is now. */
	if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

/* When it was renamed last, or written; nanoseconds. */
static int64_t changed_at(const struct stat *st)
{
	return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

static int consider_message(
    struct mail_item *item, struct mail_source *s, const char *name, struct error *err)
{
	struct maildir *m = s->own;
	struct stat st;

	if (name[0] == '.')
		return 0;
	if (fstatat(walk_fd(&m->walk), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? moved(item, s, name, err)
				       : walk_failed(&m->walk, name, err);
	if (changed_at(&st) < walk_top(&m->walk)->since)
		return 0;
	if (S_ISREG(st.st_mode))
		return found(item, walk_path(&m->walk, name), &st, err);
	s->passed_over++;
	return 0;
}

static int consider_folder(struct mail_source *s, const char *name, struct error *err)
{
	struct walk *w = &((struct maildir *)s->own)->walk;
	struct stat st;
	int status;

	if (walk_top(w)->maildir &&
	    (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0))
		return 0;
	if (fstatat(walk_fd(w), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : walk_failed(w, name, err);
	if (walk_is_link_to_folder(w, name, &st))
		s->passed_over++;
	if (!S_ISDIR(st.st_mode))
		return 0;
	status = walk_down(w, name, err);
	return status != 0 ? status : begin_folder(w, err);
}

static int64_t folder_time(struct walk *w)
{
	struct stat st;

	return fstat(walk_fd(w), &st) == 0 ? stored_modified(&st) : 0;
}

static int into_messages(struct walk *w, enum stage then, const char *name, struct error *err)
{
	int status;

	walk_top(w)->stage = then;
	status = walk_down(w, name, err);
	if (status != 0)
		return status;
	walk_top(w)->stage = STAGE_MESSAGES;
	walk_top(w)->changed = folder_time(w);
	walk_top(w)->since = INT64_MIN;
	return 0;
}

/*
 * All of a folder of messages was read. Who renames a message meanwhile may have hidden it: its old name
 * was not reached yet, and its new one comes before. So what changed since then is listed again.
 */
static int end_messages(struct walk *w, struct error *err)
{
	struct walk_level *top = walk_top(w);
	int64_t changed = folder_time(w);
	int status = 0;

	if (changed == top->changed) {
		walk_up(w);
	} else if (++top->passes < PASSES) {
		top->since = top->changed;
		top->changed = changed;
		rewinddir(top->folder);
	} else {
		status = error_set(err, HSMIME_EIO,
		    "%s/%.*s: it changes all the time, and messages of it may be missing", w->place,
		    (int)w->path.len, (const char *)w->path.data);
		error_hint(err, "let no program write to it, and list it again");
		walk_up(w);
	}
	return status;
}

static int step(struct mail_item *item, struct mail_source *s, struct error *err)
{
	struct walk *w = &((struct maildir *)s->own)->walk;
	const char *name;
	int status;

	if (walk_top(w)->stage == STAGE_NEW)
		return into_messages(w, STAGE_CUR, "new", err);
	if (walk_top(w)->stage == STAGE_CUR)
		return into_messages(w, STAGE_FOLDERS, "cur", err);
	status = walk_entry(&name, w, err);
	if (name == NULL && status == 0 && walk_top(w)->stage == STAGE_MESSAGES)
		status = end_messages(w, err);
	else if (name == NULL)
		walk_up(w);
	else if (walk_top(w)->stage == STAGE_MESSAGES)
		status = consider_message(item, s, name, err);
	else
		status = consider_folder(s, name, err);
	return status;
}

static int maildir_next(
    struct mail_item *item, bool *more, struct mail_source *s, struct error *err)
{
	return walk_next(item, more, &((struct maildir *)s->own)->walk, step, s, err);
}

static int maildir_read(
    struct mail_octets *out, struct mail_source *s, const struct mail_item *item, struct error *err)
{
	const struct maildir *m = s->own;
	int fd = stored_below(m->root, item->name);

	if (fd < 0 && errno == ENOENT && !s->unsearched) {
		char *path;

		fd = maildir_open_again(&path, m->root, item->name);
		free(path);
	}
	if (fd < 0 && errno == ENOMEM)
		return error_nomem(err);
	return stored_read(out, fd, item, err);
}

static void maildir_close(struct mail_source *s)
{
	struct maildir *m = s->own;

	if (m == NULL)
		return;
	walk_close(&m->walk);
	if (m->root >= 0)
		close(m->root);
	free(m);
}

const struct mail_source_kind mail_source_maildir = {
	.scheme = "maildir",
	.open = maildir_open,
	.next = maildir_next,
	.read = maildir_read,
	.done = stored_done,
	.close = maildir_close,
	.key_of = maildir_key,
};
