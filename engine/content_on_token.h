/*
 * content_on_token: a content key that stays on its token, and content that the token decrypts
 * with it. CBC passes through in pieces, at any size. GCM is collected and given to the token in
 * one call, up to a limit: SoftHSM's GCM gives nothing back in pieces, and what others
 * give back before the tag was checked is of no use. One thread at a time; the key keeps a
 * session of its token until it is freed.
 */
#ifndef ENGINE_CONTENT_ON_TOKEN_H
#define ENGINE_CONTENT_ON_TOKEN_H

#include <stddef.h>

#include <hsmime/stream.h>

#include "util/error.h"

struct token_content_key;

#define TOKEN_CONTENT_GCM_MAX ((size_t)16 * 1024 * 1024) /* octets of encrypted content */

/* IV or nonce, and for GCM the octets of the tag. */
struct token_content_params {
	const unsigned char *iv;
	size_t iv_len;
	size_t tag_len;
};

/*
 * token_content_begin(c, params, plain, err):
 * Begin to decrypt; what was begun before is dropped, so that the same content can be decrypted twice.
 * Plaintext goes to plain (of CBC with its padding). 0, HSMIME_ETOKEN or HSMIME_ENOMEM.
 */
int token_content_begin(struct token_content_key *c, const struct token_content_params *params,
    const hsmime_sink *plain, struct error *err);

/*
 * token_content_update(c, data, len, err):
 * More of the encrypted content. 0, HSMIME_ETOKEN, HSMIME_ENOMEM, HSMIME_EUNSUPPORTED (GCM over
 * TOKEN_CONTENT_GCM_MAX, of which nothing was written) or plain's status.
 */
int token_content_update(
    struct token_content_key *c, const unsigned char *data, size_t len, struct error *err);

/* What stands behind GCM content; zero for CBC. */
struct token_content_end {
	const unsigned char *tag;
	const unsigned char *aad; /* NULL where there is none */
	size_t aad_len;
};

/*
 * token_content_finish(c, end, err):
 * The rest. CBC: 0, HSMIME_ETOKEN (also content that is not whole blocks) or plain's status. GCM: the
 * same, or HSMIME_EINVALID without words: tag, key or content are wrong, and the token was asked once.
 */
int token_content_finish(
    struct token_content_key *c, const struct token_content_end *end, struct error *err);

/* token_content_free(c): destroy the key on the token and give the session back. NULL is allowed. */
void token_content_free(struct token_content_key *c);

#endif
