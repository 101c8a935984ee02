/*
 * check_hash: whether a message has that SHA-256.
 */
#ifndef ARCHIVE_CHECK_HASH_H
#define ARCHIVE_CHECK_HASH_H

#include "archive/check.h"

/*
 * check_hash(same, c, source, sha, ended):
 * Of all that source gives. ended: the message may have got an end of line, for the mbox that it is in (archive/mbox_quote.h), without which
 * it counts as well. 0, the source's status, or HSMIME_ENOMEM.
 */
int check_hash(bool *same, struct checking *c, const hsmime_source *source,
    const unsigned char *sha, bool ended);

#endif
