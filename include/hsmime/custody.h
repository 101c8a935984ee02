/*
 * hsmime/custody.h: whether an archive is complete and unaltered: the manifest of a job (hsmime/job.h), its seal, and
 * the mailbox that the job wrote.
 */
#ifndef HSMIME_CUSTODY_H
#define HSMIME_CUSTODY_H

#include <hsmime/context.h>
#include <hsmime/result.h>
#include <hsmime/token.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is not as it should be. Strings are valid while the callback is in them. */
typedef struct hsmime_custody_finding {
	/*
	 * "no-seal", "seal-not-valid" (also: not trusted, damaged), "seal-of-another" (none of sealed_by);
	 * "no-facts" (the first line is not that of the job), "malformed" (a line), "cut" (the last line has no end),
	 * "lines-missing", "lines-in-disorder" (also: one twice), "totals" (other numbers than those of the job);
	 * "missing", "altered", "unreadable" (an output), "not-in-manifest" (it is in the mailbox), "named-twice" (by lines),
	 * "no-file" (a symbolic link or the like lies among them), "no-mailbox" (of all outputs);
	 * "source-missing", "source-altered", "source-unreadable", "no-source".
	 */
	const char *kind;
	uint64_t line;   /* of the manifest, from 1; 0: of none */
	uint64_t number; /* of the message; 0: of none */
	const char
	    *name; /* of an output, or source, as the manifest or the mailbox has it; or NULL */
	const char *words; /* what it is: one line */
} hsmime_custody_finding;

/* Called for each; not 0: end, with HSMIME_EINVALID. */
typedef int (*hsmime_custody_callback)(void *arg, const hsmime_custody_finding *finding);

typedef struct hsmime_check_options {
	const char *manifest;  /* its file, or the job's folder */
	const char *signature; /* the seal's file; NULL: the manifest's and ".p7s" */
	int no_seal;           /* none is asked for, nor looked at */
	/* Mailboxes, where they are elsewhere than the job had them; a relative name counts from the current folder. */
	const char *out;
	const char *in;
	const char *folder; /* where failed/ is; NULL: where the manifest is */
	int sources;        /* the messages that were read too */
	int shared;         /* the mailbox may have other messages */
	/* As hsmime_verify_options has them, for the seal: */
	const hsmime_certs *anchors;
	const hsmime_certs *certs;
	int no_chain;
	int any_purpose;
	int64_t at;
	const hsmime_certs
	    *sealed_by; /* the signer's certificate is one of these; NULL: any that is trusted */
	hsmime_custody_callback callback; /* or NULL */
	void *callback_arg;
} hsmime_check_options;
#define HSMIME_CHECK_OPTIONS_INIT                                                                  \
	{                                                                                          \
		NULL, NULL, 0, NULL, NULL, NULL, 0, 0, NULL, NULL, 0, 0, HSMIME_NO_TIME, NULL,     \
		    NULL, NULL                                                                     \
	}

/* What was looked at; freed with hsmime_check_free. */
typedef struct hsmime_check {
	char *
	    task; /* "decrypt", "rewrap", "verify"; with the next ones NULL where the manifest does not say */
	char *in, *out;
	char *started, *finished; /* RFC 3339 */
	char manifest_sha256
	    [65]; /* of all its octets, in hexadecimal; empty where they could not be read */
	hsmime_result *seal; /* NULL: there is none, or it was not looked at */
	uint64_t lines;      /* of messages */
	uint64_t outputs;    /* that are in their mailbox as the manifest has them */
	uint64_t sources;    /* the same of the other one */
	uint64_t octets;     /* of both */
	uint64_t findings;
} hsmime_check;

/*
 * hsmime_archive_check(check, ctx, options):
 * Whether the manifest has a seal that holds (a detached CMS signature over all its octets, judged as hsmime_verify
 * does it); whether its lines are complete and in order, by their numbers and the totals in the first; whether each output that it
 * names is in its mailbox with the SHA-256 that it names, and whether the mailbox has nothing else; with sources, the same of the
 * messages that were read, but for what else is there. A Maildir's flags do not count, nor whether a message is in new or
 * cur. No token is used and nothing is written but temporary files (in $TMPDIR); memory does not grow with the number
 * of messages. The manifest and the mailbox may be anything: of a mailbox nothing is read outside of it, and no symbolic link
 * is followed. The progress callback is told octets of the manifest. Nothing ought to write to the mailbox meanwhile.
 * *check is set where anything was looked at, also on HSMIME_EINVALID. Return 0 (no finding), HSMIME_EINVALID (there are
 * findings), HSMIME_EUSAGE, HSMIME_EIO (the manifest can't be read, or no temporary file be written), HSMIME_EUNSUPPORTED
 * (no journal module; the manifest is a newer hsmime's) or HSMIME_ENOMEM.
 */
HSMIME_API HSMIME_MUST_CHECK int hsmime_archive_check(
    hsmime_check **check, hsmime_ctx *ctx, const hsmime_check_options *options);

/* hsmime_check_free(check): NULL is allowed. */
HSMIME_API void hsmime_check_free(hsmime_check *check);

#ifdef __cplusplus
}
#endif

#endif
