/*
 * mailbox: mailboxes in a scratch folder, and what mail_source makes of them.
 */
#ifndef TESTS_ARCHIVE_MAILBOX_H
#define TESTS_ARCHIVE_MAILBOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/mail_source.h"
#include "scratch.h"
#include "util/buffer.h"

/* put(path, data, len): a file, and the folders that its path has; put_text(path, text). */
void put(const char *path, const void *data, size_t len);
void put_text(const char *path, const char *text);

/* put_folder(path): a folder, and those above it. put_maildir(path): one with cur, new and tmp. */
void put_folder(const char *path);
void put_maildir(const char *path);

/* touch(path, seconds): its time of modification. */
void touch(const char *path, long seconds);

/* What a listing gave. */
struct listing {
	struct mail_item *items;
	size_t count;
	size_t failures;
	struct error err; /* the last failure's */
};

/* opened(name): that mailbox; it can be opened. */
struct mail_source *opened(const char *name);

/* assert_refused(name, status, words): it can't be, with that status, and words in the message. */
void assert_refused(const char *name, int status, const char *words);

/* list_all(s): all of them, behind failures too, sorted by name; free with listing_free. */
struct listing list_all(struct mail_source *s);
void listing_free(struct listing *l);

/* assert_names(name, names...): what the mailbox holds, sorted by name, without a failure; the last one is NULL. */
void assert_names(const char *name, ...);

/* content(out, s, item): its octets by reads of at most step octets. 0 or the status of what failed. */
int content(struct buffer *out, struct mail_source *s, const struct mail_item *item, size_t step);

/* assert_content(s, item, data, len): one octet at a time, at once, and after seeks to each offset. */
void assert_content(
    struct mail_source *s, const struct mail_item *item, const void *data, size_t len);

/* assert_unreadable(s, item, words): HSMIME_EIO with these. */
void assert_unreadable(struct mail_source *s, const struct mail_item *item, const char *words);

/* passed_over(name): how much of the mailbox is, beside the one message that it has. */
uint64_t passed_over(const char *name);

/* assert_changes_seen(s, item, at): an item's file at that path, two folders deep, is not read however it changes. */
void assert_changes_seen(struct mail_source *s, const struct mail_item *item, const char *at);

#endif
