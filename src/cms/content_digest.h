/*
 * content_digest: all digests of a message's content in one pass, of the octets
 * as they came and, where asked, of their CRLF form.
 */
#ifndef CMS_CONTENT_DIGEST_H
#define CMS_CONTENT_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include <hsmime/stream.h>

#include "cms/algorithm_digest.h"
#include "cms/cms.h"
#include "util/crlf.h"

#define CONTENT_DIGEST_MAX 8
#define CONTENT_HEAD 32

/* One digest; value and crlf_value are set by content_digests_finish. */
struct content_digest {
	const struct digest_algorithm *algorithm;
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	EVP_MD_CTX *crlf_ctx; /* NULL while the two forms are the same */
	unsigned char value[DIGEST_MAX_SIZE];
	unsigned char crlf_value[DIGEST_MAX_SIZE];
};

/* How the octets of one form begin, and how many they are. */
struct content_form {
	uint64_t octets;
	unsigned char head[CONTENT_HEAD];
};

struct content_digests {
	struct content_digest list[CONTENT_DIGEST_MAX];
	size_t count;
	bool text;   /* make the CRLF form too */
	bool parted; /* the two forms differ */
	bool after_cr;
	struct crlf_sink crlf;
	hsmime_sink crlf_in;
	hsmime_sink next; /* takes the octets too; NULL write allowed */
	struct content_form as_came;
	struct content_form in_crlf; /* where parted */
};

/* content_digests_init(d, text, next), content_digests_free(d): free allows a zeroed d. */
void content_digests_init(struct content_digests *d, bool text, const hsmime_sink *next);
void content_digests_free(struct content_digests *d);

/*
 * content_digests_add(d, algorithm, env):
 * Compute algorithm too, unless it is there already, or CONTENT_DIGEST_MAX
 * are, or OpenSSL lacks it: it is then not found later. 0 or HSMIME_ENOMEM.
 */
int content_digests_add(
    struct content_digests *d, const struct digest_algorithm *algorithm, struct cms_env *env);

/* content_digests_sink(out, d): feeds all. */
void content_digests_sink(hsmime_sink *out, struct content_digests *d);

/* content_digests_finish(d): the content is complete. 0 or HSMIME_ENOMEM. */
int content_digests_finish(struct content_digests *d);

/* content_digests_find(d, algorithm): the entry, or NULL. */
const struct content_digest *content_digests_find(
    const struct content_digests *d, const struct digest_algorithm *algorithm);

/*
 * content_digests_look_like_attributes(d):
 * Whether the content, in one of its forms, is built as signed attributes' DER encoding is. A
 * signature over attributes also holds, as one without attributes, over that
 * content, which nobody meant to sign.
 */
bool content_digests_look_like_attributes(const struct content_digests *d);

#endif
