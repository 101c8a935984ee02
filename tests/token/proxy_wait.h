/*
 * proxy_wait: waiting until something was done to the proxy, in this process or by
 * the control file, without looking again and again.
 */
#ifndef TESTS_TOKEN_PROXY_WAIT_H
#define TESTS_TOKEN_PROXY_WAIT_H

#include <stdbool.h>

/* wait_until(over, arg): returns once over(arg) is true; asked after each wait_wake. No lock is held. */
void wait_until(bool (*over)(void *arg), void *arg);

/* wait_wake(): what others may wait for has changed. */
void wait_wake(void);

#endif
