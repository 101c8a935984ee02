/*
 * bcc_check: that the output does not take the place of a Bcc recipient's message.
 */
#ifndef CLI_BCC_CHECK_H
#define CLI_BCC_CHECK_H

#include "job.h"

/*
 * bcc_check(job):
 * HSMIME_EUSAGE where --output is in the folder of --bcc-dir under a name that a Bcc
 * message may have (ADDRESS.eml); else 0.
 */
int bcc_check(struct job *job);

#endif
