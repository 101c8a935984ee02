/*
 * digest: the digest's names and values in a signature or cipher context.
 */
#ifndef ENGINE_PROVIDER_DIGEST_H
#define ENGINE_PROVIDER_DIGEST_H

#include <stddef.h>

#include <openssl/core.h>

#define DIGEST_NAME_SIZE 32

/*
 * digest_set(name, given):
 * One digest has several names ("SHA2-256", "SHA-256", "SHA256"): name becomes the one that OBJ_sn2nid
 * knows. An empty given empties it. 1, or 0 where there is no such digest; name is then unchanged.
 */
int digest_set(char name[DIGEST_NAME_SIZE], const char *given);

/*
 * digest_take(name, params, key): digest_set with the parameter; unchanged where params hold none.
 * 1 or 0.
 */
int digest_take(char name[DIGEST_NAME_SIZE], const OSSL_PARAM params[], const char *key);

/* digest_size(name): its octets; 0 where there is no such digest. */
size_t digest_size(const char *name);

#endif
