/*
 * content_proof: whether a content key is that of encrypted content, without keeping the
 * plaintext: GCM by its tag; CBC by all of the padding and by how the plaintext begins. What
 * does not fit is told as a failure to decrypt is, and not before the end.
 */
#ifndef CMS_CONTENT_PROOF_H
#define CMS_CONTENT_PROOF_H

#include <stdbool.h>

#include <hsmime/stream.h>

#include "cms/content_decrypt.h"
#include "cms/gcm_tag.h"
#include "util/sink.h"

#define CONTENT_PROOF_BEGINNING 1024 /* octets of plaintext that are judged */

/* Whether content may begin so; len is CONTENT_PROOF_BEGINNING, or less where that is all of it. */
typedef bool content_judge(const unsigned char *data, size_t len);

/* Zero before use. */
struct content_proof {
	struct content_decrypt content; /* of CBC; else it counts */
	struct gcm_tag tag;
	struct sink_tee tee;
	bool proves;
	content_judge *judge;
	unsigned char *beginning;
	size_t have;
};

/*
 * content_proof_open(out, p, cipher, params, key, judge, env):
 * out takes the encrypted content. With a NULL key it is counted only, and cipher may be NULL too;
 * key has no holder. The pointers must outlive p. 0, HSMIME_ENOMEM or HSMIME_EINTERNAL; free with
 * content_proof_close in any case.
 */
int content_proof_open(hsmime_sink *out, struct content_proof *p,
    const struct content_cipher *cipher, const struct content_params *params,
    const struct content_key *key, content_judge *judge, struct cms_env *env);

/*
 * content_proof_finish(p, mac, aad):
 * GCM: mac is the tag of params->tag_len octets, aad may be empty. 0 (also where nothing was to be
 * proved), HSMIME_EINVALID with the words of content_key_refuse, or HSMIME_EINTERNAL.
 */
int content_proof_finish(
    struct content_proof *p, const unsigned char *mac, const struct buffer *aad);

/* content_proof_size(p): octets of plaintext, after the finish; 0 where that is not known. */
uint64_t content_proof_size(const struct content_proof *p);

/* content_proof_close(p): wipe and free; zeroed is allowed. */
void content_proof_close(struct content_proof *p);

#endif
