/*
 * enveloped_reader: EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData
 * (RFC 5083), any size in constant memory.
 */
#ifndef CMS_ENVELOPED_READER_H
#define CMS_ENVELOPED_READER_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include <hsmime/result.h>
#include <hsmime/stream.h>

#include "cms/cms.h"
#include "cms/content_holder.h"

enum recipient_kind {
	RECIPIENT_RSA, /* KeyTransRecipientInfo, PKCS#1 v1.5 or OAEP */
	RECIPIENT_EC, /* KeyAgreeRecipientInfo, ephemeral-static ECDH (one entry per RecipientEncryptedKey) */
	RECIPIENT_PASSWORD, /* listed, not decrypted */
	RECIPIENT_KEK,      /* listed, not decrypted */
	RECIPIENT_OTHER     /* another type or algorithm: listed, not decrypted */
};

/* A recipient as the message names it. Octets belong to the reader. */
struct recipient {
	enum recipient_kind kind;
	const unsigned char *issuer; /* DER Name; NULL with key_id */
	size_t issuer_len;
	const unsigned char *serial; /* DER INTEGER, header included */
	size_t serial_len;
	const unsigned char *key_id; /* SubjectKeyIdentifier octets */
	size_t key_id_len;
	const char *algorithm; /* constant, as in hsmime_recipient */
	bool oaep;
};

/*
 * Finds the private key of one of the recipients: sets *key (a reference that
 * the reader frees) and *index. Returns 0, or HSMIME_ENOKEY, HSMIME_EPIN,
 * HSMIME_ETOKEN, …, which becomes the result after the structure was read to
 * its end (a malformed one is HSMIME_EFORMAT, whoever could decrypt it).
 */
typedef int (*recipient_find)(void *arg, EVP_PKEY **key, size_t *index,
    const struct recipient *recipients, size_t count, struct error *err);

struct enveloped_read {
	recipient_find find;
	void *find_arg;
	/* find fills it in where the key that it found unwraps, and *key has the public half. NULL: none does. */
	const struct content_unwrapper *unwrapper;
	/* Where the plaintext goes, unverified: the caller holds it back. */
	hsmime_sink content;
	/*
	 * Reads back what went to content, from its first octet: AuthEnvelopedData
	 * carries attributes (the AAD) behind the content, and the tag is then
	 * computed over the plaintext again. Called at most once; NULL allowed
	 * where content is thrown away: such a message is then HSMIME_EUNSUPPORTED.
	 */
	int (*read_back)(void *arg, hsmime_source *out);
	void *read_back_arg;
	/* 32 octets kept per user; the substitute content key derives from it. */
	const unsigned char *secret;
	bool
	    require_authenticated; /* refuse EnvelopedData with HSMIME_EPOLICY before any key is used */
	/*
	 * Reads what is still to come behind the structure (cms_content_info_leave,
	 * the end of an armour) before the key's outcome counts, so that a message cut short
	 * there is HSMIME_EFORMAT whatever the key gives; a failure becomes the
	 * result. Called once where the structure is well-formed; NULL: nothing.
	 */
	int (*rest)(void *arg);
	void *rest_arg;
	/*
	 * For reading the same message twice: empty, it takes the content key, whether the token's
	 * or its substitute; with that key nobody is asked for one. NULL: read once.
	 */
	struct content_key *content_key;
};

struct enveloped_result {
	struct recipient *recipients; /* octets are copies */
	size_t count;
	size_t used;        /* index, meaningful on success */
	const char *cipher; /* "AES-256-GCM", "AES-128-CBC", "3DES-CBC", … */
	bool authenticated;
	enum cms_type content_type;
	uint64_t content_size; /* octets of plaintext */
};

/* enveloped_result_free(r): free its members; zeroed or NULL is allowed. */
void enveloped_result_free(struct enveloped_result *r);

/*
 * enveloped_read(result, r, type, request, env):
 * Read the EnvelopedData or AuthEnvelopedData at r (after
 * cms_content_info_enter). The structure is judged without the key: malformed
 * or truncated is HSMIME_EFORMAT whatever the key would have given (this
 * includes CBC content that is empty or not whole blocks, and a GCM tag of a
 * wrong length). Then, with a key: 0, or HSMIME_EINVALID for every failure to
 * decrypt. HSMIME_ETOKEN only where the token itself failed. No step after the
 * key's choice depends on whether the key-transport decryption succeeded.
 * Unknown ciphers, and content that is not inside, are HSMIME_EUNSUPPORTED, after the
 * structure was read too.
 * Bounds: RecipientInfos 4 MiB, 10,000 recipients; attributes 64 KiB.
 * *result is filled on 0 and zeroed else.
 */
int enveloped_read(struct enveloped_result *result, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *request, struct cms_env *env);

/*
 * enveloped_peek(result, r, type, env):
 * Read as far as the content's cipher: recipients, cipher (NULL: one that is not supported) and content type are
 * in *result, the rest is zero. No key is asked for, and r stands before the content. HSMIME_EFORMAT or
 * HSMIME_ENOMEM; *result is zeroed then.
 */
int enveloped_peek(
    struct enveloped_result *result, struct ber_reader *r, enum cms_type type, struct cms_env *env);

#endif
