/*
 * signed_reader: SignedData (RFC 5652 section 5), any size in constant memory.
 */
#ifndef CMS_SIGNED_READER_H
#define CMS_SIGNED_READER_H

#include <stdint.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include <hsmime/result.h>
#include <hsmime/stream.h>

#include "cms/cms.h"

/*
 * One SignerInfo's outcome. The strings of `signer` that come from the
 * certificate, trusted, from_matches and the final status are for the layer
 * above; this layer sets signature_status, problem, certificate, digest,
 * signature_algorithm, key_bits, signing_time, crlf_form.
 */
struct signed_result {
	struct signed_signer {
		int signature_status; /* 0, HSMIME_EINVALID or HSMIME_EUNSUPPORTED */
		char problem[200];    /* plain words; empty where the status is 0 */
		X509 *certificate;    /* a reference, or NULL where it is nowhere to be found */
		const char *digest;   /* constant name or NULL */
		const char *signature_algorithm;
		unsigned key_bits;
		int64_t signing_time; /* HSMIME_NO_TIME where not claimed */
		bool crlf_form;
	} * signers;
	size_t count;                 /* 0 is possible: certificates only */
	STACK_OF(X509) *certificates; /* all of the message's; never NULL on success */
	enum cms_type content_type;   /* eContentType */
	bool has_content;             /* attached */
	uint64_t content_size;        /* octets hashed, as they came */
};

/* signed_result_free(r): free its members; zeroed or NULL is allowed. */
void signed_result_free(struct signed_result *r);

/* What to read. */
struct signed_read {
	/*
	 * Detached: the octets that were signed, read once, from the start where
	 * it can seek, after the SignedData; so it must not move what r reads.
	 * Content inside is then ignored. NULL: the content must be inside, else
	 * every signature is invalid.
	 */
	const hsmime_source *detached;
	/* Detached content of a mail: try the CRLF form of the octets as well. */
	bool text;
	/* Where attached content goes, unverified: the caller holds it back. May have a NULL write. */
	hsmime_sink content;
	/* Certificates beside the message's; may be NULL. */
	STACK_OF(X509) *extra;
};

/*
 * signed_read(result, r, request, env):
 * Read the SignedData at r (after cms_content_info_enter), hash its content
 * and check every SignerInfo against the signer's certificate: content-type
 * and message-digest attributes (section 5.3, 11.1, 11.2: exactly one value
 * each, none of them twice; signing-time likewise where present),
 * algorithm-protection (RFC 6211), signing-certificate and signing-certificate-v2
 * (RFC 5035) where present, and the signature over the DER encoding of the
 * signed attributes, whose order in the message does not matter. A signature
 * algorithm whose digest disagrees with digestAlgorithm is invalid. Signatures
 * without signed attributes are read where eContentType is id-data.
 * Returns 0 when the structure was read to its end (whatever the signatures
 * came to), HSMIME_EFORMAT, HSMIME_EUNSUPPORTED, HSMIME_EIO or HSMIME_ENOMEM;
 * *result is filled on 0 and zeroed else.
 *
 * Bounds: 64 digest algorithms are read, 8 hashed; certificates 4 MiB; 64
 * SignerInfos of together 1 MiB. CRLs and what OpenSSL can't read as a
 * certificate are read over. eContent of another type than id-data may be any
 * element (PKCS#7 1.5: its content octets are hashed). MD5, MD4 and MD2 are
 * HSMIME_EUNSUPPORTED.
 */
int signed_read(struct signed_result *result, struct ber_reader *r,
    const struct signed_read *request, struct cms_env *env);

#endif
