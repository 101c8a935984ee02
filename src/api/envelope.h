/*
 * envelope: taking one encryption layer off, with a key on a token.
 */
#ifndef API_ENVELOPE_H
#define API_ENVELOPE_H

#include <hsmime/operation.h>

#include "api/input.h"
#include "api/result.h"
#include "cms/content_holder.h"
#include "cms/enveloped_reencrypt.h"
#include "cms/enveloped_rewrap.h"

struct envelope {
	hsmime_ctx *ctx;
	const char *key_uri;       /* or NULL */
	const hsmime_certs *certs; /* or NULL */
	bool require_authenticated;
	hsmime_sink content;                             /* the plaintext, to be held back */
	int (*read_back)(void *arg, hsmime_source *out); /* see enveloped_reader.h */
	void *read_back_arg;
	struct content_key *content_key; /* see there; or NULL */
	/* For other recipients instead of decrypted: of the above ctx, key_uri and certs count. NULL: decrypted. */
	const struct enveloped_rewrap *rewrap;
	const struct enveloped_reencrypt *reencrypt; /* the same, with require_authenticated too */
};

/*
 * envelope_open(result, in, type, e):
 * Read the EnvelopedData or AuthEnvelopedData at in->ber to the end of its
 * ContentInfo, write its plaintext to e->content, and add a layer to result; after a
 * failure one that is not opened, with its recipients where they could be read.
 * Returns as enveloped_read, or as enveloped_rewrap or enveloped_reencrypt.
 */
int envelope_open(
    hsmime_result *result, struct cms_input *in, enum cms_type type, const struct envelope *e);

#endif
