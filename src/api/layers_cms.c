#include "api/layers.h"

#include "api/envelope.h"
#include "api/input.h"
#include "cms/content_key.h"
#include "mail/looks_like.h"
#include "util/output.h"
#include "util/sink.h"
#include "util/source.h"

/* No verdict on the signature: it was not checked. */
static int refuse_detached(struct error *err)
{
	error_set(err, HSMIME_EINVALID,
	    "the signature is detached: what it covers is not in the message");
	return error_hint(err, "give the signed file with --content");
}

/* Signed octets go to the output as they are hashed: it is held until the verdict. */
static int verify_octets(struct layers *l, struct cms_input *c)
{
	struct cms_env env = ctx_env(l->ctx);
	struct signed_read request = { .detached = l->detached };
	struct signed_result found = { 0 };
	struct source_tee copied;
	enum hsmime_layer_kind kind =
	    l->detached != NULL ? HSMIME_LAYER_SIGNED_DETACHED : HSMIME_LAYER_SIGNED_OPAQUE;
	hsmime_source beside;
	uint64_t trailing = 0;
	size_t index = 0;
	int status;

	request.extra = certs_stack(l->trust->certs);
	if (l->content != NULL)
		output_sink(&request.content, l->content);
	if (l->content != NULL && l->detached != NULL) {
		source_tee_open(&beside, &copied, l->detached, &request.content);
		request.detached = &beside;
	}
	status = signed_read(&found, &c->ber, &request, &env);
	if (status == 0)
		status = cms_content_info_leave(&c->ber, &env);
	if (status == 0)
		status = cms_input_trailing(&trailing, c, &env);
	if (status == 0)
		status = cms_input_finish(c, &env);
	if (status == 0 && !found.has_content)
		kind = HSMIME_LAYER_SIGNED_DETACHED;
	if (status == 0 && !found.has_content && l->decrypts && l->detached == NULL &&
	    found.count > 0)
		status = refuse_detached(env.err);
	if (status != 0)
		status = layers_unopened(l, kind, status);
	else if (result_add(&index, l->result, kind) != 0)
		status = error_nomem(env.err);
	else if (found.has_content && l->detached != NULL)
		ctx_log(
		    l->ctx, 0, "the message has content of its own too, which was not looked at");
	if (status == 0) {
		l->result->layers[index].trailing_octets = trailing;
		status = result_signed(&l->result->layers[index], l->ctx, &found, l->trust, NULL);
	}
	signed_result_free(&found);
	return status;
}

static int spool_read_back(void *arg, hsmime_source *out)
{
	spool_source(out, arg);
	return 0;
}

/* In the words of what did not decrypt: nobody learns which it was. */
static int check_beginning(struct layers *l, struct spool *spool)
{
	unsigned char first[LOOKS_LIKE_BEGINNING];
	struct cms_env env = ctx_env(l->ctx);
	hsmime_source content;
	size_t have = 0;
	ptrdiff_t got = 1;
	int status;

	spool_source(&content, spool);
	while (got > 0 && have < sizeof(first)) {
		got = content.read(content.arg, first + have, sizeof(first) - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return (int)got;
	if (looks_like_content(first, have))
		return 0;
	status = content_key_refuse(&env);
	layer_fail(&l->result->layers[l->result->layer_count - 1], status, "%s", env.err->message);
	return status;
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
	status = envelope_open(l->result, c, type, &e);
	if (status == 0 && l->require_message && !l->result->authenticated)
		status = check_beginning(l, *spool);
	return status;
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

/* Which is no CMS by its beginning; an entity says what it is by its header. */
static bool is_other(struct cms_input *c)
{
	struct window *w = &c->ber.in;
	ptrdiff_t have;

	if (c->has_entity)
		return false;
	have = window_need(w, LOOKS_LIKE_TYPE);
	return have == HSMIME_EFORMAT ||
	       (have >= 0 && !looks_like_content_info(w->data + w->start, (size_t)have));
}

/* *over: it is no CMS. What was encrypted may be anything: there the layers end. */
static int enter(bool *over, enum cms_type *type, struct cms_input *c, const hsmime_source *in,
    enum hsmime_format format, int depth, struct cms_env *env)
{
	int status = cms_input_open(c, in, format, env);
	bool other = depth > 0 && (status == 0 ? is_other(c) : status == HSMIME_EFORMAT);

	if (status == 0)
		status = cms_content_info_enter(type, &c->ber, env);
	*over = other && (status == HSMIME_EFORMAT || (status == 0 && *type == CMS_UNKNOWN));
	if (!*over)
		return status;
	error_clear(env->err);
	return 0;
}

int layers_cms(struct layers *l, const hsmime_source *in, enum hsmime_format format, int depth)
{
	struct cms_env env = ctx_env(l->ctx);
	struct cms_input c = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	enum hsmime_layer_kind kind;
	bool over;
	int status = enter(&over, &type, &c, in, format, depth, &env);

	if (over) {
		cms_input_close(&c);
		return 0;
	}
	if (status == 0 && depth >= LAYERS_MAX && layers_are_kind(&kind, type))
		status = layers_too_deep(l, kind);
	else if (status == 0 && type == CMS_SIGNED_DATA)
		status = verify_octets(l, &c);
	else if (status == 0 && l->decrypts && layers_are_kind(&kind, type))
		status = open_octets(l, &c, type, depth);
	else if (status == 0)
		status = error_set(
		    env.err, HSMIME_EUNSUPPORTED, "hsmime does not verify %s", cms_type_name(type));
	cms_input_close(&c);
	return status;
}
