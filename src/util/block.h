/*
 * block: memory for octets that are read and written in bulk.
 */
#ifndef UTIL_BLOCK_H
#define UTIL_BLOCK_H

#include <stddef.h>

/*
 * block_new(size):
 * size octets (at least 1) that start on a page, or NULL. Some processors copy to the odd address that malloc gives
 * large blocks at a quarter of the speed. What it held before is in it. block_free(block, size): the same size; NULL
 * is allowed. A few are kept for who needs the next one, by any thread: of many messages each would have the heap cut
 * up and put together again several times, under a lock that all threads wait for.
 */
unsigned char *block_new(size_t size);
void block_free(unsigned char *block, size_t size);

#endif
