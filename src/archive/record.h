/*
 * record: what the manifest tells of one message: a line of JSON.
 */
#ifndef ARCHIVE_RECORD_H
#define ARCHIVE_RECORD_H

#include <stdbool.h>

#include <hsmime/result.h>

#include "archive/inspect.h"
#include "archive/journal.h"

/* What is known of a message beside its entry. */
struct record_facts {
	const char *mailbox;            /* the name of the one that was read */
	const char *done;               /* what is said of one that was done: "decrypted" */
	const struct inspection *found; /* from its outside, or NULL */
	const hsmime_result *result;    /* its layers, or NULL */
	const char *why;                /* what a failure was, or NULL */
	bool hashed;                    /* e->input_sha is set */
};

/* record_make(e, facts): e->record, from e's other members but output. 0 or HSMIME_ENOMEM. */
int record_make(struct journal_entry *e, const struct record_facts *facts);

/* record_output(e): add e->output to e->record, once it is known. 0 or HSMIME_ENOMEM. */
int record_output(struct journal_entry *e);
#endif
