/*
 * enveloped_writer: EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData
 * (RFC 5083, 5084) as a sink: plaintext goes in, CMS comes out.
 */
#ifndef CMS_ENVELOPED_WRITER_H
#define CMS_ENVELOPED_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>
#include <openssl/x509.h>

#include <hsmime/operation.h>
#include <hsmime/stream.h>

#include "cms/cms.h"

struct recipient_keys;
struct recipient_list;

struct enveloped_write {
	STACK_OF(X509) *recipients;  /* RSA or EC P-256, P-384, P-521; at least one */
	struct recipient_keys *keys; /* theirs, of earlier messages; or NULL */
	const char *cipher; /* "aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm" */
	enum hsmime_key_transport key_transport;
	bool key_id;           /* name recipients by SubjectKeyIdentifier where they have one */
	uint64_t content_size; /* octets to come, or HSMIME_SIZE_UNKNOWN (then BER) */
	const ASN1_OBJECT *content_type; /* NULL: id-data */
	struct recipient_list
	    *list; /* zeroed: takes the recipients as a reader finds them; NULL: nobody asks */
};

struct enveloped_writer;

/*
 * enveloped_writer_new(out, content, request, sink, env):
 * Begin: make a content key, encrypt it for every recipient, write all that
 * precedes the content. DER where content_size is known, else indefinite
 * lengths. KeyTransRecipientInfo with PKCS#1 v1.5 or OAEP (SHA-256, MGF1
 * SHA-256; auto: OAEP where the certificate's key is id-RSAES-OAEP or its S/MIME
 * capabilities list it, RFC 4262), KeyAgreeRecipientInfo with ephemeral-static
 * ECDH (RFC 5753: dhSinglePass-stdDH-sha256/384/512kdf by the curve, AES key wrap
 * as long as the content key). Returns 0, HSMIME_EUSAGE (unknown cipher, no
 * recipient), HSMIME_EUNSUPPORTED (a recipient's key type) or HSMIME_ENOMEM, or
 * sink's status.
 */
int enveloped_writer_new(struct enveloped_writer **out, hsmime_sink *content,
    const struct enveloped_write *request, const hsmime_sink *sink, struct cms_env *env);

/*
 * enveloped_writer_finish(w):
 * Write the rest: padding or tag. HSMIME_EUSAGE where the content was not
 * content_size octets; HSMIME_EUNSUPPORTED past 2^36 - 32 octets of GCM (SP 800-38D), then
 * already at the write.
 */
int enveloped_writer_finish(struct enveloped_writer *w);

/* enveloped_writer_free(w): wipe keys; NULL is allowed. */
void enveloped_writer_free(struct enveloped_writer *w);

/* enveloped_is_authenticated(cipher): 1 for GCM, 0 for CBC, -1 unknown name. */
int enveloped_is_authenticated(const char *cipher);

#endif
