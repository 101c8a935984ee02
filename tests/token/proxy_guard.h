/*
 * proxy_guard: SoftHSM 2.6.1 takes a private key's octets away at a log-out, from under a call that
 * reads them too, and crashes. Such calls and log-outs exclude each other here, so that a test may log
 * out whenever it likes.
 */
#ifndef TESTS_TOKEN_PROXY_GUARD_H
#define TESTS_TOKEN_PROXY_GUARD_H

#include <p11-kit/pkcs11.h>

/* proxy_guard(inner): the inner module's functions, guarded. Once. */
CK_FUNCTION_LIST *proxy_guard(const CK_FUNCTION_LIST *inner);

#endif
