/*
 * heap: the megabyte that a command works with, most of it for OpenSSL and the
 * PKCS#11 module, taken in one piece. Page by page the system is interrupted a
 * hundred times, which in a virtual machine is a millisecond or two of a short
 * command.
 */
#ifndef CLI_HEAP_H
#define CLI_HEAP_H

#include <stdbool.h>

/*
 * heap_start(many): before anything else allocates much. many: the work is done in many threads, which
 * share a few heaps; else in one, which gets the main one. A system that can't do it does nothing.
 */
void heap_start(bool many);

#endif
