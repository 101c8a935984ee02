/*
 * decryption: one hsmime_decrypt on its way, for the two forms of input.
 */
#ifndef API_DECRYPTION_H
#define API_DECRYPTION_H

#include <hsmime/operation.h>

#include "api/input.h"
#include "api/result.h"
#include "cms/content_holder.h"

/* Layers come off from the outside, each into a fresh output. */
struct decryption {
	hsmime_ctx *ctx;
	const hsmime_decrypt_options *options;
	hsmime_result *result;
	hsmime_output *out;
	hsmime_sink content; /* takes a layer's plaintext: out, unless it is read twice */
	struct content_key
	    *content_key;    /* kept for a second reading, or NULL (enveloped_reader.h) */
	struct header outer; /* the mail's own header */
	bool has_outer;
	uint64_t entity_start; /* where in the output the decrypted entity begins */
	bool plain;            /* deep: it is not encrypted outside, as why_plain says */
	bool told;             /* result is given out though it failed */
	struct error why_plain;
};

/* decryption_enter(type, d, c): into the envelope at c->ber; anything else is refused with words. */
int decryption_enter(enum cms_type *type, struct decryption *d, struct cms_input *c);

/* decryption_layer(d, c, type): take it off, its plaintext to d->content. As envelope_open. */
int decryption_layer(struct decryption *d, struct cms_input *c, enum cms_type type);

/* decryption_signed_outside(d, what): the error of input whose outermost layer, what, is signed. */
int decryption_signed_outside(struct decryption *d, const char *what);

/* decryption_entity(out, slice, whole, d): of the output whole the decrypted entity; slice is its memory. */
void decryption_entity(hsmime_source *out, struct source_slice *slice, const hsmime_source *whole,
    const struct decryption *d);

/* decrypt_mail(d, in): all encrypted layers of the mail at in; deep: the outermost, or d->plain. */
int decrypt_mail(struct decryption *d, const hsmime_source *in);

/*
 * decrypt_deep(d, in): what is encrypted in the output opened in its place; where d->plain, in the mail at in, which can
 * seek, written to the output.
 */
int decrypt_deep(struct decryption *d, const hsmime_source *in);

/* decrypt_octets(d, in): the one encrypted layer of CMS over octets. */
int decrypt_octets(struct decryption *d, const hsmime_source *in);

#endif
