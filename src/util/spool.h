/*
 * spool: octets that have to wait outside memory: an unlinked 0600 file,
 * encrypted (AES-256-CTR) under a key that exists only in memory, with a limit.
 */
#ifndef UTIL_SPOOL_H
#define UTIL_SPOOL_H

#include <hsmime/stream.h>

#include <openssl/types.h>

#include "util/error.h"

struct spool;

/*
 * spool_new(out, libctx, max, err):
 * An empty spool in $TMPDIR or /var/tmp for at most max octets (0: no limit).
 * The first 64 KiB stay in memory (wiped), so that a small message makes no
 * file. Returns 0, HSMIME_EIO, HSMIME_ENOMEM or HSMIME_EINTERNAL.
 */
int spool_new(struct spool **out, OSSL_LIB_CTX *libctx, uint64_t max, struct error *err);

/* spool_free(spool): drop it, wiping key and memory. NULL is allowed. */
void spool_free(struct spool *spool);

/* spool_sink(out, spool): appends. HSMIME_EIO when the file can't grow, HSMIME_EPOLICY past max. */
void spool_sink(hsmime_sink *out, struct spool *spool);

/* spool_source(out, spool): reads from the start; seekable, size known. One reader at a time. */
void spool_source(hsmime_source *out, struct spool *spool);

/*
 * spool_input(out, spool, in, libctx, max, err):
 * Make in seekable: out is in itself where it can seek (*spool is NULL), else
 * everything of in is spooled and out reads it from *spool, which the caller
 * frees after out.
 */
int spool_input(hsmime_source *out, struct spool **spool, const hsmime_source *in,
    OSSL_LIB_CTX *libctx, uint64_t max, struct error *err);

#endif
