/* proxy_general: what a test told the calls themselves: proxy_calls_general.c, proxy_calls_key.c. */
#ifndef TESTS_TOKEN_PROXY_GENERAL_H
#define TESTS_TOKEN_PROXY_GENERAL_H

#include <stdbool.h>

/* general_keeps_failed(): a C_Decrypt that is refused leaves its operation active. */
bool general_keeps_failed(void);

void general_reset(void);

/* Of struct proxy. */
void general_cant_lock(int on);
void general_keep_failed(int on);

#endif
