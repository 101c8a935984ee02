#include "api/layers.h"

#include "api/mail_input.h"
#include "mail/address.h"
#include "util/output.h"

static struct trust trust_of(const hsmime_verify_options *options)
{
	struct trust trust = {
		.anchors = options->anchors,
		.certs = options->certs,
		.no_chain = options->no_chain != 0,
		.partial_chain = options->partial_chain != 0,
		.no_check_time = options->no_check_time != 0,
		.any_purpose = options->any_purpose != 0,
		.at = options->at,
	};

	return trust;
}

/* A source of its own for the mail: seekable, so that content and signature can be read apart. */
struct verify_input {
	struct progress_source progress;
	hsmime_source source;
	struct spool *spool;
	struct header header;
	char **from;
};

static int open_mail(struct verify_input *v, hsmime_ctx *ctx, const hsmime_source *in)
{
	struct window w = { 0 };
	hsmime_source watched;
	size_t count;
	int status;

	progress_open(&watched, &v->progress, ctx, in);
	status = spool_input(
	    &v->source, &v->spool, &watched, ctx->shared->libctx, ctx->spool_max, &ctx->err);
	if (status != 0)
		return status;
	if (window_open(&w, &v->source, WINDOW_ROOM) != 0)
		return error_nomem(&ctx->err);
	status = header_read(&v->header, &w, &ctx->err);
	window_close(&w);
	if (status == 0 && address_list(&v->from, &count, &v->header, "From") != 0)
		status = error_nomem(&ctx->err);
	return status;
}

static void close_mail(struct verify_input *v)
{
	address_list_free(v->from);
	header_free(&v->header);
	spool_free(v->spool);
}

static int walk_mail(struct layers *l, const hsmime_source *in)
{
	struct verify_input v = { 0 };
	int status = open_mail(&v, l->ctx, in);

	if (status == 0 && result_set_from(l->result, v.from) != 0)
		status = error_nomem(&l->ctx->err);
	if (status == 0) {
		l->from = v.from;
		status = layers_mail(l, &v.source, 0);
		l->from = NULL;
	}
	close_mail(&v);
	return status;
}

static int walk_octets(struct layers *l, const hsmime_source *in, enum hsmime_format format)
{
	struct progress_source progress;
	hsmime_source watched;

	progress_open(&watched, &progress, l->ctx, in);
	return layers_cms(l, &watched, format, 0);
}

/* Nothing is wrong with such a mail, and asking for the same again would not help. */
static int not_signed(hsmime_ctx *ctx, const hsmime_result *result)
{
	const char *why = result->layer_count > 0 ? result->layers[0].problem : NULL;

	if (why != NULL)
		error_set(
		    &ctx->err, HSMIME_EINVALID, "not valid: the message is not signed; %s", why);
	else
		error_set(&ctx->err, HSMIME_EINVALID, "not valid: the message is not signed");
	return error_hint(&ctx->err,
	    "it may be in order all the same, but nothing shows who wrote it; only its sender can "
	    "sign it");
}

/* Whether all that stands in the way is whom to trust. */
static bool only_trust(const hsmime_result *result)
{
	for (size_t i = 0; i < result->layer_count; i++) {
		const hsmime_layer *layer = &result->layers[i];

		if (layer->partial || (layer->status != 0 && layer->signer_count == 0))
			return false;
		for (size_t s = 0; layer->signers != NULL && s < layer->signer_count; s++) {
			if (layer->signers[s].signature_status != 0)
				return false;
		}
	}
	return true;
}

static int explain_layer(hsmime_ctx *ctx, const hsmime_layer *layer, const char *advice)
{
	int status = error_set(&ctx->err, HSMIME_EINVALID, "not valid: %s",
	    layer->problem != NULL ? layer->problem : "the signature does not hold");

	return advice != NULL ? error_hint(&ctx->err, "%s", advice) : status;
}

/* The words for a verdict that does not hold: the first layer's that says why. */
static int explain(hsmime_ctx *ctx, const hsmime_result *result, const char *advice)
{
	for (size_t i = 0; i < result->layer_count; i++) {
		const hsmime_layer *layer = &result->layers[i];

		if (layer->signers != NULL && layer->status != 0)
			return explain_layer(ctx, layer, only_trust(result) ? advice : NULL);
	}
	return not_signed(ctx, result);
}

static int conclude(hsmime_ctx *ctx, struct layers *l)
{
	int status = result_verdict(l->result);

	l->result->status = status;
	if (status != 0)
		return explain(ctx, l->result, *l->trust->advice);
	return l->content != NULL ? output_commit(l->content, &ctx->err) : 0;
}

/* What is known of the layers is told too where the walk ended early; but not of half a reading. */
static bool worth_telling(const hsmime_result *result, int status)
{
	if (status == HSMIME_EIO || status == HSMIME_ENOMEM || status == HSMIME_EINTERNAL)
		return false;
	return result->layer_count > 0 || result->status == status;
}

struct call {
	hsmime_ctx *ctx;
	hsmime_result **result;
	hsmime_output *out;
	const hsmime_source *in;
	const hsmime_verify_options *options;
};

static int run(void *arg)
{
	const struct call *c = arg;
	hsmime_ctx *ctx = c->ctx;
	const char *advice = NULL;
	struct trust trust = trust_of(c->options);
	struct layers l = { .ctx = ctx,
		.trust = &trust,
		.decrypts = true,
		.require_message = c->options->require_message != 0,
		.searches = true,
		.detached = c->options->content,
		.content = c->out };
	int status = 0;

	trust.advice = &advice;
	l.result = result_new(&trust);
	if (l.result == NULL)
		return error_nomem(&ctx->err);
	if (c->out != NULL)
		status = output_begin(c->out, true, ctx->shared->libctx, ctx->spool_max, &ctx->err);
	if (status == 0)
		status = c->options->form == HSMIME_CMS ? walk_octets(&l, c->in, c->options->format)
							: walk_mail(&l, c->in);
	if (status == 0)
		status = conclude(ctx, &l);
	else if (l.result->layer_count > 0)
		l.result->status = status;
	if (worth_telling(l.result, status))
		*c->result = l.result;
	else
		hsmime_result_free(l.result);
	return status;
}

int hsmime_verify(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out,
    const hsmime_source *in, const hsmime_verify_options *options)
{
	struct call c = { ctx, result, out, in, options };

	*result = NULL;
	return ctx_run(ctx, run, &c);
}
