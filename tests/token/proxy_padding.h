/* proxy_padding: what becomes of PKCS#1 v1.5 padding, found out by the key's raw RSA. */
#ifndef TESTS_TOKEN_PROXY_PADDING_H
#define TESTS_TOKEN_PROXY_PADDING_H

#include <stdbool.h>

#include "proxy_session.h"

/*
 * padding_is_bad(session, key, data, len): whether the plaintext lacks it. Both handles are the
 * inner module's, without an operation. False too where the key does no raw RSA.
 *
 * SoftHSM does not say it itself over OpenSSL 3.2 and later, which gives random octets for it.
 */
bool padding_is_bad(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned char *data, CK_ULONG len);

#endif
