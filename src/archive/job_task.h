/*
 * job_task: what a job does with each message. Each task is one file task_NAME.c and a line in the table of
 * job_task.c; everything else is the job's.
 */
#ifndef ARCHIVE_JOB_TASK_H
#define ARCHIVE_JOB_TASK_H

#include <stdbool.h>

#include <hsmime/job.h>
#include <hsmime/result.h>
#include <hsmime/stream.h>

#include "api/ctx.h"
#include "archive/inspect.h"
#include "archive/journal.h"
#include "text/json.h"

/* A message at hand. */
struct task_message {
	hsmime_ctx *ctx;
	const hsmime_job_options *options;
	const hsmime_certs *certs;   /* all that the job was given */
	const hsmime_source *source; /* stands at its start */
	const struct journal_entry *entry;
	const char *job;       /* its name */
	bool bare;             /* CMS alone, and no mail */
	hsmime_result *result; /* what it was, or NULL; the caller frees it */
	const char *cause;     /* of a failure, where it says more than task_cause; or NULL */
	bool of_job;   /* the failure is not the message's: all others would fail of it too */
	bool doubtful; /* it came to an outcome, and yet something in it did not decrypt */
};

#define TASK_NOTHING 1

struct job_task {
	const char *name;
	const char *done; /* what a message is that it was done with: "decrypted" */
	bool
	    looks_first; /* at the outside of each message: work alone does not tell which it is for */
	bool writes;     /* into a mailbox; what fails goes to failed/ */
	/*
	 * Whether these options are ones that messages can be worked on with, whichever they are; before any is, and with
	 * words. NULL: always.
	 */
	int (*check)(hsmime_ctx *ctx, const hsmime_job_options *o);
	/* Which messages it is for, by what they are outside; the others are copied, or left out. */
	bool (*is_for)(enum inspect_kind kind);
	/*
	 * Do it, into out (NULL where it does not write). 0; TASK_NOTHING: it is not for this one after all, though a result may tell of it; else a status that is the message's where task_cause
	 * has a word for it.
	 */
	int (*work)(struct task_message *m, hsmime_output *out);
	/* What is left to do with out, which is complete, once m->entry has the SHA-256 of what was read; NULL: nothing. */
	int (*finish)(const struct task_message *m, hsmime_output *out);
	const char *invalid; /* the cause HSMIME_EINVALID */
	/* What of the options makes it another job, beside mailboxes, key and choice of messages. 0 or HSMIME_ENOMEM. */
	int (*settings)(struct json *j, const hsmime_job_options *o);
	const char *extension; /* of a file that becomes another kind of file; NULL: it stays */
};

extern const struct job_task task_decrypt, task_verify, task_rewrap;

/* job_task_named(name): NULL: there is none. */
const struct job_task *job_task_named(const char *name);

/* task_cause(task, status): what failed, in a word; NULL: it is not the message. */
const char *task_cause(const struct job_task *task, int status);

#endif
