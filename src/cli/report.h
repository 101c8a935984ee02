/*
 * report: what a verification or decryption found, for people and for programs.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdio.h>

#include <hsmime/result.h>

#include "job.h"
#include "text/json.h"

/* report_verified(out, r): the verdict and every layer, for people. */
void report_verified(FILE *out, const hsmime_result *r);

/* report_decrypted(r): what was found inside, as notes on standard error. */
void report_decrypted(const hsmime_result *r);

/* report_json(j, r): the members of an object for r, without its brackets. */
void report_json(struct json *j, const hsmime_result *r);

/* report_made(job, status): with --json, what a signature or encryption that succeeded was made with. */
void report_made(struct job *job, int status);

#endif
