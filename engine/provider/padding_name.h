/*
 * padding_name: RSA paddings as OpenSSL's parameters name them, by word or by number.
 */
#ifndef ENGINE_PROVIDER_PADDING_NAME_H
#define ENGINE_PROVIDER_PADDING_NAME_H

#include <openssl/core.h>

/* What a padding is for; bits. */
enum padding_use { PADDING_SIGNS = 1, PADDING_ENCRYPTS = 2 };

/*
 * padding_name_take(padding, p, use):
 * RSA_*_PADDING of parameter p, where it is one for that use. 1, or 0 with *padding unchanged.
 */
int padding_name_take(int *padding, const OSSL_PARAM *p, enum padding_use use);

/* padding_name_put(p, padding): the number, or the word where p is no integer. 1 or 0. */
int padding_name_put(OSSL_PARAM *p, int padding);

#endif
