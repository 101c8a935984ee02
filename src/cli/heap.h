/*
 * heap: the megabyte that a command works with, most of it for OpenSSL and the
 * PKCS#11 module, taken in one piece. Page by page the system is interrupted a
 * hundred times, which in a virtual machine is a millisecond or two of a short
 * command.
 */
#ifndef CLI_HEAP_H
#define CLI_HEAP_H

/* heap_start(): before anything else allocates much. A system that can't do it does nothing. */
void heap_start(void);

#endif
