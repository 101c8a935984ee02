/*
 * input: what an operation reads: progress, the form that CMS is written in,
 * and the parts of a mail.
 */
#ifndef API_INPUT_H
#define API_INPUT_H

#include <hsmime/operation.h>

#include "api/ctx.h"
#include "mail/header.h"
#include "mail/transfer.h"
#include "util/ber_reader.h"
#include "util/source.h"
#include "util/spool.h"

/* A source that reports how far it was read to the context's progress callback. */
struct progress_source {
	hsmime_source base;
	hsmime_ctx *ctx;
	uint64_t done;
	bool again; /* it was read before, and gives HSMIME_EIO where it is no longer the same */
};

/* progress_open(out, p, ctx, in): out is in, watched; p is its memory. */
void progress_open(
    hsmime_source *out, struct progress_source *p, hsmime_ctx *ctx, const hsmime_source *in);

/* CMS octets out of DER, PEM, bare base64 or an S/MIME entity. Zero before use. */
struct cms_input {
	struct window window;
	struct header header; /* S/MIME only */
	struct entity entity; /* S/MIME only */
	bool has_header;
	bool has_entity;
	bool pem;
	struct buffer
	    *pem_head; /* takes the lines of a PEM up to its BEGIN line; NULL: nobody wants them */
	struct base64_decoder base64;
	struct transfer_decoder transfer;
	hsmime_source octets; /* the CMS, decoded; ber reads it */
	struct ber_reader ber;
};

/*
 * cms_input_open(c, in, format, env):
 * Recognise in (or take it as format says) and set c->ber on its CMS octets.
 * Of an S/MIME mail only application/pkcs7-mime and the like will do:
 * HSMIME_EFORMAT else. Free with cms_input_close in any case.
 */
int cms_input_open(
    struct cms_input *c, const hsmime_source *in, enum hsmime_format format, struct cms_env *env);

/*
 * cms_input_mail(c, in, env):
 * The first half for a mail: read header and entity; the kind is in
 * c->entity. cms_input_body goes on where the kind is ENTITY_CMS.
 */
int cms_input_mail(struct cms_input *c, const hsmime_source *in, struct cms_env *env);
int cms_input_body(struct cms_input *c, struct cms_env *env);

/*
 * input_trailing(octets, r, mail, env):
 * Read what stands behind the ContentInfo at r, to the end, and count it. In a mail
 * line endings alone are nothing, and what the transfer encoding can't be is counted
 * as at least one octet. 0, or the source's status with its words.
 */
int input_trailing(uint64_t *octets, struct ber_reader *r, bool mail, struct cms_env *env);

/* cms_input_trailing(octets, c, env): the same at c; before cms_input_finish. */
int cms_input_trailing(uint64_t *octets, struct cms_input *c, struct cms_env *env);

/* cms_input_finish(c, env): after the CMS was read: a PEM must have its END line. 0 or HSMIME_EFORMAT. */
int cms_input_finish(struct cms_input *c, struct cms_env *env);

/* cms_input_close(c): zeroed is allowed. */
void cms_input_close(struct cms_input *c);

#endif
