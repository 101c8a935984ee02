/*
 * file_body: the octets of a file that is being written. Those of a staged one (util/atomic_file.h) stay in memory as
 * long as they are few, and come to the disk in one piece once it is complete: what is read back meanwhile, or given
 * up, was never there.
 */
#ifndef UTIL_FILE_BODY_H
#define UTIL_FILE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define FILE_BODY_SMALL 65536 /* octets that stay in memory */

struct atomic_file;
struct file_body;

/*
 * file_body_new(out, path, temporary, err): for the file at path; with temporary a staged one, of which there is no
 * file yet, else atomic_file_new. 0, HSMIME_EIO or HSMIME_ENOMEM. file_body_free(b): with a file that has no name
 * yet; octets in memory are wiped. NULL is allowed.
 */
int file_body_new(
    struct file_body **out, const char *path, const char *temporary, struct error *err);
void file_body_free(struct file_body *b);

/* file_body_file(b): its file; NULL: the octets are in memory yet. file_body_is_direct(b): atomic_file_is_direct. */
struct atomic_file *file_body_file(const struct file_body *b);
bool file_body_is_direct(const struct file_body *b);

/* file_body_write(b, buf, len, err): append. 0 or HSMIME_EIO; after a failure it can only be freed. */
int file_body_write(struct file_body *b, const void *buf, size_t len, struct error *err);

/* file_body_read(b, at, buf, len): from the octet at on: how many, 0 at the end, or HSMIME_EIO. */
ptrdiff_t file_body_read(const struct file_body *b, uint64_t at, void *buf, size_t len);

/*
 * file_body_complete(b, err): all of it is in its file, from which atomic_file_commit makes the end; what is read
 * back comes from memory all the same until file_body_forget(b). 0, HSMIME_EIO or HSMIME_ENOMEM.
 */
int file_body_complete(struct file_body *b, struct error *err);
void file_body_forget(struct file_body *b);

#endif
