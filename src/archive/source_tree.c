/* A tree of files *.eml and *.p7m, in depth; symbolic links are not followed. */
#include "archive/mail_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "archive/stored_file.h"
#include "archive/walk.h"

struct tree {
	int root;
	struct walk walk;
};

static int tree_open(struct mail_source *s, const char *place, struct error *err)
{
	struct tree *t = calloc(1, sizeof(*t));
	int status;

	if (t == NULL)
		return error_nomem(err);
	s->own = t;
	status = stored_folder(&t->root, place, "a tree of files", err);
	return status != 0 ? status : walk_open(&t->walk, t->root, place, err);
}

static bool is_message(const char *name)
{
	size_t len = strlen(name);

	return len >= 4 &&
	       (strcasecmp(name + len - 4, ".eml") == 0 || strcasecmp(name + len - 4, ".p7m") == 0);
}

static int found(struct mail_item *item, const struct walk *w, const char *name,
    const struct stat *st, struct error *err)
{
	item->name = walk_path(w, name);
	item->key = walk_path(w, name);
	if (item->name == NULL || item->key == NULL)
		return error_nomem(err);
	stored_describe(item, st);
	return 0;
}

/* An entry of the top folder: gone into, an item, or nothing. */
static int consider(
    struct mail_item *item, struct mail_source *s, const char *name, struct error *err)
{
	struct walk *w = &((struct tree *)s->own)->walk;
	struct stat st;

	if (fstatat(walk_fd(w), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : walk_failed(w, name, err);
	if (S_ISDIR(st.st_mode))
		return walk_down(w, name, err);
	if (is_message(name) && S_ISREG(st.st_mode))
		return found(item, w, name, &st, err);
	if (is_message(name) || walk_is_link_to_folder(w, name, &st))
		s->passed_over++;
	return 0;
}

static int step(struct mail_item *item, struct mail_source *s, struct error *err)
{
	struct walk *w = &((struct tree *)s->own)->walk;
	const char *name;
	int status = walk_entry(&name, w, err);

	if (name == NULL)
		walk_up(w);
	else
		status = consider(item, s, name, err);
	return status;
}

static int tree_next(struct mail_item *item, bool *more, struct mail_source *s, struct error *err)
{
	return walk_next(item, more, &((struct tree *)s->own)->walk, step, s, err);
}

static int tree_read(
    struct mail_octets *out, struct mail_source *s, const struct mail_item *item, struct error *err)
{
	const struct tree *t = s->own;

	return stored_read(out, stored_below(t->root, item->name), item, err);
}

static void tree_close(struct mail_source *s)
{
	struct tree *t = s->own;

	if (t == NULL)
		return;
	walk_close(&t->walk);
	if (t->root >= 0)
		close(t->root);
	free(t);
}

const struct mail_source_kind mail_source_tree = {
	.scheme = "eml",
	.open = tree_open,
	.next = tree_next,
	.read = tree_read,
	.done = stored_done,
	.close = tree_close,
};
