/*
 * enveloped_rewrap: EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083) for other
 * recipients: the content key is encrypted anew, the encrypted content copied octet for octet, in
 * one pass, any size in constant memory.
 */
#ifndef CMS_ENVELOPED_REWRAP_H
#define CMS_ENVELOPED_REWRAP_H

#include <stdbool.h>
#include <stddef.h>

#include <hsmime/stream.h>

#include "cms/cms.h"
#include "cms/content_proof.h"
#include "cms/enveloped_reader.h"
#include "cms/enveloped_writer.h"
#include "util/buffer.h"

struct enveloped_rewrap {
	/* Where the message goes, all of ContentInfo. The caller holds it back until 0 is returned. */
	hsmime_sink out;
	/*
	 * ContentInfo's octets up to the message, as cms_content_info_enter consumed them
	 * (ber_reader's copy).
	 */
	const struct buffer *frame;
	/* Who is added: recipients (may be none), key_transport and key_id count. */
	const struct enveloped_write *added;
	/* Whether a recipient of the message stays one; NULL: none does. */
	bool (*keeps)(void *arg, const struct recipient *recipient);
	void *keeps_arg;
	/* How the plaintext of CBC may begin. NULL: the content key is not proved, GCM's neither. */
	content_judge *judge;
};

struct enveloped_rewrapped {
	struct enveloped_result old;  /* what was read; content_size is 0 where it is not known */
	struct recipient *recipients; /* those of the message written, in its order */
	size_t count;
	const char *cipher; /* of an encryption anew (enveloped_reencrypt.h); else NULL */
	bool authenticated; /* what that gave */
};

/* enveloped_rewrapped_free(r): free its members; zeroed or NULL is allowed. */
void enveloped_rewrapped_free(struct enveloped_rewrapped *r);

/*
 * enveloped_rewrap(result, r, type, read, how, env):
 * Read the message at r as enveloped_read does, with read's find, unwrapper, secret and rest, and
 * write it to how->out with other RecipientInfos: as hsmime_encrypt writes them for those that are
 * added, octet for octet for those that stay (a KeyAgreeRecipientInfo that loses some of its
 * keys alone is encoded anew). Each level of the structure keeps its form of length; version is
 * that of RFC 5652 section 6.1; everything behind RecipientInfos is copied.
 * The content key is proved over all of the content: GCM by the tag, CBC by the padding and
 * how->judge. Statuses and words are those of enveloped_read; what it says of the key comes at
 * the end, when out has got all, and nothing may leave it then. Further: HSMIME_EUNSUPPORTED also
 * where the token does not show the content key, or for the key of one who is added;
 * HSMIME_EFORMAT also where too many would be left as recipients, HSMIME_EPOLICY where nobody would.
 * *result is filled on 0 and zeroed else.
 */
int enveloped_rewrap(struct enveloped_rewrapped *result, struct ber_reader *r, enum cms_type type,
    const struct enveloped_read *read, const struct enveloped_rewrap *how, struct cms_env *env);

#endif
