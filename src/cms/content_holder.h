/*
 * content_holder: a content key, as octets or in the hands of somebody who keeps it and decrypts
 * with it; and a private key that unwraps such keys.
 */
#ifndef CMS_CONTENT_HOLDER_H
#define CMS_CONTENT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/stream.h>

#include "cms/cms.h"
#include "cms/content_cipher.h"
#include "util/buffer.h"
#include "util/secret.h"

/* What decrypts with a key that it keeps. Whether the key is the right one is told by nothing but finish. */
struct content_holder_ops {
	/*
	 * Begin; plaintext (of CBC with its padding) goes to plain at any later call. May be called
	 * again, to decrypt the same content once more. params outlive the finish.
	 */
	int (*begin)(void *holder, const struct content_params *params, const hsmime_sink *plain,
	    struct error *err);
	/* More content; HSMIME_EUNSUPPORTED where it is more than the holder takes, before any plaintext. */
	int (*update)(void *holder, const void *data, size_t len, struct error *err);
	/*
	 * The end; GCM: its tag, and the additional data, which may be empty. HSMIME_EINVALID, without
	 * words, where the tag does not fit.
	 */
	int (*finish)(
	    void *holder, const unsigned char *tag, const struct buffer *aad, struct error *err);
	void (*free)(void *holder);
};

/* A content key. Zero is none; free with content_key_clear. */
struct content_key {
	struct secret octets;
	void *holder; /* NULL: the octets are it */
	const struct content_holder_ops *ops;
};

/* content_key_is_set(k): there is one. */
bool content_key_is_set(const struct content_key *k);

/* content_key_clear(k): wipe and free; k is all zero afterwards. */
void content_key_clear(struct content_key *k);

/* A content key as a message has it, and what takes its place where that is not to be had. */
struct content_wrapped {
	bool oaep;               /* else PKCS#1 v1.5 */
	const char *digest;      /* OAEP: its hash, as OpenSSL names it */
	const char *mask_digest; /* OAEP: of MGF1 */
	const unsigned char *label;
	size_t label_len;
	const unsigned char *encrypted;
	size_t encrypted_len;
	const unsigned char *substitute; /* cipher->key_len octets */
	const struct content_cipher *cipher;
};

/*
 * A private key that unwraps content keys and decrypts nothing else (PKCS#11's CKA_UNWRAP).
 * unwrap gives *out the content key or, for whatever does not unwrap to one of the cipher's
 * length, the substitute, and nothing tells which; a failure is one of the token.
 */
struct content_unwrapper {
	int (*unwrap)(void *arg, struct content_key *out, const struct content_wrapped *wrapped,
	    struct error *err); /* NULL: the key is none of these */
	void *arg;
};

#endif
