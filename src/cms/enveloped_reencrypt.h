/*
 * enveloped_reencrypt: EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083) decrypted and encrypted
 * anew in one pass, any size in constant memory: what the one cipher gives the other takes, and no plaintext is
 * anywhere but in that memory.
 */
#ifndef CMS_ENVELOPED_REENCRYPT_H
#define CMS_ENVELOPED_REENCRYPT_H

#include <hsmime/stream.h>

#include "cms/cms.h"
#include "cms/content_proof.h"
#include "cms/enveloped_reader.h"
#include "cms/enveloped_rewrap.h"
#include "cms/enveloped_writer.h"

#define REENCRYPT_WHOLE ((size_t)64 * 1024) /* octets of content up to which it becomes DER */

struct enveloped_reencrypt {
	/* Where the message goes, all of ContentInfo. The caller holds it back until 0 is returned. */
	hsmime_sink out;
	/* For whom and how: recipients, cipher, key_transport and key_id count. */
	const struct enveloped_write *to;
	content_judge *judge; /* how the plaintext of CBC may begin */
};

/*
 * enveloped_reencrypt(result, r, type, read, how, env):
 * Read the message at r as enveloped_read does, with read's find, unwrapper, secret, require_authenticated and
 * rest, and write its content to how->out, with a content key of its own, as enveloped_writer does: DER where the
 * content has up to REENCRYPT_WHOLE octets, else with indefinite lengths, as the size of CBC content shows at its
 * end only. The content type stays; originatorInfo is left out.
 * Nothing may leave how->out before 0 is returned: the tag of GCM, the padding of CBC and what how->judge says of
 * its beginning come at the end. Statuses and words are those of enveloped_read. Further: HSMIME_EPOLICY, before a
 * key is asked for, for authenticated content and a cipher that does not authenticate; HSMIME_EUNSUPPORTED for
 * attributes, authenticated or not, which would be lost, for more content than GCM takes, and, as RFC 5083 wants
 * attributes then, for GCM where the content type is not id-data.
 * *result is filled on 0 and zeroed else; old.content_size is that of the content.
 */
int enveloped_reencrypt(struct enveloped_rewrapped *result, struct ber_reader *r,
    enum cms_type type, const struct enveloped_read *read, const struct enveloped_reencrypt *how,
    struct cms_env *env);

#endif
