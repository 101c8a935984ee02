/*
 * digest: the digest's names and values in a signature or cipher context.
 */
#ifndef ENGINE_PROVIDER_DIGEST_H
#define ENGINE_PROVIDER_DIGEST_H

#include <stddef.h>

#include <openssl/core.h>

#define DIGEST_NAME_SIZE 32

/*
 * digest_take(name, params, key): the parameter's digest name into name; unchanged where params
 * hold none. 1, or 0 where it does not fit.
 */
int digest_take(char name[DIGEST_NAME_SIZE], const OSSL_PARAM params[], const char *key);

#endif
