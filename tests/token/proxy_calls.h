/* proxy_calls: the functions that the proxy gives out, by the names of PKCS#11. */
#ifndef TESTS_TOKEN_PROXY_CALLS_H
#define TESTS_TOKEN_PROXY_CALLS_H

#include "proxy_plan.h"

#define PROXY_DECLARE(name) __typeof__(*(CK_C_##name)0) call_##name;
PROXY_FUNCTIONS(PROXY_DECLARE)
#undef PROXY_DECLARE

#endif
