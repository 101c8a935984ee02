/*
 * signed_writer: SignedData (RFC 5652 section 5) as a sink: content goes in,
 * CMS comes out, with one private-key operation at the end.
 */
#ifndef CMS_SIGNED_WRITER_H
#define CMS_SIGNED_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include <hsmime/stream.h>

#include "cms/cms.h"

struct signed_write {
	EVP_PKEY *key;         /* RSA or EC private key */
	X509 *certificate;     /* of that key */
	STACK_OF(X509) *chain; /* further certificates to include, or NULL */
	const char *digest;    /* "SHA256", "SHA384", "SHA512", …; NULL: SHA-256 */
	bool pss; /* RSASSA-PSS, salt as long as the digest, MGF1 with the same digest */
	bool detached;
	uint64_t content_size; /* attached: octets to come, or HSMIME_SIZE_UNKNOWN (then BER) */
	int64_t signing_time;  /* Unix time; HSMIME_NO_TIME: now */
};

struct signed_writer;

/*
 * signed_writer_new(out, content, request, sink, env):
 * Begin. *content is where the content octets go. Attached: the structure is
 * written to sink as they come, in DER where the size of everything is known
 * (content_size given and an RSA key, whose signatures have one size), else
 * with indefinite lengths outside. Detached: they are only hashed.
 * Signed attributes, in DER order: content-type, signing-time, message-digest,
 * signing-certificate-v2 (RFC 5035), S/MIME capabilities (RFC 8551 2.5.2).
 * Checks beforehand that key and certificate belong together (HSMIME_ENOKEY)
 * and that digest and scheme are possible (HSMIME_EUSAGE, HSMIME_EUNSUPPORTED).
 * request's pointers must live until signed_writer_free.
 */
int signed_writer_new(struct signed_writer **out, hsmime_sink *content,
    const struct signed_write *request, const hsmime_sink *sink, struct cms_env *env);

/*
 * signed_writer_finish(w):
 * Sign and write the rest. HSMIME_ETOKEN where the private-key operation
 * failed; HSMIME_EUSAGE where the content was not content_size octets.
 */
int signed_writer_finish(struct signed_writer *w);

/* signed_writer_free(w): NULL is allowed. */
void signed_writer_free(struct signed_writer *w);

/* signed_micalg(digest): multipart/signed's micalg value (RFC 8551 3.5.3.2), for example "sha-256"; NULL unknown. */
const char *signed_micalg(const char *digest);

/* signed_digest_name(name): OpenSSL's canonical name for a user's digest name ("sha256", "SHA-256"), or NULL. */
const char *signed_digest_name(const char *name);

#endif
