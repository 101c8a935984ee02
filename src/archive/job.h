/*
 * job: one run of a job: its folder, journal, mailboxes, keys and threads.
 *
 *   job_folder     the folder and the settings that the job was begun with
 *   job_places     where mailboxes and report are
 *   job_journal    which journal it has
 *   job_host       one host of several on it
 *   job_lister     the mailbox into the journal, and from there into the flow
 *   job_worker     one message to its outcome
 *   job_writer     outcomes into mailbox, failed/ and journal
 *   job_pace       how many workers are at it
 *   job_threads    all of these threads
 *   job_trial      a journal of its own for a run that changes nothing
 *   job_manifest   what is told of each, once all is done
 *   job_seal       and signed
 *   job_finish     both, by one host
 *   job_run        all of that
 *   jobs           what hsmime/job.h promises
 */
#ifndef ARCHIVE_JOB_H
#define ARCHIVE_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include <hsmime/job.h>

#include "api/ctx.h"
#include "api/keyring.h"
#include "archive/flow.h"
#include "archive/job_task.h"
#include "archive/journal.h"
#include "archive/mail_sink.h"
#include "archive/mail_source.h"

#define JOB_NAME 8 /* hexadecimal digits */

/* Of the folder: that all is done, and that nobody changed what it tells. */
#define JOB_MANIFEST "manifest.jsonl"
#define JOB_SEAL_SUFFIX ".p7s"
#define JOB_SEAL JOB_MANIFEST JOB_SEAL_SUFFIX

struct job {
	const struct job_task *task;
	hsmime_ctx *ctx;            /* the caller's: its error is the job's */
	hsmime_job_options options; /* as the job was begun with them */
	char *settings
	    [6]; /* in, out, key_uri, report, cipher, provenance, where they were read from the journal */
	char *beside; /* of a list: the folder that its paths are relative to; else NULL */
	char *asked;  /* what the job is begun with, as the journal keeps it */
	char *folder;
	char *trial; /* of a dry run: the folder of its own journal */
	char name[JOB_NAME + 1];
	hsmime_certs *certs;             /* of the options, and of the folder */
	hsmime_certs *recipients, *drop; /* the same */
	struct journal *journal;
	pthread_mutex_t journal_lock;
	struct mail_source *source;
	struct mail_sink *sink;   /* NULL: the task does not write */
	struct mail_sink *failed; /* the same */
	uint64_t committed;       /* octets of an mbox, with those that are in the journal */
	struct keyring *keyring;
	struct flow flow;
	hsmime_job_state *state;
	pthread_mutex_t state_lock;
	_Atomic int64_t
	    away; /* milliseconds of CLOCK_MONOTONIC since when no token does it; 0: it is there */
	atomic_bool listed;
	bool retry; /* what failed is done again */
	bool fresh; /* begun in this run: nothing is left of another */
	char *seal; /* the key for the seal; NULL: none is wanted */
	bool seal_anew, seal_tried;
	/* Of several hosts: */
	char tag[JOURNAL_TAG];   /* of this one's temporary files */
	atomic_bool lost;        /* others have what it had */
	atomic_bool wanted_over; /* nobody wants to wait for the journal's server any more */
	pthread_t pulse;         /* says that it is there */
	pthread_mutex_t pulse_lock;
	pthread_cond_t pulse_end;
	bool pulse_over, has_pulse;
};

/*
 * job_folder_name(j, err): which folder j->options say, and the job's name; nothing is made. job_folder_apart(j, err):
 * whether it is neither in the mailbox that is read, which is open, nor in the one that is written, and the report
 * nothing of these and nothing that others made; or HSMIME_EUSAGE.
 * job_folder_is_new(j): there is no journal in it yet. job_folder_open(j, err):
 * It, made where there is none, and its journal: of this job, or HSMIME_EUSAGE. Sets certs and committed. job_folder_find(j, folder, err): of a job that was begun: its settings become j->options
 * as far as those are the job's. job_folder_path(out, j, name): a file in it; 0 or HSMIME_ENOMEM.
 */
int job_folder_name(struct job *j, struct error *err);
int job_folder_apart(struct job *j, struct error *err);
bool job_folder_is_new(const struct job *j);

/*
 * job_sink_check(j, err): HSMIME_EUSAGE where the mailbox that is written has gone, though j->state, if it is read,
 * has messages in it. job_sink_open(j, err): j->sink, checked so; of a dry run it is only looked whether it could be.
 */
int job_sink_check(const struct job *j, struct error *err);
int job_sink_open(struct job *j, struct error *err);
int job_folder_open(struct job *j, struct error *err);
int job_folder_find(struct job *j, const char *folder, struct error *err);
int job_folder_path(char **out, const struct job *j, const char *name);

/*
 * job_journal_check(j, err): whether options.journal can be one. job_journal_open(j, settings, err): the journal of the
 * folder, or, where there is none, the one of the options; settings as journal_open has them. Sets committed and listed.
 * job_journal_name(out, j, err): what it is called, of a folder that has one or is to. job_is_shared(j): it is for several hosts.
 */
int job_journal_check(const struct job *j, struct error *err);
int job_journal_name(char **out, const struct job *j, struct error *err);
int job_journal_open(struct job *j, const char *settings, struct error *err);
bool job_is_shared(const struct job *j);

/*
 * job_join(j, err): this process as a host of the job, or anew as another. job_pulse_begin(j, err), job_pulse_end(j): in between it
 * says by itself that it is there. job_lose(j): it was not heard of for too long, and stops what it does.
 * job_unless_lost(j, status): the same where status is JOURNAL_LOST, which then is 0.
 * job_reap(j, ctx): what those have that are gone is given out again.
 * job_claim_finish(mine, j, err): nothing waits: whether this host finishes the job; until another has, or the caller wants to stop.
 * job_claim_seal(mine, j, err): the same of a finished job's seal; or until it is not finished any more. Both read j->state.
 */
int job_join(struct job *j, struct error *err);
int job_pulse_begin(struct job *j, struct error *err);
void job_pulse_end(struct job *j);
void job_lose(struct job *j);
int job_unless_lost(struct job *j, int status);
int job_reap(struct job *j, hsmime_ctx *ctx);
int job_claim_finish(bool *mine, struct job *j, struct error *err);
int job_claim_seal(bool *mine, struct job *j, struct error *err);

/* job_check(j): whether the task takes j->options at all, of whatever message. 0, or a status with words in j->ctx. */
int job_check(struct job *j);

/*
 * job_places(j, err): j->settings of in, out and report with paths from the root, and beside; j->options stay as they
 * were given, for the words of failures, until job_places_take(j).
 */
int job_places(struct job *j, struct error *err);
void job_places_take(struct job *j);

/*
 * job_certs_keep(j, err): certs, recipients and drop, of the options and of earlier runs, in j and in files in the
 * folder. job_certs_check(j, err): whether recipients and drop are those that the job was begun with; or HSMIME_EFORMAT.
 * job_certs_setting(out, key, certs): which these are, in whatever order and from whatever files; 0 or HSMIME_ENOMEM.
 * job_certs_free(j): zeroed is allowed.
 */
int job_certs_keep(struct job *j, struct error *err);
int job_certs_check(struct job *j, struct error *err);
int job_certs_setting(struct json *out, const char *key, const hsmime_certs *certs);
void job_certs_free(struct job *j);

/*
 * job_open(j, err): folder, journal and mailbox of a job that is begun or gone on with. job_run(j): its threads, and
 * what is left to do once they are done; of several hosts' job that is finished job_seal_once. job_close(j): all that j has, but its state.
 */
int job_open(struct job *j, struct error *err);
int job_open_source(struct job *j, struct error *err);
int job_run(struct job *j);
void job_close(struct job *j);

/*
 * job_trial_open(j, err): of a dry run: j->journal, with what the job's has, if it was begun; as job_folder_open.
 * job_trial_close(j): it is gone, once the journal is closed.
 */
int job_trial_open(struct job *j, struct error *err);
void job_trial_close(struct job *j);

/*
 * job_finish(j, err): once nothing waits, the manifest and its seal; of several hosts by one, which the others wait for.
 * job_seal_once(j, err): of a finished job of several hosts the seal, if it is wanted, in the same way. 0, JOURNAL_LOST, or a status.
 */
int job_finish(struct job *j, struct error *err);
int job_seal_once(struct job *j, struct error *err);

/* job_threads(j): list, work and write, until nothing is left or something ends it: 0, or the first failure, in j->ctx. */
int job_threads(struct job *j);

/* job_list(j, ctx): put every message that waits into the flow, listing the mailbox if that was not done. */
void job_list(struct job *j, hsmime_ctx *ctx);

/* job_work(j, ctx, at): bring messages to their outcome until there are no more; 0 or HSMIME_ENOMEM. *at is the one at hand. */
int job_work(struct job *j, hsmime_ctx *ctx, _Atomic(struct message *) *at);

/* job_write(j, ctx): what has its outcome goes where it belongs, until there is no more. */
void job_write(struct job *j, hsmime_ctx *ctx);

/*
 * job_may_wait(j, ctx): no token does it, as ctx's error says, though one did before; whether that lasts less
 * than options.token_wait yet, since the first who asked. What a token did well ends it.
 */
bool job_may_wait(struct job *j, hsmime_ctx *ctx);

/* job_state_read(j, err): j->state, as the journal has it. */
int job_state_read(struct job *j, struct error *err);

/* job_cause_check(cause, err): whether messages may fail of it (NULL: of any); or HSMIME_EUSAGE. */
int job_cause_check(const char *cause, struct error *err);

/*
 * job_manifest(j, err): write manifest.jsonl, and before it the report, if there is to be one; a seal that was there is
 * gone before. job_report_again(j, err): where the report is not there, it is the manifest again. job_manifest_remove(j, err): neither it is
 * there nor its seal, nor behind a crash.
 */
int job_manifest(struct job *j, struct error *err);
int job_report_again(struct job *j, struct error *err);
int job_manifest_remove(struct job *j, struct error *err);

/*
 * job_seal_find(j, err): j->seal, as asked or as an earlier run was told; HSMIME_EUSAGE where that can't be a key's
 * name, or has a PIN in it. job_seal_wanted(j): it is named, and not sealed by it. job_seal_check(j): whether that key can sign, by a trial, once. job_seal_keep(j, err): the folder
 * knows it, and what another key sealed is not sealed any more. job_seal_apart(j, err): of a new job: no report's seal is
 * there already. job_seal(j): the manifest is sealed, and the report, unless that is so or not wanted; words in j->ctx; of several hosts JOURNAL_LOST: not by this one. job_seal_again(j, err): where the
 * report's seal is not there, it is the manifest's again. job_seal_remove(j, err): neither is there, nor behind a crash.
 */
int job_seal_find(struct job *j, struct error *err);
bool job_seal_wanted(const struct job *j);
int job_seal_check(struct job *j);
int job_seal_keep(struct job *j, struct error *err);
int job_seal_apart(const struct job *j, struct error *err);
int job_seal(struct job *j);
int job_seal_again(struct job *j, struct error *err);
int job_seal_remove(struct job *j, struct error *err);

/* job_file_remove(path, err): it is not there, nor behind a crash. job_file_copy(from, to, libctx, err): whole, or not at all. */
int job_file_remove(const char *path, struct error *err);
int job_file_copy(const char *from, const char *to, OSSL_LIB_CTX *libctx, struct error *err);

#endif
