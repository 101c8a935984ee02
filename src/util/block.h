/*
 * block: memory for octets that are read and written in bulk.
 */
#ifndef UTIL_BLOCK_H
#define UTIL_BLOCK_H

#include <stddef.h>

/*
 * block_new(size):
 * size octets (at least 1) that start on a page, or NULL; free() them. Some processors copy to
 * the odd address that malloc gives large blocks at a quarter of the speed.
 */
unsigned char *block_new(size_t size);

#endif
