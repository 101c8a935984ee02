/*
 * record: what the manifest tells of one message: a line of JSON.
 */
#ifndef ARCHIVE_RECORD_H
#define ARCHIVE_RECORD_H

#include <hsmime/result.h>

#include "archive/journal.h"

/*
 * record_make(e, source, result, why):
 * e->record, from e's other members but output; source is the name of the mailbox. result tells of the layers, or is NULL; why is what a
 * failure was, or NULL. 0 or HSMIME_ENOMEM.
 */
int record_make(
    struct journal_entry *e, const char *source, const hsmime_result *result, const char *why);

/* record_output(e): add e->output to e->record, once it is known. 0 or HSMIME_ENOMEM. */
int record_output(struct journal_entry *e);

/* record_outcome(state): its word: "decrypted", "copied", "skipped", "failed". */
const char *record_outcome(enum journal_state state);

#endif
