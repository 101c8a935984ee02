#include <stdio.h>
#include <stdlib.h>

#include "api/envelope.h"
#include "api/layers.h"
#include "mail/address.h"
#include "util/output.h"
#include "util/sink.h"

/* One decryption: layers come off from the outside, each into a fresh output. */
struct decryption {
	hsmime_ctx *ctx;
	const hsmime_decrypt_options *options;
	hsmime_result *result;
	hsmime_output *out;
	struct header outer; /* the mail's own header */
	bool has_outer;
	uint64_t entity_start; /* where in the output the decrypted entity begins */
};

/* AuthEnvelopedData with attributes: the plaintext again, without the outer header before it. */
struct read_back {
	struct decryption *d;
	hsmime_source whole;
	struct source_slice slice;
};

static int read_back_plaintext(void *arg, hsmime_source *out)
{
	struct read_back *back = arg;

	output_source(&back->whole, back->d->out);
	source_slice_open(
	    out, &back->slice, &back->whole, back->d->entity_start, output_size(back->d->out));
	return 0;
}

static int open_layer(struct decryption *d, struct cms_input *c, enum cms_type type)
{
	struct read_back back = { .d = d };
	struct envelope e = {
		.ctx = d->ctx,
		.key_uri = d->options->key_uri,
		.certs = d->options->certs,
		.require_authenticated = d->options->require_authenticated != 0,
		.read_back = read_back_plaintext,
		.read_back_arg = &back,
	};

	output_sink(&e.content, d->out);
	d->entity_start = output_size(d->out);
	return envelope_open(d->result, c, type, &e);
}

static int not_encrypted(struct decryption *d, const char *what)
{
	error_set(&d->ctx->err, HSMIME_EFORMAT, "the input is not encrypted: it is %s", what);
	return error_hint(&d->ctx->err, "use hsmime verify for what is signed only");
}

static int other_type(struct decryption *d, enum cms_type type)
{
	if (type == CMS_SIGNED_DATA)
		return not_encrypted(d, cms_type_name(type));
	error_set(
	    &d->ctx->err, HSMIME_EUNSUPPORTED, "hsmime does not decrypt %s", cms_type_name(type));
	return error_hint(&d->ctx->err,
	    "only EnvelopedData and AuthEnvelopedData have recipients with a key on a token");
}

static int enter(enum cms_type *type, struct decryption *d, struct cms_input *c)
{
	struct cms_env env = ctx_env(d->ctx);
	int status = cms_content_info_enter(type, &c->ber, &env);

	if (status == 0 && *type != CMS_ENVELOPED_DATA && *type != CMS_AUTH_ENVELOPED_DATA)
		return other_type(d, *type);
	return status;
}

static int decrypt_octets(struct decryption *d, const hsmime_source *in)
{
	struct cms_env env = ctx_env(d->ctx);
	struct cms_input c = { 0 };
	enum cms_type type;
	int status = cms_input_open(&c, in, d->options->format, &env);

	if (status == 0)
		status = enter(&type, d, &c);
	if (status == 0)
		status = open_layer(d, &c, type);
	cms_input_close(&c);
	return status;
}

static int write_outer(struct decryption *d)
{
	hsmime_sink sink;

	output_sink(&sink, d->out);
	return d->options->entity ? 0 : header_write(&d->outer, HEADER_OUTER, false, &sink);
}

static int open_mail_layer(struct decryption *d, struct cms_input *c)
{
	struct cms_env env = ctx_env(d->ctx);
	enum cms_type type = CMS_UNKNOWN;
	int status = cms_input_body(c, &env);

	if (status == 0)
		status = enter(&type, d, c);
	if (status == 0)
		status = write_outer(d);
	return status == 0 ? open_layer(d, c, type) : status;
}

static int decrypt_outermost(struct decryption *d, const hsmime_source *in)
{
	struct cms_env env = ctx_env(d->ctx);
	struct cms_input c = { 0 };
	int status = cms_input_mail(&c, in, &env);

	if (status == 0 && c.entity.kind != ENTITY_CMS) {
		char what[256];

		snprintf(what, sizeof(what), "%s/%s", c.entity.type.type, c.entity.type.subtype);
		status = not_encrypted(d, what);
	}
	if (status == 0) {
		d->outer = c.header;
		c.header = (struct header){ 0 };
		c.has_header = false;
		d->has_outer = true;
		status = open_mail_layer(d, &c);
	}
	cms_input_close(&c);
	return status;
}

/* Whether the entity in the output is an envelope again. */
static int is_envelope(bool *envelope, struct decryption *d, const hsmime_source *entity)
{
	struct cms_env env = ctx_env(d->ctx);
	struct cms_input c = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	int status = cms_input_mail(&c, entity, &env);

	if (status == 0 && c.entity.kind == ENTITY_CMS)
		status = cms_input_body(&c, &env);
	if (status == 0 && c.entity.kind == ENTITY_CMS)
		status = cms_content_info_enter(&type, &c.ber, &env);
	cms_input_close(&c);
	*envelope = type == CMS_ENVELOPED_DATA || type == CMS_AUTH_ENVELOPED_DATA;
	if (status != HSMIME_EFORMAT)
		return status;
	/* Whatever it is, it is what was encrypted. */
	error_clear(env.err);
	return 0;
}

static void entity_of(hsmime_source *out, struct source_slice *slice, const hsmime_source *whole,
    const struct decryption *d)
{
	source_slice_open(out, slice, whole, d->entity_start, whole->size);
}

static int decrypt_next(struct decryption *d)
{
	struct cms_env env = ctx_env(d->ctx);
	struct output_old *old = NULL;
	struct source_slice slice;
	hsmime_source whole, entity;
	struct cms_input c = { 0 };
	int status = output_restart(&old, &whole, d->out, env.err);

	if (status == 0) {
		entity_of(&entity, &slice, &whole, d);
		status = cms_input_mail(&c, &entity, &env);
	}
	if (status == 0)
		status = open_mail_layer(d, &c);
	cms_input_close(&c);
	output_old_free(old);
	return status;
}

static int decrypt_mail(struct decryption *d, const hsmime_source *in)
{
	int status = decrypt_outermost(d, in);

	for (int depth = 1; status == 0; depth++) {
		struct source_slice slice;
		hsmime_source whole, entity;
		bool envelope = false;

		output_source(&whole, d->out);
		entity_of(&entity, &slice, &whole, d);
		status = is_envelope(&envelope, d, &entity);
		if (status != 0 || !envelope)
			break;
		status = depth < LAYERS_MAX
			     ? decrypt_next(d)
			     : error_set(&d->ctx->err, HSMIME_EFORMAT,
				   "more than %d layers inside each other", LAYERS_MAX);
	}
	return status;
}

/* The verdict on a signature inside; it never stands in the way of the plaintext. */
static void judge_signature(struct decryption *d)
{
	struct trust trust = {
		.anchors = d->options->anchors,
		.certs = d->options->certs,
		.no_chain = d->options->anchors == NULL,
		.at = HSMIME_NO_TIME,
	};
	struct layers l = { .ctx = d->ctx, .result = d->result, .trust = &trust };
	struct source_slice slice;
	hsmime_source whole, entity;
	char **from = NULL;
	size_t count = 0;
	int status = 0;

	output_source(&whole, d->out);
	entity_of(&entity, &slice, &whole, d);
	if (d->has_outer)
		status = address_list(&from, &count, &d->outer, "From");
	l.from = from;
	if (status == 0 && from != NULL)
		status = result_set_from(d->result, from);
	if (status == 0)
		status = d->has_outer ? layers_mail(&l, &entity, 1)
				      : layers_cms(&l, &entity, HSMIME_FORMAT_DER, 1);
	if (status != 0 && d->has_outer)
		ctx_log(d->ctx, 0, "the signature inside was not judged: %s", d->ctx->err.message);
	error_clear(&d->ctx->err);
	address_list_free(from);
}

static int decrypt(struct decryption *d, const hsmime_source *in)
{
	struct progress_source progress;
	hsmime_source watched;
	int status =
	    output_begin(d->out, true, d->ctx->shared->libctx, d->ctx->spool_max, &d->ctx->err);

	if (status != 0)
		return status;
	progress_open(&watched, &progress, d->ctx, in);
	status = d->options->form == HSMIME_CMS ? decrypt_octets(d, &watched)
						: decrypt_mail(d, &watched);
	if (status != 0)
		return status;
	judge_signature(d);
	d->result->no_chain = d->options->anchors == NULL;
	return output_commit(d->out, &d->ctx->err);
}

int hsmime_decrypt(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const hsmime_source *in, const hsmime_decrypt_options *options)
{
	struct decryption d = { .ctx = ctx, .options = options, .out = out };
	int status;

	*result = NULL;
	ctx_begin(ctx);
	d.result = result_new(true);
	if (d.result == NULL)
		return error_nomem(&ctx->err);
	status = decrypt(&d, in);
	if (d.has_outer)
		header_free(&d.outer);
	if (status == 0)
		*result = d.result;
	else
		hsmime_result_free(d.result);
	return ctx_end(ctx, status);
}
