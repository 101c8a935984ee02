/*
 * archive: the actions of hsmime archive, and what their options have in common.
 */
#ifndef CLI_ARCHIVE_H
#define CLI_ARCHIVE_H

#include <stdint.h>

#include "job.h"
#include "text/json.h"

/* Each runs with job started, and returns a status whose words job_finish prints. */
int archive_count(struct job *job);
int archive_decrypt(struct job *job);
int archive_rewrap(struct job *job);
int archive_verify(struct job *job);
int archive_status(struct job *job);
int archive_retry(struct job *job);
int archive_report(struct job *job);
int archive_check(struct job *job);

/* archive_state(job, s, status): how the job stands, on standard output; status is what the command came to. */
void archive_state(struct job *job, const hsmime_job_state *s, int status);

/*
 * What a dry run found, in text, and as members of the object that tells the job's state besides.
 */
void archive_dry_run_text(const hsmime_job_state *s);
void archive_dry_run_json(struct json *j, const hsmime_job_state *s);

/* archive_end(): where a signal stopped a job in good order, end by that signal. */
void archive_end(void);

/*
 * A time, a number from 1, a mailbox; *value stays where the option was not given, but for a mailbox, which
 * has to be. 0 or HSMIME_EUSAGE.
 */
int archive_time(int64_t *value, struct job *job, enum option_id id);
int archive_number(uint64_t *value, struct job *job, enum option_id id);
int archive_mailbox(const char **value, struct job *job, enum option_id id);

/* archive_match(recipient, job): what --match says; NULL without it. 0 or HSMIME_EUSAGE. */
int archive_match(const char **recipient, struct job *job);

/*
 * archive_progress(arg, counts): the hsmime_job_callback of the tool: a line on standard error where arg
 * is not NULL, and whether a signal came.
 */
int archive_progress(void *arg, const hsmime_job_counts *counts);

/* Who works on a job of several hosts: for people, nothing where there is none; and as the member "hosts". */
void archive_hosts_text(const hsmime_job_state *s);
void archive_hosts_json(struct json *j, const hsmime_job_state *s);

/* archive_catch(): from now on SIGINT, SIGTERM and SIGHUP stop a job in good order; a second one ends it at once. */
void archive_catch(void);

#endif
