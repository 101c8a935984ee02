/*
 * manifest: what stands in the lines of a manifest: first the facts of the job as a whole, by which it shows where lines
 * are missing; then, in the order of their numbers, one for each message (archive/record.h writes them).
 */
#ifndef ARCHIVE_MANIFEST_H
#define ARCHIVE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "archive/ledger.h"
#include "util/error.h"

#define MANIFEST_VERSION 1
#define MANIFEST_SHA 32
#define MANIFEST_LINE_MAX ((size_t)32 * 1024 * 1024) /* octets; of what no job writes */

/* The job as a whole. */
struct manifest_facts {
	const char *job, *task, *done_word, *in, *out; /* out NULL: it writes no mailbox */
	const char *list_folder; /* of a list: what its names count from; or NULL */
	uint64_t done, copied, skipped, failed;
	uint64_t octets;
	int64_t started, finished; /* Unix time */
};

/* manifest_facts_line(out, facts): the first line, with its end; the caller frees it. 0 or HSMIME_ENOMEM. */
int manifest_facts_line(char **out, const struct manifest_facts *facts);

/* What a line says; one of the job, or of a message. manifest_line_free; zeroed is allowed. */
struct manifest_line {
	bool is_facts;
	uint64_t version; /* of facts */
	uint64_t messages, copied, skipped, failed;
	char *task, *in, *out, *list_folder;
	char *started, *finished;
	/* Of a message: */
	uint64_t number; /* 0: it has none */
	char *outcome, *name, *output;
	bool has_input, has_output_sha;
	unsigned char input_sha[MANIFEST_SHA], output_sha[MANIFEST_SHA];
	/* private, while it is read: */
	unsigned seen;
	const char *wrong;
};

/*
 * manifest_line_read(line, l, text, len, err):
 * Read text[0..len), which may be anything. 0; HSMIME_EFORMAT with words where it is no line of a manifest: no JSON
 * object, a member that counts twice or is of another kind, nothing that says of what it is. HSMIME_ENOMEM and so on.
 */
int manifest_line_read(
    struct manifest_line *line, struct ledger *l, const char *text, size_t len, struct error *err);
/* manifest_sha_read(out, text): the SHA-256 that text begins with, in hexadecimal; whether it does. */
bool manifest_sha_read(unsigned char out[MANIFEST_SHA], const char *text);

void manifest_line_free(struct manifest_line *line);

#endif
