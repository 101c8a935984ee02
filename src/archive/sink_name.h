/*
 * sink_name: names in a mailbox that is written, out of names that anybody may have chosen.
 */
#ifndef ARCHIVE_SINK_NAME_H
#define ARCHIVE_SINK_NAME_H

#include <stdbool.h>

#include "archive/mail_source.h"
#include "util/buffer.h"
#include "util/error.h"

#define SINK_HASH 32 /* hexadecimal digits */

/* sink_hash(out, job, key, err): digits of SHA-256 over job and key, and a NUL. 0 or HSMIME_ENOMEM. */
int sink_hash(char out[SINK_HASH + 1], const char *job, const char *key, struct error *err);

/* sink_key(item): what it is known by. */
const char *sink_key(const struct mail_item *item);

/*
 * sink_folders(out, path, len):
 * Append the folders path[0..len) to out, each with a slash behind: those that are empty, "." or ".." left out, control
 * characters replaced by "_", each cut to what a name may have. Returns whether all are as they were.
 */
bool sink_folders(struct buffer *out, const char *path, size_t len);

/* sink_component(out, name, len, max): one name in the same way, cut to max octets, not within a character of UTF-8. */
bool sink_component(struct buffer *out, const char *name, size_t len, size_t max);

/*
 * sink_file(out, item, extension, hash, always):
 * The relative path of item in a tree of files, its folders kept. Where its name is safe and ends in
 * .eml or .p7m it is kept too; "a.p7m" of which extension says that it is .eml has become
 * "a.p7m.eml", as there may be an a.eml beside it. Any other name, or where always, has part
 * of hash put in, so that no two items get the same.
 */
void sink_file(struct buffer *out, const struct mail_item *item, const char *extension,
    const char *hash, bool always);

#endif
