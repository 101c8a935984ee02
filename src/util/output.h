/*
 * output: the inside of hsmime_output (include/hsmime/stream.h).
 *
 * An output is either immediate (a descriptor or callback: what is written has
 * left) or held (nothing leaves before output_commit). A file is always held.
 */
#ifndef UTIL_OUTPUT_H
#define UTIL_OUTPUT_H

#include <hsmime/stream.h>

#include <stdbool.h>

#include <openssl/types.h>

#include "util/error.h"
#include "util/spool.h"

/*
 * output_begin(o, hold, libctx, spool_max, err):
 * Start writing. With hold nothing leaves before output_commit: a descriptor
 * or callback is put behind a spool. Called before the first write; called
 * again it drops what has not been committed and starts afresh.
 */
int output_begin(
    hsmime_output *o, bool hold, OSSL_LIB_CTX *libctx, uint64_t spool_max, struct error *err);

/* output_is_file(o): to a file, which is held without a spool. output_is_held(o): as it was begun. */
bool output_is_file(const hsmime_output *o);
bool output_is_held(const hsmime_output *o);

/* output_sink(out, o): appends to o. */
void output_sink(hsmime_sink *out, hsmime_output *o);

/* output_size(o): octets written since output_begin or output_restart. */
uint64_t output_size(const hsmime_output *o);

/*
 * output_digest_along(o, md): md's digest of what is written is made meanwhile, from the next output_begin on, for who wants it of a
 * large file without reading all of it again. md stays with the caller. 0 or HSMIME_ENOMEM.
 * output_digest(digest, o): of all that was written since output_begin or output_restart, once; false: it was not made
 * along (after output_restore), and is to be made of what is read back.
 */
int output_digest_along(hsmime_output *o, const EVP_MD *md);
bool output_digest(unsigned char *digest, hsmime_output *o);

/* output_source(out, o): reads back what was written, from the start; held outputs only. Seekable. */
void output_source(hsmime_source *out, hsmime_output *o);

/*
 * output_restart(old, out, o, err):
 * Set what was written aside (out reads it; *old keeps it alive until
 * output_old_free) and start o afresh. Held outputs only.
 */
struct output_old;
int output_restart(
    struct output_old **old, hsmime_source *out, hsmime_output *o, struct error *err);
void output_old_free(struct output_old *old);

/* output_restore(o, old): drop what was written since output_restart; o is as it was before. */
void output_restore(hsmime_output *o, struct output_old *old);

/*
 * output_prepare(o, err): what of output_commit may fail and shows nothing yet: a file's fsync.
 * output_commit(o, err): let everything leave; for a file fsync and rename. Called once.
 */
int output_prepare(hsmime_output *o, struct error *err);
int output_commit(hsmime_output *o, struct error *err);

/*
 * output_staged(out, path, temporary):
 * As hsmime_output_file, for who finishes many files at a time (atomic_file_staged): output_commit
 * makes it complete and no more; the file then keeps its temporary name until output_publish, and
 * is removed by hsmime_output_free before that. One that is small has no file before that (util/file_body.h), so
 * that what can't be opened is told then. 0 or HSMIME_ENOMEM.
 */
int output_staged(hsmime_output **out, const char *path, const char *temporary);

/*
 * output_settle(o): a complete one that was small is not kept in memory any more, from which output_source had it:
 * for who is done with reading it.
 */
void output_settle(hsmime_output *o);

/* output_is_complete(o): of a staged one: it was committed, and not begun again since. */
bool output_is_complete(const hsmime_output *o);

/* output_staged_file(o): a complete one's file. */
struct atomic_file;
struct atomic_file *output_staged_file(const hsmime_output *o);

/*
 * output_publish(o, err): a complete one gets its name; fsync before, unless its file is
 * atomic_file_synced. 0 or HSMIME_EIO.
 */
int output_publish(hsmime_output *o, struct error *err);

#endif
