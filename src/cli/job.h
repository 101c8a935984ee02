/*
 * job: what every command does around its operation: the library's context with
 * the settings, input, output and certificates opened, and at the end the words
 * of a failure and the exit status.
 */
#ifndef CLI_JOB_H
#define CLI_JOB_H

#include <stdio.h>

#include <hsmime/hsmime.h>

#include "text/json.h"
#include "options.h"

struct job {
	const struct options *options;
	const char *command; /* its name */
	hsmime_ctx *ctx;
	int in_fd;
	int content_fd;
	hsmime_source in;
	hsmime_file in_file;
	hsmime_source content;
	hsmime_file content_file;
	hsmime_output *out; /* NULL: none was asked for */
	hsmime_certs *certs;
	hsmime_certs *anchors; /* NULL: no --ca */
	hsmime_certs *recipients;
	hsmime_certs *dropped; /* who is not to be a recipient any more */
	bool to_stdout;        /* the output goes to standard output */
	bool reported;         /* the JSON report is written */
	char what[1024];       /* a failure of the tool's own; empty: the library's words hold */
	char hint[512];
};

/*
 * Each returns 0 or a negative hsmime_status, whose words job_finish prints.
 *
 * job_start(job, o, command): the context with o's settings. Always call job_finish later.
 * job_open_input(job): the operand, or standard input.
 * job_open_content(job): --content.
 * job_open_output(job, binary): --output, or standard output; binary is not written to a terminal.
 * job_load(set, job, id): the certificates that a list option names; *set stays NULL without any.
 */
int job_start(struct job *job, const struct options *o, const char *command);
int job_open_input(struct job *job);
int job_open_content(struct job *job);
int job_open_output(struct job *job, bool binary);
int job_load(hsmime_certs **set, struct job *job, enum option_id id);

/* job_refuse(job, status, hint, fmt, ...): note what happened and what to do; returns status. */
int job_refuse(struct job *job, int status, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* job_report(job): where the report goes: standard output, or standard error when that is taken. */
FILE *job_report(const struct job *job);

/* job_json(j, job, status): how it ended, and the warnings, as members of the report's object. */
void job_json(struct json *j, struct job *job, int status);

/*
 * job_finish(job, status):
 * Print what went wrong, free everything, and return the exit status.
 */
int job_finish(struct job *job, int status);

#endif
