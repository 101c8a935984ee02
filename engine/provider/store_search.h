/*
 * store_search: what OSSL_STORE_find(3) asks of a store: certificates by name, by issuer and serial
 * number, by fingerprint, or objects by label.
 */
#ifndef ENGINE_PROVIDER_STORE_SEARCH_H
#define ENGINE_PROVIDER_STORE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core.h>

#include <hsmime/token.h>

/* Zero: everything fits. Free with store_search_clear. */
struct store_search {
	unsigned char *subject; /* DER Name */
	size_t subject_len;
	unsigned char *issuer; /* DER Name */
	size_t issuer_len;
	unsigned char *serial; /* most significant octet first, without zeros before it */
	size_t serial_len;
	unsigned char *fingerprint;
	size_t fingerprint_len;
	char *digest; /* of the fingerprint; NULL: SHA1, OpenSSL's default */
	char *label;
};

/* The parameters that are understood, for a list that the store's others begin. */
#define STORE_SEARCH_PARAMS                                                                        \
	OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),                                \
	    OSSL_PARAM_octet_string(OSSL_STORE_PARAM_ISSUER, NULL, 0),                             \
	    OSSL_PARAM_BN(OSSL_STORE_PARAM_SERIAL, NULL, 0),                                       \
	    OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_DIGEST, NULL, 0),                              \
	    OSSL_PARAM_octet_string(OSSL_STORE_PARAM_FINGERPRINT, NULL, 0),                        \
	    OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_ALIAS, NULL, 0)

/* store_search_take(s, params): those of params, beside what s has. 1, or 0: malformed, or no memory. */
int store_search_take(struct store_search *s, const OSSL_PARAM params[]);

/* store_search_any(s): whether anything is asked for. */
bool store_search_any(const struct store_search *s);

/* store_search_fits(s, k): whether an entry of a token's list is meant. */
bool store_search_fits(const struct store_search *s, const hsmime_key *k);

/* store_search_clear(s): free what s holds. */
void store_search_clear(struct store_search *s);

#endif
