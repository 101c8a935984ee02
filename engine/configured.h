/*
 * configured: the modules that p11-kit is configured with. To list them is to load them all, and
 * one of them may not come back from that: it is a call that can be given up (engine/watch.h).
 */
#ifndef ENGINE_CONFIGURED_H
#define ENGINE_CONFIGURED_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

/* configured_stuck(): such a call was given up, and has not returned. */
bool configured_stuck(void);

/* configured_load(): those that can be loaded, with a NULL behind them; NULL where none can, or configured_stuck. */
CK_FUNCTION_LIST **configured_load(void);

/* configured_try(module): start one of them, beside what others made of it: CKR_OK or why it can't be. */
CK_RV configured_try(CK_FUNCTION_LIST *module);

/* configured_release(list): let go of them; NULL is allowed. */
void configured_release(CK_FUNCTION_LIST **list);

#endif
