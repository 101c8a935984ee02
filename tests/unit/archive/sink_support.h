/*
 * sink_support: a scratch folder, and short ways to write messages into a mailbox in it.
 */
#ifndef TESTS_ARCHIVE_SINK_SUPPORT_H
#define TESTS_ARCHIVE_SINK_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/mail_sink.h"
#include "scratch.h"
#include "util/buffer.h"

#define JOB "0123abcd"
#define WHEN 1500000000123456789

/* An item of that name, key (NULL: the name) and time. */
struct mail_item item_of(const char *name, const char *key, int64_t modified);

/* The mailbox, opened for JOB. */
struct mail_sink *sink_of(const char *name, uint64_t committed);

/* draft_data: begin, write, commit, end. draft_keep: settle one too; returns its name, of the test's memory. */
int draft_data(struct mail_draft *d, struct mail_sink *s, const struct mail_item *item,
    const struct mail_form *form, const void *data, size_t len, struct error *err);
const char *draft_keep(struct mail_sink *s, const char *name, const char *text);
int draft_write(struct mail_draft *d, const void *data, size_t len, struct error *err);

/* How many regular files are in path and below; those of them with part in their path. */
size_t files_in(const char *path);
size_t files_with(const char *path, const char *part);

/* file_read(out, path): all of it; file_is(path, text): exactly that. */
void file_read(struct buffer *out, const char *path);
void assert_file_is(const char *path, const char *text);
void file_make(const char *path, const char *text);

/*
 * crash(step, name, count): another process opens the mailbox, writes count messages "0", "1", … and ends
 * at once, without a farewell, after that step of the last one.
 */
enum step { OPENED, BEGUN, HALF, WRITTEN, ENDED, SETTLED, STEPS };
uint64_t crash(enum step step, const char *name, size_t count, const char *pattern);

/*
 * assert_crashes_cost_nothing(scheme, pattern, part): 10 messages called as pattern says, the names of which
 * have part in them once they are settled, in a mailbox of a folder; a process that ends at any step leaves each once
 * or not at all, and the next one writes them.
 */
void assert_crashes_cost_nothing(const char *scheme, const char *pattern, const char *part);

/* assert_full_disk_costs_one(mailbox, folder, name): what has no room is an error, and leaves nothing. */
void assert_full_disk_costs_one(const char *mailbox, const char *folder, const char *name);

/* settle_100_mb(mailbox, octet): a message of these, which takes no memory; its draft, settled and to be dropped. */
#define HUNDRED_MB ((size_t)100 << 20)
struct mail_draft settle_100_mb(struct mail_sink *s, char octet, uint64_t *committed);

#endif
