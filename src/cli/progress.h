/*
 * progress: a bar on standard error for work of more than 2 seconds, on a
 * terminal only: octets done, rate, and where the size is known time left.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

/* progress_show: the hsmime_progress_callback of the tool. */
void progress_show(void *arg, uint64_t done, uint64_t total);

/* progress_clear(): take the bar away, if there is one. */
void progress_clear(void);

#endif
