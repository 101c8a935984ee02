/*
 * hsmime/job.h: work on all messages of a mailbox, which may be stopped at any point, by a signal or
 * by the power, and goes on from there: every message comes to one outcome.
 *
 * A job has a folder of its own: journal.sqlite (what is to be done and what was), failed/ (messages that came to
 * nothing, byte for byte), manifest.jsonl (a line for each message, once all are done), certs.pem (the
 * certificates that it was given) and what hsmime_ctx_set_state_dir says of the padding defence. The
 * mailbox that is read is never written to.
 */
#ifndef HSMIME_JOB_H
#define HSMIME_JOB_H

#include <hsmime/archive.h>
#include <hsmime/context.h>
#include <hsmime/token.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was done so far, of this run and those before. */
typedef struct hsmime_job_counts {
	uint64_t waiting; /* listed, and not done */
	uint64_t done;    /* decrypted */
	uint64_t copied;  /* not encrypted: as they were */
	uint64_t skipped; /* not encrypted: left out, as was asked for */
	uint64_t failed;
	int listed;          /* the mailbox was listed to its end */
	uint64_t octets;     /* of all messages that came to an outcome, as they were stored */
	uint64_t operations; /* of tokens, in this run */
	uint64_t run;        /* messages that came to an outcome in this run */
	double seconds;      /* that this run takes already */
} hsmime_job_counts;

/* What failed of one cause. */
typedef struct hsmime_job_cause {
	char *
	    cause; /* "no-key", "not-decrypted", "malformed", "unsupported", "policy", "unreadable" */
	uint64_t messages;
} hsmime_job_cause;

/* How a job stands; freed with hsmime_job_state_free. */
typedef struct hsmime_job_state {
	char *task; /* "decrypt" */
	char *in;   /* mailboxes */
	char *out;
	char *folder;    /* the job's */
	int finished;    /* every message has its outcome, and the manifest is written */
	int stopped;     /* this run ended before, as the callback wanted it */
	int64_t started; /* Unix time of the first run */
	int64_t changed; /* of the last outcome; HSMIME_NO_TIME: none yet */
	hsmime_job_counts counts;
	hsmime_job_cause *causes; /* most messages first */
	size_t cause_count;
	uint64_t
	    unlisted; /* of this run: folders or lines that could not be read: the log names them */
	uint64_t passed_over; /* of this run: what lies among the messages and is no file */
} hsmime_job_state;

/* Called several times a second by the thread that called hsmime. Not 0: finish what was begun, and stop. */
typedef int (*hsmime_job_callback)(void *arg, const hsmime_job_counts *counts);

typedef struct hsmime_job_options {
	const char *in;  /* a mailbox (hsmime/archive.h) */
	const char *out; /* the mailbox that is written: maildir:FOLDER, eml:FOLDER or mbox:FILE */
	const char *folder;        /* the job's; NULL: beside out, its place and ".hsmime" */
	const char *key_uri;       /* as hsmime_decrypt_options has it */
	const hsmime_certs *certs; /* as there */
	int require_authenticated; /* as there: CBC content is a failure of the cause "policy" */
	int skip_plain;            /* leave out what is not encrypted; 0: copy it */
	uint64_t limit;            /* so many messages only; 0: all */
	int64_t since;       /* Unix time: no message whose date is before; HSMIME_NO_TIME: any */
	int64_t until;       /* and none from it on */
	unsigned workers;    /* threads that decrypt; 0: 32 */
	unsigned token_wait; /* seconds that a token may be away before the job is stopped */
	hsmime_job_callback callback; /* or NULL */
	void *callback_arg;
} hsmime_job_options;
#define HSMIME_JOB_OPTIONS_INIT                                                                    \
	{                                                                                          \
		NULL, NULL, NULL, NULL, NULL, 0, 0, 0, HSMIME_NO_TIME, HSMIME_NO_TIME, 0, 60,      \
		    NULL, NULL                                                                     \
	}

/*
 * hsmime_archive_decrypt(state, ctx, options):
 * Decrypt every message of options->in into options->out, or go on with that where a job with the same
 * settings was begun (in, out, key_uri, require_authenticated, skip_plain, limit, since and until; others
 * are HSMIME_EUSAGE). As hsmime_decrypt, less the messages: one that can't be decrypted goes to failed/, and the
 * journal has the cause. What is CBC has to begin as MIME or CMS once it is decrypted. Token operations
 * go on in that many threads; a token that is away is waited for, and after that HSMIME_ETOKEN ends the
 * run. The keys are tried out at intervals, with data of hsmime's own, before what they gave is kept; what
 * did not decrypt is tried three times before it fails. A job that is finished is left as it is.
 * ctx is not to be used meanwhile but for hsmime_ctx_share.
 * *state (NULL on failure) tells how far it came, also where it was stopped. Return 0, also where messages
 * failed; HSMIME_EUSAGE, HSMIME_EIO (the disk is full: make room, and go on), HSMIME_ETOKEN, HSMIME_EPIN,
 * HSMIME_EUNSUPPORTED (no journal module), HSMIME_EFORMAT (a damaged journal) or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_decrypt(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options);

/*
 * hsmime_archive_retry(state, ctx, folder, cause, options):
 * Once more the messages of the job in that folder that failed, of that cause (hsmime_job_cause) or of any
 * (NULL), as they are now. Of options only workers, token_wait, the callback, certs (more of them) and
 * key_uri (NULL: the job's) count. Else as hsmime_archive_decrypt;
 * HSMIME_EUSAGE also where the job was not listed to its end: go on with it first.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_retry(hsmime_job_state **state, hsmime_ctx *ctx,
    const char *folder, const char *cause, const hsmime_job_options *options);

/*
 * hsmime_archive_status(state, ctx, folder):
 * How the job in that folder stands, running or not. HSMIME_EIO (none is there), HSMIME_EFORMAT,
 * HSMIME_EUNSUPPORTED or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_status(
    hsmime_job_state **state, hsmime_ctx *ctx, const char *folder);

/* hsmime_job_state_free(state): NULL is allowed. */
HSMIME_API void hsmime_job_state_free(hsmime_job_state *state);

#ifdef __cplusplus
}
#endif

#endif
