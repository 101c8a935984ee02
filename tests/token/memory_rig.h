/*
 * memory_rig: what is remembered of PIN sources from one process to the next: pin_rig.h's tokens, a
 * folder for the memory, and a file with a PIN. Failures fail the test at once.
 */
#ifndef TESTS_TOKEN_MEMORY_RIG_H
#define TESTS_TOKEN_MEMORY_RIG_H

#include <stdbool.h>

#include "pin_rig.h"

extern char memory_folder[300]; /* of the state */
extern char memory_file[400];   /* file: of pin_rig.file, which has the wrong PIN at first */

/* For cmocka, with pin_rig_end: a folder of its own for each test. */
int memory_rig_begin(void **state);

void memory_write_pin(const char *octets);

/* Another process's look at the tokens, as far as the memory is concerned: the digests are gone. */
void memory_next_process(const char *from, bool with_person);

/* In the next process Alpha's PIN from there is not sent; is sent and wrong; is sent and right. */
void memory_refuses(const char *from);
void memory_refuses_with(const char *from, const char *message, const char *hint);
void memory_spends_a_try(const char *from);
void memory_logs_in(const char *from, bool with_person);

/* The records of PINs that were sent; none says anything of a PIN. */
int memory_records(void);

#endif
