/*
 * gcm_tag: the tag of AES-GCM content whose additional data comes behind it (RFC 5083), in one
 * pass over the encrypted octets and without decrypting them.
 *
 * OpenSSL wants the additional data first. But GHASH is a polynomial in H: the content is hashed
 * as if it were additional data itself (GMAC), and what is then missing, the real additional data
 * times the power of H that the content's length says, and the two lengths, is added at the end
 * (SP 800-38D sections 6.4 and 7.1).
 */
#ifndef CMS_GCM_TAG_H
#define CMS_GCM_TAG_H

#include <stdint.h>

#include <openssl/types.h>

#include <hsmime/stream.h>

#include "cms/content_cipher.h"
#include "util/buffer.h"
#include "util/secret.h"

/* Zero before use. */
struct gcm_tag {
	const struct content_cipher *cipher;
	struct cms_env *env;
	EVP_CIPHER_CTX *ctx;
	struct secret h; /* the hash key */
	uint64_t octets; /* of content */
};

/*
 * gcm_tag_open(out, t, cipher, params, key, env):
 * out takes the encrypted content. 0, HSMIME_ENOMEM or HSMIME_EINTERNAL; free with gcm_tag_close
 * in any case.
 */
int gcm_tag_open(hsmime_sink *out, struct gcm_tag *t, const struct content_cipher *cipher,
    const struct content_params *params, const struct secret *key, struct cms_env *env);

/*
 * gcm_tag_finish(tag, t, aad):
 * The CONTENT_TAG_MAX octets of the tag over the content and aad, which may be empty. 0 or
 * HSMIME_EINTERNAL.
 */
int gcm_tag_finish(unsigned char *tag, struct gcm_tag *t, const struct buffer *aad);

/* gcm_tag_close(t): wipe and free; zeroed is allowed. */
void gcm_tag_close(struct gcm_tag *t);

#endif
