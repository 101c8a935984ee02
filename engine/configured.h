/*
 * configured: the modules that p11-kit is configured with. To list them is to start them all, and
 * one of them may not come back from that: it is a call that can be given up (engine/watch.h).
 */
#ifndef ENGINE_CONFIGURED_H
#define ENGINE_CONFIGURED_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

/* configured_stuck(): such a call was given up, and has not returned. */
bool configured_stuck(void);

/* configured_load(): those that start, with a NULL behind them; NULL where none does, or configured_stuck. */
CK_FUNCTION_LIST **configured_load(void);

/* configured_release(list): stop them again; NULL is allowed. */
void configured_release(CK_FUNCTION_LIST **list);

#endif
