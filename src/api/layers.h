/*
 * layers: following a message inwards, signature by signature and envelope by
 * envelope, to a fixed depth.
 */
#ifndef API_LAYERS_H
#define API_LAYERS_H

#include <hsmime/operation.h>

#include "api/certs.h"
#include "api/input.h"
#include "api/result.h"
#include "util/spool.h"

#define LAYERS_MAX 8

/* What the walk works with. */
struct layers {
	hsmime_ctx *ctx;
	hsmime_result *result;
	const struct trust *trust;
	char *const *from;    /* the mail's From addresses, or NULL */
	const char *key_uri;  /* for encrypted layers, or NULL */
	bool decrypts;        /* follow encrypted layers; else they end the walk */
	bool require_message; /* what was CBC begins as a message does, or did not decrypt */
	bool searches;        /* look for signed parts where the whole is not signed */
	const hsmime_source *detached; /* content of a detached CMS signature, or NULL */
	hsmime_output
	    *content;         /* takes the innermost signed content; begun and held; may be NULL */
	bool content_written; /* it did */
	bool inside_part;     /* what is walked is only a part of the mail */
	uint64_t base;        /* where that part begins */
	size_t part;          /* that part's number, from 1 in the order of their start */
	const char *place;    /* and which it is: "1.2"; NULL: the whole mail is walked */
};

/*
 * layers_mail(l, in, depth):
 * Walk the mail or MIME entity at in (seekable), depth layers deep already (0 at
 * the start), adding layers to l->result. With l->searches a mail without a
 * signature around all of it is searched for signed parts, which are verified and
 * marked partial.
 * Returns 0 when the walk came to its end, whatever the verdict; HSMIME_EFORMAT,
 * HSMIME_EUNSUPPORTED, HSMIME_EIO, HSMIME_ENOMEM, or what envelope_open gives.
 */
int layers_mail(struct layers *l, const hsmime_source *in, int depth);

/* layers_cms(l, in, format, depth): the same for CMS over octets. in need not seek. */
int layers_cms(struct layers *l, const hsmime_source *in, enum hsmime_format format, int depth);

/*
 * layers_envelope(spool, l, c, type):
 * Take the encrypted layer at c->ber off into a new *spool, where its plaintext waits
 * for the next layer's reader; the caller frees *spool, also after a failure.
 * Returns as envelope_open.
 */
int layers_envelope(
    struct spool **spool, struct layers *l, struct cms_input *c, enum cms_type type);

/*
 * What the walk does not read (layers_closed.c). Each notes a layer that is not opened.
 *
 * layers_unopened(l, kind, status): it could not be read, for the reason that is the
 *     context's error. Returns status, or HSMIME_ENOMEM.
 * layers_limit(err): the words for more than LAYERS_MAX layers. Returns HSMIME_EFORMAT.
 * layers_too_deep(l, kind): it is one layer too many. Returns HSMIME_EFORMAT or HSMIME_ENOMEM.
 * layers_pass_over(l, kind, c): an encrypted part of a mail, whose header c has read: it is no
 *     layer around the mail. Returns 0 or HSMIME_ENOMEM.
 */
int layers_unopened(struct layers *l, enum hsmime_layer_kind kind, int status);
int layers_limit(struct error *err);
int layers_too_deep(struct layers *l, enum hsmime_layer_kind kind);
int layers_pass_over(struct layers *l, enum hsmime_layer_kind kind, const struct cms_input *c);

/* layers_are_kind(kind, type): what a layer of that type is in a mail; false where hsmime doesn't read it. */
bool layers_are_kind(enum hsmime_layer_kind *kind, enum cms_type type);

/* layers_describe(l, content): the MIME type of the entity at content, or NULL. The caller frees it. */
char *layers_describe(struct layers *l, const hsmime_source *content);

#endif
