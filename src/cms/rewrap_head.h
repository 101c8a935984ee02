/*
 * rewrap_head: all of an enveloped message that precedes EncryptedContentInfo, read and written
 * again with other recipients, each level in the form in which it came: a definite length stays
 * definite, and right, an indefinite one indefinite (X.690 8.1.3).
 */
#ifndef CMS_REWRAP_HEAD_H
#define CMS_REWRAP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include <hsmime/stream.h>

#include "cms/enveloped_parts.h"
#include "util/ber_reader.h"
#include "util/buffer.h"

/* Zero before use. */
struct rewrap_head {
	/* As they came. */
	struct ber_header content_info;
	struct ber_header content; /* [0] of ContentInfo */
	struct ber_header message;
	struct ber_header set;    /* RecipientInfos */
	struct buffer type;       /* of ContentInfo, the whole element */
	struct buffer originator; /* originatorInfo, the whole element; empty where there is none */
	uint64_t before;          /* octets of the message before EncryptedContentInfo */
	bool unprotected;         /* unprotectedAttrs follow the content */
	/* To be written. */
	struct recipient_list recipients;
};

/*
 * rewrap_head_read(h, p, frame):
 * Read the message at p->r up to EncryptedContentInfo; frame is what stands before it, from the
 * start of ContentInfo. originatorInfo is taken up to 4 MiB: HSMIME_EFORMAT past that. As
 * enveloped_parts' functions. Free with rewrap_head_free in any case.
 */
int rewrap_head_read(struct rewrap_head *h, struct enveloped_parts *p, const struct buffer *frame);

/*
 * rewrap_head_recipients(h, infos, count, env):
 * These, whole elements, are the message's recipients from now on: in DER's order where the SET
 * has a definite length. HSMIME_EFORMAT where there are none or too many for a reader; HSMIME_ENOMEM.
 */
struct rewrap_info {
	const unsigned char *data;
	size_t len;
};
int rewrap_head_recipients(
    struct rewrap_head *h, struct rewrap_info *infos, size_t count, struct cms_env *env);

/* rewrap_head_write(h, p, sink): ContentInfo up to EncryptedContentInfo. The sink's status. */
int rewrap_head_write(
    const struct rewrap_head *h, const struct enveloped_parts *p, const hsmime_sink *sink);

/*
 * rewrap_head_version(h, p): the version that EnvelopedData has with the new recipients (RFC 5652
 * section 6.1); 0 for AuthEnvelopedData (RFC 5083 section 2.1).
 */
int rewrap_head_version(const struct rewrap_head *h, const struct enveloped_parts *p);

void rewrap_head_free(struct rewrap_head *h);

#endif
