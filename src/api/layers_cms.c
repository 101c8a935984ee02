#include "api/layers.h"

#include "api/envelope.h"
#include "api/input.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/source.h"

/* Content beside the signature, which goes to the output as it is read. */
struct copied_source {
	hsmime_source base;
	hsmime_sink out;
};

static ptrdiff_t copied_read(void *arg, void *buf, size_t len)
{
	struct copied_source *s = arg;
	ptrdiff_t got = s->base.read(s->base.arg, buf, len);
	int status = got > 0 ? sink_write(&s->out, buf, (size_t)got) : 0;

	return status != 0 ? status : got;
}

static int copied_seek(void *arg, uint64_t offset)
{
	return source_seek(&((struct copied_source *)arg)->base, offset);
}

static void copied_source_open(
    hsmime_source *out, struct copied_source *s, const hsmime_source *base, const hsmime_sink *sink)
{
	*s = (struct copied_source){ .base = *base, .out = *sink };
	*out = (hsmime_source){ .read = copied_read, .arg = s, .size = base->size };
	if (base->seek != NULL)
		out->seek = copied_seek;
}

/* Signed octets go to the output as they are hashed: it is held until the verdict. */
static int verify_octets(struct layers *l, struct cms_input *c)
{
	struct cms_env env = ctx_env(l->ctx);
	struct signed_read request = { .detached = l->detached };
	struct signed_result found = { 0 };
	struct copied_source copied;
	hsmime_source beside;
	size_t index;
	int status;

	request.extra = certs_stack(l->trust->certs);
	if (l->content != NULL)
		output_sink(&request.content, l->content);
	if (l->content != NULL && l->detached != NULL) {
		copied_source_open(&beside, &copied, l->detached, &request.content);
		request.detached = &beside;
	}
	status = signed_read(&found, &c->ber, &request, &env);
	if (status == 0)
		status = cms_content_info_leave(&c->ber, &env);
	if (status == 0)
		status = cms_input_finish(c, &env);
	if (status == 0)
		status = result_add(&index, l->result,
		    found.has_content ? HSMIME_LAYER_SIGNED_OPAQUE : HSMIME_LAYER_SIGNED_DETACHED);
	if (status == 0)
		status = result_signed(&l->result->layers[index], l->ctx, &found, l->trust, NULL);
	signed_result_free(&found);
	return status;
}

static int spool_read_back(void *arg, hsmime_source *out)
{
	spool_source(out, arg);
	return 0;
}

int layers_envelope(struct spool **spool, struct layers *l, struct cms_input *c, enum cms_type type)
{
	struct envelope e = {
		.ctx = l->ctx,
		.key_uri = l->key_uri,
		.certs = l->trust->certs,
		.read_back = spool_read_back,
	};
	int status = spool_new(spool, l->ctx->shared->libctx, l->ctx->spool_max, &l->ctx->err);

	if (status != 0)
		return status;
	spool_sink(&e.content, *spool);
	e.read_back_arg = *spool;
	return envelope_open(l->result, c, type, &e);
}

static int open_octets(struct layers *l, struct cms_input *c, enum cms_type type, int depth)
{
	struct spool *spool = NULL;
	hsmime_source content;
	int status = layers_envelope(&spool, l, c, type);

	if (status == 0) {
		spool_source(&content, spool);
		status = layers_cms(l, &content, HSMIME_FORMAT_AUTO, depth + 1);
	}
	spool_free(spool);
	return status;
}

int layers_cms(struct layers *l, const hsmime_source *in, enum hsmime_format format, int depth)
{
	struct cms_env env = ctx_env(l->ctx);
	struct cms_input c = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	int status;

	if (depth >= LAYERS_MAX)
		return error_set(
		    env.err, HSMIME_EFORMAT, "more than %d layers inside each other", LAYERS_MAX);
	status = cms_input_open(&c, in, format, &env);
	if (status == 0)
		status = cms_content_info_enter(&type, &c.ber, &env);
	if (status == 0 && type == CMS_SIGNED_DATA)
		status = verify_octets(l, &c);
	else if (status == 0 && l->decrypts &&
		 (type == CMS_ENVELOPED_DATA || type == CMS_AUTH_ENVELOPED_DATA))
		status = open_octets(l, &c, type, depth);
	else if (status == 0)
		status = error_set(
		    env.err, HSMIME_EUNSUPPORTED, "hsmime does not verify %s", cms_type_name(type));
	cms_input_close(&c);
	return status;
}
