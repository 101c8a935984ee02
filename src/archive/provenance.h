/*
 * provenance: the header fields that a decrypted message may carry: where it came from, and what the signatures in it are
 * worth (RFC 8601, RFC 7281).
 */
#ifndef ARCHIVE_PROVENANCE_H
#define ARCHIVE_PROVENANCE_H

#include "archive/job_task.h"

#define PROVENANCE_FIELD "Hsmime-Provenance"

/* provenance_check(id, err): whether id can be a job's options.provenance; or HSMIME_EUSAGE. NULL can. */
int provenance_check(const char *id, struct error *err);

/*
 * provenance_write(m, out):
 * Put them at the top of the message in out, which is complete and is again afterwards; fields of these kinds that were
 * there get another name. What has no header gets none. 0, or a failure of out's or HSMIME_ENOMEM.
 */
int provenance_write(const struct task_message *m, hsmime_output *out);

#endif
