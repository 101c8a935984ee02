/*
 * tls_premaster: the premaster secret of TLS's RSA key exchange, without telling whether
 * the client's encrypted one was good (RFC 5246 section 7.4.7.1): what is wrong gives random
 * octets, made before the token is asked, and the handshake fails at its end for another reason.
 */
#ifndef ENGINE_PROVIDER_TLS_PREMASTER_H
#define ENGINE_PROVIDER_TLS_PREMASTER_H

#include "engine/token_key.h"

#define TLS_PREMASTER_SIZE 48 /* octets, the first two a version */

/* The versions that a premaster secret may begin with. */
struct tls_versions {
	unsigned client;     /* that the client offered; 0: not known, and nothing is decrypted */
	unsigned negotiated; /* allowed too, for old clients that send this one; 0: not allowed */
};

/*
 * tls_premaster_decrypt(out, key, data, len, versions, err):
 * TLS_PREMASTER_SIZE octets of the EncryptedPreMasterSecret data, or as many random ones where the
 * padding, the length or the version is wrong; which of the two is chosen in constant time and
 * not told. Returns 0, or token_key_decrypt's errors but HSMIME_EINVALID, or HSMIME_EINTERNAL
 * (no random octets): none of them depends on what was encrypted.
 */
int tls_premaster_decrypt(unsigned char *out, struct token_key *key, const unsigned char *data,
    size_t len, const struct tls_versions *versions, struct error *err);

#endif
