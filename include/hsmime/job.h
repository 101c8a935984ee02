/*
 * hsmime/job.h: work on all messages of a mailbox, which may be stopped at any point, by a signal or
 * by the power, and goes on from there: every message comes to one outcome.
 *
 * A job has a folder of its own: journal.sqlite (what is to be done and what was), failed/ (messages that came to
 * nothing, byte for byte), manifest.jsonl (once all are done: a line on the job as a whole, and a line for each
 * message; hsmime/custody.h checks them), manifest.jsonl.p7s (its seal, and seal-key, whose), certs.pem (the
 * certificates that it was given) and substitute-secret (of hsmime's padding defence: to be kept as the journal
 * is, and from others). With hsmime_job_options.journal it has journal.postgresql in place of journal.sqlite, which says where in a
 * database the journal is, and several processes may call the same function at the same time, on one host or on several: each
 * message is done by one of them. The
 * mailbox that is read is never written to.
 */
#ifndef HSMIME_JOB_H
#define HSMIME_JOB_H

#include <hsmime/archive.h>
#include <hsmime/context.h>
#include <hsmime/operation.h>
#include <hsmime/stream.h>
#include <hsmime/token.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was done so far, of this run and those before. */
typedef struct hsmime_job_counts {
	uint64_t waiting; /* listed, and not done */
	uint64_t done;    /* decrypted, rewrapped, or valid */
	uint64_t copied;  /* not encrypted: as they were */
	uint64_t skipped; /* not encrypted: left out, as was asked for */
	uint64_t failed;
	/* Of those but the failed, by a job with deep: something encrypted in it stayed so; of a dry run 0. */
	uint64_t closed;
	int listed;          /* the mailbox was listed to its end */
	uint64_t octets;     /* of all messages that came to an outcome, as they were stored */
	uint64_t operations; /* of tokens, in this run */
	uint64_t run;        /* messages that came to an outcome in this run */
	double seconds;      /* that this run takes already */
} hsmime_job_counts;

/* What failed of one cause. */
typedef struct hsmime_job_cause {
	char *
	    cause; /* "no-key", "not-decrypted", "not-valid", "inside-signature", "malformed", "unsupported", "policy", "unreadable" */
	uint64_t messages;
} hsmime_job_cause;

/* A process that works, or worked, on a job whose journal is for several hosts. */
enum hsmime_job_presence {
	HSMIME_HOST_PRESENT,
	HSMIME_HOST_LEFT, /* its run ended */
	HSMIME_HOST_GONE  /* it was not heard of for too long; what it had is given to others */
};

typedef struct hsmime_job_host {
	char *name;       /* of the machine */
	uint64_t process; /* there */
	enum hsmime_job_presence presence;
	uint64_t held; /* messages that it has at the moment */
	uint64_t done; /* outcomes that it brought about */
	int64_t since; /* Unix time by the database's clock */
	int64_t seen;
} hsmime_job_host;

/* How a job stands; freed with hsmime_job_state_free. */
typedef struct hsmime_job_state {
	char *task;   /* "decrypt", "rewrap", "verify" */
	char *in;     /* mailboxes, with paths from the root */
	char *out;    /* of verify NULL */
	char *folder; /* the job's */
	int finished; /* every message has its outcome, and the manifest is written */
	int stopped;  /* this run ended before, as the callback wanted it */
	int dry_run;  /* counts and causes are what the job would end with (hsmime_job_options) */
	int64_t started; /* Unix time of the first run */
	int64_t changed; /* of the last outcome; HSMIME_NO_TIME: none yet */
	uint64_t worked; /* seconds up to it, of which a pause between two runs is at most 60 */
	hsmime_job_counts counts;
	hsmime_job_cause *causes; /* most messages first */
	size_t cause_count;
	uint64_t
	    unlisted; /* of this run: folders or lines that could not be read: the log names them */
	uint64_t passed_over; /* of this run: what lies among the messages and is no file */
	int sealed;           /* it is finished, and its manifest has a seal */
	hsmime_job_host
	    *hosts; /* in the order in which they came; none where the journal is for one host */
	size_t host_count;
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
	int deep;                  /* of hsmime_archive_decrypt: as hsmime_decrypt_options has it */
	uint64_t limit;            /* so many messages only; 0: all */
	int64_t since;         /* Unix time: no message whose date is before; HSMIME_NO_TIME: any */
	int64_t until;         /* and none from it on */
	const char *recipient; /* as hsmime_count_options has it */
	/*
	 * Of hsmime_archive_decrypt: each decrypted message gets two header fields at its top, by this authserv-id (RFC 8601
	 * section 2.5; a token): Hsmime-Provenance, with MIME parameters that say where it came from, and
	 * Authentication-Results, with what its signatures are worth (RFC 7281). Fields of that kind that it brought
	 * get "Original-" before their name. NULL: none.
	 */
	const char *provenance;
	/* Of hsmime_archive_verify: */
	const char *
	    report; /* the file that the manifest is written to as well; not there before the job */
	/* As hsmime_verify_options has them; of hsmime_archive_decrypt too, but NULL: trust is not asked for. */
	const hsmime_certs *anchors;
	int no_chain;
	int64_t at;
	/* Of hsmime_archive_rewrap, as hsmime_rewrap_options has them (anchors too): */
	const hsmime_certs *recipients;
	enum hsmime_key_transport key_transport;
	int force_recipient;
	int recipient_key_id;
	int keep_recipients; /* the old ones stay; 0: they are replaced */
	const hsmime_certs *drop;
	int no_check;
	int reencrypt; /* require_authenticated counts too */
	const char *cipher;
	/* Of a run: */
	int dry_run; /* do nothing, and tell what would come of it, see below; not of hsmime_archive_retry */
	unsigned workers;    /* threads that decrypt; 0: 32 */
	unsigned token_wait; /* seconds that a token may be away before the job is stopped */
	hsmime_job_callback callback; /* or NULL */
	void *callback_arg;
	/*
	 * A key on a token, named as for hsmime_sign, which signs the manifest once all is done (a detached CMS signature in
	 * DER, manifest.jsonl.p7s; of hsmime_archive_verify beside the report too). Tried out before the job begins (with dry_run
	 * it is looked for alone); the job remembers it. Also of a job that is finished, and of hsmime_archive_retry. NULL: the job's, or no seal.
	 */
	const char *seal;
	/* Of a job of several hosts: */
	const char *
	    journal; /* "postgresql://HOST/DATABASE", without a password, as the other hosts have it; NULL: that of folder, else a file there, for one host */
	unsigned
	    lease; /* seconds after which others do what this host has, if it is not heard of; 0: 30 */
	unsigned journal_wait; /* seconds that the database may be away before the run is stopped */
} hsmime_job_options;
#define HSMIME_JOB_OPTIONS_INIT                                                                    \
	{                                                                                          \
		NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, HSMIME_NO_TIME, HSMIME_NO_TIME, NULL,    \
		    NULL, NULL, NULL, 0, HSMIME_NO_TIME, NULL, HSMIME_KEY_TRANSPORT_AUTO, 0, 0, 0, \
		    NULL, 0, 0, NULL, 0, 0, 60, NULL, NULL, NULL, NULL, 0, 60                      \
	}

/*
 * hsmime_archive_decrypt(state, ctx, options):
 * Decrypt every message of options->in into options->out, or go on with that where a job with the same
 * settings was begun (in, out, key_uri, require_authenticated, skip_plain, deep, provenance, no_chain, at, limit, since, until and recipient; others
 * are HSMIME_EUSAGE). As hsmime_decrypt, less the messages: one that can't be decrypted goes to failed/, and the
 * journal has the cause. What is CBC has to begin as MIME or CMS once it is decrypted. Token operations
 * go on in that many threads; a token that is away is waited for, and after that HSMIME_ETOKEN ends the
 * run. The keys are tried out at intervals, with data of hsmime's own, before what they gave is kept; what
 * did not decrypt is tried three times before it fails. A job that is finished is left as it is.
 * With deep, a message in which something is encrypted and nothing could be opened is copied, also with skip_plain;
 * the manifest tells of each layer that stays closed.
 * The job keeps in, out and report with paths from the root, so that it can be looked at and done again from any folder;
 * those of a list stay relative to the folder in which it was begun.
 * ctx is not to be used meanwhile but for hsmime_ctx_share.
 *
 * With dry_run nothing is made and nothing changes: no output, no folder; what a job that was begun has is taken as it is.
 * Each message that waits is looked at as far as that goes without a private-key operation: its structure
 * to its end, and whether the key of one of its recipients is on a token, for which one logs in. The state then has what the job would
 * end with: counts, causes; of those counts.run are still to be done, by counts.operations operations of tokens at least (a layer
 * below the first takes one more). What
 * only decrypting shows is taken to be well: content that does not decrypt is among counts.done. Of hsmime_archive_verify
 * counts.done is what is valid without a key, and counts.copied what is encrypted and whose key is there: what its signatures are
 * worth shows once it is opened. A journal of its own lies in $TMPDIR, or /var/tmp, meanwhile.
 *
 * *state (NULL on failure) tells how far it came, also where it was stopped. Return 0, also where messages
 * failed; HSMIME_EUSAGE, HSMIME_EIO (the disk is full: make room, and go on), HSMIME_ETOKEN, HSMIME_EPIN,
 * HSMIME_EUNSUPPORTED (no journal module), HSMIME_EFORMAT (a damaged journal, or another file of the folder) or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_decrypt(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options);

/*
 * hsmime_archive_rewrap(state, ctx, options):
 * Give every encrypted message of options->in other recipients, into options->out, as hsmime_rewrap does, at one
 * token operation each: the encrypted content is copied octet for octet, and the content key proved before.
 * A message that is signed outside and has encryption inside fails, of the cause "inside-signature". Recipients that
 * hsmime_rewrap would not take are HSMIME_EUSAGE, HSMIME_EPOLICY or HSMIME_EUNSUPPORTED before anything is done, and
 * leave no job; force_recipient may be given to a job that was begun without it, whose recipients expired meanwhile.
 * With reencrypt the content is decrypted and encrypted anew, as hsmime_rewrap says: authenticated content that a CBC
 * cipher is asked for fails, of the cause "policy". Further as hsmime_archive_decrypt; the recipients, keep_recipients, drop,
 * key_transport, recipient_key_id, no_check, reencrypt and cipher are settings too.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_rewrap(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options);

/*
 * hsmime_archive_verify(state, ctx, options):
 * Judge the signatures of every message of options->in, those inside of encryption too, as hsmime_verify does;
 * nothing is written but the job's folder (NULL: beside options->report) and options->report, which gets the
 * manifest: what is valid is done; what is not failed, of the cause "not-valid" or of another; what is not signed at all, also
 * inside of encryption, is skipped. Further as hsmime_archive_decrypt; options->out does not count.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_verify(
    hsmime_job_state **state, hsmime_ctx *ctx, const hsmime_job_options *options);

/*
 * hsmime_archive_retry(state, ctx, folder, cause, options):
 * Once more the messages of the job in that folder that failed, of that cause (hsmime_job_cause) or of any
 * (NULL), as they are now. Of options
 * only workers, token_wait, the callback, certs (more of them), key_uri (NULL: the job's), anchors, seal and
 * force_recipient count. Else as the function that began it; HSMIME_EUSAGE also where the job was not listed to its end: go
 * on with it first; HSMIME_EFORMAT also where the certificates of the recipients in the folder are others than then.
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

/*
 * hsmime_archive_report(ctx, out, folder):
 * A page (HTML) on the job in that folder, running or not, for the people who ordered it: totals, charts by year,
 * key and cause, and every failure with what was wrong. Nothing in it comes from elsewhere, and what messages
 * say is text in it and no more. As hsmime_archive_status, and HSMIME_EIO of out.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_report(
    hsmime_ctx *ctx, hsmime_output *out, const char *folder);

/* hsmime_job_state_free(state): NULL is allowed. */
HSMIME_API void hsmime_job_state_free(hsmime_job_state *state);

#ifdef __cplusplus
}
#endif

#endif
