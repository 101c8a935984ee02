/*
 * drafts: the files of messages on their way into a mailbox: written under temporary names in a
 * folder of their own, then synced in groups and renamed.
 */
#ifndef ARCHIVE_DRAFTS_H
#define ARCHIVE_DRAFTS_H

#include <pthread.h>

#include "archive/mail_sink.h"

/* Where drafts are. */
struct drafts {
	char *stem;             /* temporary files are called so, and more */
	char *prefix;           /* the same of every writer's */
	size_t place_len;       /* octets of a path that are the mailbox */
	int folder;             /* open, for what syncs the file system */
	pthread_mutex_t making; /* folders */
	/* Before the folder of path is made: what belongs beside it, as folder_make; NULL: nothing. With making locked. */
	int (*make_folder)(const char *path, size_t place_len, struct error *err);
};

/* What a draft's own is, for every kind. */
struct draft_own {
	char *path;        /* that it gets */
	size_t folder_len; /* of path: its folder */
	int64_t modified;  /* nanoseconds, or 0 */
	char *from_line;   /* of an mbox, or NULL */
};

/*
 * drafts_open(set, place, folder, prefix, tag, err):
 * Make folder, which is for the mailbox at place, where there is none, with those above it, and
 * remove the files in it that begin with prefix, of an earlier run; with a tag, of one of several writers, those of that tag alone. It is no symbolic link. After drafts_init. 0, HSMIME_EIO,
 * HSMIME_ENOMEM; close after a failure as well.
 */
void drafts_init(struct drafts *set);
int drafts_open(struct drafts *set, const char *place, const char *folder, const char *prefix,
    const char *tag, struct error *err);
/* drafts_clear(set, tag, err): the files of the writer of that tag, or of every one (NULL), are removed. */
int drafts_clear(struct drafts *set, const char *tag, struct error *err);
void drafts_close(struct drafts *set);

/* drafts_begin(d, set, path, item, err): d is to become path, the folder of which is made where there is none. */
int drafts_begin(struct mail_draft *d, struct drafts *set, const char *path,
    const struct mail_item *item, struct error *err);

/* drafts_end, drafts_drop: as mail_sink_end and mail_sink_drop. */
int drafts_end(struct mail_draft *d, struct error *err);
void drafts_drop(struct mail_draft *d);

/* drafts_settle(set, d, count, err): as mail_sink_settle, for kinds with a file for each message. */
int drafts_settle(struct drafts *set, struct mail_draft *d, size_t count, struct error *err);

/*
 * folder_make(path, len, from, err): the folder path[0..len) and those above it as far as they are longer than
 * from octets, 0700, each safe on the disk once it is there. folder_sync(path, len, err): its entries are safe. 0, HSMIME_EIO, HSMIME_ENOMEM.
 */
int folder_make(const char *path, size_t len, size_t from, struct error *err);
int folder_sync(const char *path, size_t len, struct error *err);

/*
 * file_forget(folder, path, err): it is not there any more; most often it was not. *folder, NULL at first, is where something
 * was removed and may come back behind a crash: it is synced before another one takes its place, and by
 * files_forgotten(folder, err), which frees it. 0, HSMIME_EIO, HSMIME_ENOMEM.
 */
int file_forget(char **folder, const char *path, struct error *err);
int files_forgotten(char **folder, struct error *err);

/* path_folder(path): octets of path that are its folder, without the slash behind; 0: the current one. */
size_t path_folder(const char *path);

#endif
