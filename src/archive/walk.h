/*
 * walk: through a folder and those below it, with one open folder for each level of depth.
 */
#ifndef ARCHIVE_WALK_H
#define ARCHIVE_WALK_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "archive/mail_source.h"
#include "util/buffer.h"
#include "util/error.h"

/* Folders in one another. More is an error of the folder that would be the next. */
#define WALK_DEPTH 64

struct walk_level {
	DIR *folder;
	size_t path_len; /* of its path, with the final slash */
	/* The walker's own: */
	int stage;
	bool maildir;
	unsigned passes;
	int64_t changed, since;
};

struct walk {
	const char *place; /* what the path is below, for messages; the caller keeps it */
	struct buffer path;
	struct walk_level levels[WALK_DEPTH];
	size_t depth; /* open levels */
};

/* walk_open(w, root, place, err): w stands in the folder root, which stays the caller's. */
int walk_open(struct walk *w, int root, const char *place, struct error *err);
void walk_close(struct walk *w); /* zeroed is allowed */

/* walk_top(w): the folder in which w stands; there is one while w->depth > 0. */
struct walk_level *walk_top(struct walk *w);

/* walk_fd(w): its descriptor. */
int walk_fd(struct walk *w);

/* walk_down(w, name, err): into the folder name of that; no symbolic link. HSMIME_EIO or HSMIME_ENOMEM: w stays. */
int walk_down(struct walk *w, const char *name, struct error *err);

/* walk_up(w): out of the top folder. */
void walk_up(struct walk *w);

/*
 * walk_entry(name, w, err):
 * The next entry's name, neither "." nor ".."; NULL at the end. HSMIME_EIO where the folder can't be
 * read on. Void at the next call.
 */
int walk_entry(const char **name, struct walk *w, struct error *err);

/*
 * walk_next(item, more, w, step, s, err):
 * As a kind's next: step after step until one has found an item, or failed, or w has no folder left.
 */
int walk_next(struct mail_item *item, bool *more, const struct walk *w,
    int (*step)(struct mail_item *item, struct mail_source *s, struct error *err),
    struct mail_source *s, struct error *err);

/* walk_failed(w, name, err): HSMIME_EIO: errno, of an entry of the top folder. */
int walk_failed(const struct walk *w, const char *name, struct error *err);

/* walk_is_link_to_folder(w, name, st): whether that entry, of which st is, is a symbolic link to a folder. */
bool walk_is_link_to_folder(struct walk *w, const char *name, const struct stat *st);

/* walk_path(w, name): the path of an entry below the root; NULL where memory is short. The caller frees it. */
char *walk_path(const struct walk *w, const char *name);

#endif
