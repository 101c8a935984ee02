/*
 * scratch: a folder of the test's own.
 */
#ifndef TESTS_ARCHIVE_SCRATCH_H
#define TESTS_ARCHIVE_SCRATCH_H

#include <stdint.h>

/*
 * scratch_enter(), scratch_leave():
 * Work in an empty folder; remove it with all that is in it. As cmocka's setup and teardown.
 */
int scratch_enter(void **state);
int scratch_leave(void **state);

/* limit_files(octets): no file gets longer, as where a disk is full; 0: as before. */
void limit_files(uint64_t octets);

#endif
