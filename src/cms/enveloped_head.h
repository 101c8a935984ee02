/*
 * enveloped_head: all of an enveloped message that precedes the content, with the sizes
 * that DER needs beforehand.
 */
#ifndef CMS_ENVELOPED_HEAD_H
#define CMS_ENVELOPED_HEAD_H

#include <stdint.h>

#include <hsmime/stream.h>

#include "cms/cms.h"
#include "cms/content_cipher.h"
#include "cms/enveloped_writer.h"
#include "util/buffer.h"

/* Parts in DER. Zero before use. */
struct enveloped_head {
	enum cms_type type;
	struct buffer before; /* version and recipientInfos */
	struct buffer info;   /* content type and algorithm */
	uint64_t tag_size;    /* octets of the tag's element; 0 where there is none */
};

/* enveloped_head_make(head, request, cipher, params, key, env): 0 or recipient_infos_make's errors. */
int enveloped_head_make(struct enveloped_head *head, const struct enveloped_write *request,
    const struct content_cipher *cipher, const struct content_params *params,
    const struct secret *key, struct cms_env *env);

/*
 * enveloped_head_write(head, encrypted, sink):
 * Write ContentInfo up to the header of encryptedContent, which has encrypted
 * octets; with HSMIME_SIZE_UNKNOWN everything that is open has indefinite
 * length. The sink's status.
 */
int enveloped_head_write(
    const struct enveloped_head *head, uint64_t encrypted, const hsmime_sink *sink);

void enveloped_head_free(struct enveloped_head *head);

#endif
