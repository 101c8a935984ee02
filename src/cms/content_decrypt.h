/*
 * content_decrypt: encrypted content on its way to plaintext. Nothing here
 * knows whether the content key is the right one.
 */
#ifndef CMS_CONTENT_DECRYPT_H
#define CMS_CONTENT_DECRYPT_H

#include <stdint.h>

#include <hsmime/stream.h>

#include "cms/content_cipher.h"
#include "cms/content_holder.h"
#include "util/buffer.h"

struct content_decrypt {
	const struct content_cipher *cipher;
	const struct content_params *params;
	const struct content_key *key;
	struct cms_env *env;
	hsmime_sink next;
	EVP_CIPHER_CTX *ctx; /* NULL: the key has a holder, or octets are only counted */
	unsigned char *out;  /* the CBC block held back, then what is decrypted now */
	size_t held;
	uint64_t size;  /* octets of encrypted content so far */
	uint64_t plain; /* octets given to next */
	int refused; /* by the holder, for its size: the rest is only counted, and finish tells */
	struct error words;
};

/*
 * content_decrypt_open(out, d, cipher, params, key, next, env):
 * out takes encrypted content, plaintext goes to next as it comes (of CBC all
 * but the last block; of GCM, where the key has a holder, at the finish). With a NULL key it only
 * counts; cipher may then be NULL too. More GCM content than its limit is HSMIME_EFORMAT at the
 * write. The pointers must outlive d. 0, HSMIME_ENOMEM, HSMIME_EINTERNAL or the holder's status.
 */
int content_decrypt_open(hsmime_sink *out, struct content_decrypt *d,
    const struct content_cipher *cipher, const struct content_params *params,
    const struct content_key *key, const hsmime_sink *next, struct cms_env *env);

/* content_decrypt_size(d): HSMIME_EFORMAT where what came can't be all of a CBC content, else 0. */
int content_decrypt_size(const struct content_decrypt *d);

/*
 * content_decrypt_finish(d, mac, aad):
 * CBC: check the padding in constant time and pass on the rest; GCM: check the
 * tag of params->tag_len octets. aad is empty unless content_decrypt_takes_aad; NULL for CBC. 0,
 * HSMIME_EINVALID, next's status or the holder's (HSMIME_EUNSUPPORTED: more content than it takes).
 */
int content_decrypt_finish(
    struct content_decrypt *d, const unsigned char *mac, const struct buffer *aad);

/* content_decrypt_takes_aad(d): the key's holder has kept the content: no content_decrypt_again is needed. */
bool content_decrypt_takes_aad(const struct content_decrypt *d);

/*
 * content_decrypt_again(d, mac, aad, plaintext):
 * GCM with attributes, which come behind the content: compute the tag over aad
 * and the plaintext, read once more, and compare. 0, HSMIME_EINVALID or
 * plaintext's status.
 */
int content_decrypt_again(struct content_decrypt *d, const unsigned char *mac,
    const struct buffer *aad, const hsmime_source *plaintext);

/* content_decrypt_close(d): wipe and free; zeroed is allowed. */
void content_decrypt_close(struct content_decrypt *d);

#endif
