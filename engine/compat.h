/*
 * compat: what differs between versions of the libraries that this layer uses.
 */
#ifndef ENGINE_COMPAT_H
#define ENGINE_COMPAT_H

#include <p11-kit/pkcs11.h>

/* PKCS#11 v3.0 numbers that p11-kit 0.24 lacks. */
#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif

#endif
