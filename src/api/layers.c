#include "api/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/held_content.h"
#include "api/input.h"
#include "mail/part_table.h"
#include "mail/signed_content.h"
#include "mail/signed_parts.h"
#include "util/output.h"
#include "util/sink.h"

#define SIGNATURE_MAX (16 * 1024 * 1024) /* octets of a detached signature with its certificates */

static int keep_content(struct layers *l, const hsmime_source *content)
{
	hsmime_sink sink;

	if (l->content == NULL || l->content_written)
		return 0;
	if (content->seek != NULL && source_seek(content, 0) != 0)
		return error_set(&l->ctx->err, HSMIME_EIO, "reading the content again failed");
	output_sink(&sink, l->content);
	l->content_written = true;
	return source_copy(&sink, content);
}

static int add_signed(
    struct layers *l, size_t *index, enum hsmime_layer_kind kind, const struct signed_result *found)
{
	hsmime_layer *layer;

	if (result_add(index, l->result, kind) != 0)
		return error_nomem(&l->ctx->err);
	layer = &l->result->layers[*index];
	layer->partial = l->inside_part;
	if (l->place != NULL && (layer->place = strdup(l->place)) == NULL)
		return error_nomem(&l->ctx->err);
	if (l->inside_part)
		layer_fail(layer, HSMIME_EINVALID, "only a part of the mail is signed");
	return result_signed(layer, l->ctx, found, l->trust, l->from);
}

static char *describe_part(const struct structure *s, size_t part)
{
	const struct part *p = &s->parts[part];
	size_t children = structure_children(s, part, NULL, 0);
	char text[256];

	if (p->boundary != NULL)
		snprintf(text, sizeof(text), "%s/%s, %zu part%s", p->type, p->subtype, children,
		    children == 1 ? "" : "s");
	else
		snprintf(text, sizeof(text), "%s/%s", p->type, p->subtype);
	return strdup(text);
}

/* The signature part's octets; bounded, so that content and signature can take turns at the source. */
static int collect_signature(struct buffer *der, const hsmime_source *in,
    const struct signed_parts *halves, struct error *err)
{
	struct source_slice slice;
	struct window w = { 0 };
	struct transfer_decoder decoder;
	hsmime_source encoded, octets;
	hsmime_sink sink;
	int status;

	source_slice_open(&encoded, &slice, in, halves->signature_start, halves->signature_end);
	if (window_open(&w, &encoded, WINDOW_ROOM) != 0)
		return error_nomem(err);
	transfer_open(&octets, &decoder, &w, halves->signature_encoding);
	sink_buffer(&sink, der);
	status = source_copy(&sink, &octets);
	window_close(&w);
	return status == 0 ? 0
			   : error_set(err, status, "the signature part is malformed or too large");
}

static int read_detached(struct signed_result *found, uint64_t *trailing, struct layers *l,
    const struct buffer *der, const hsmime_source *content)
{
	struct cms_env env = ctx_env(l->ctx);
	hsmime_memory memory = { .data = der->data, .len = der->len };
	struct signed_read request = { .detached = content, .text = true };
	struct ber_reader r = { 0 };
	enum cms_type type = CMS_UNKNOWN;
	hsmime_source source;
	int status;

	request.extra = certs_stack(l->trust->certs);
	hsmime_source_memory(&source, &memory);
	status = ber_open(&r, &source, env.err) != 0 ? error_nomem(env.err)
						     : cms_content_info_enter(&type, &r, &env);
	if (status == 0 && type != CMS_SIGNED_DATA)
		status = error_set(
		    env.err, HSMIME_EFORMAT, "the signature part holds %s", cms_type_name(type));
	if (status == 0)
		status = signed_read(found, &r, &request, &env);
	if (status == 0)
		status = cms_content_info_leave(&r, &env);
	if (status == 0)
		status = input_trailing(trailing, &r, true, &env);
	ber_close(&r);
	return status;
}

static int follow(struct layers *l, const hsmime_source *content, int depth)
{
	int status = layers_mail(l, content, depth + 1);

	return status == 0 ? keep_content(l, content) : status;
}

/*
 * What may leave is kept as it is hashed: the input, read again, need not be the same. Where
 * nothing leaves, content only moves on in the input.
 */
static int read_halves(struct signed_result *found, uint64_t *trailing, hsmime_source *content,
    struct held_content *held, struct layers *l, const struct buffer *der)
{
	struct source_tee tee;
	hsmime_source watched;
	hsmime_sink sink;
	int status;

	if (l->content == NULL || l->content_written)
		return read_detached(found, trailing, l, der, content);
	status = held_content_open(&sink, held, l->ctx, NULL);
	if (status != 0)
		return status;
	source_tee_open(&watched, &tee, content, &sink);
	status = read_detached(found, trailing, l, der, &watched);
	spool_source(content, held->spool);
	return status;
}

static int verify_halves(struct layers *l, const hsmime_source *in, const struct structure *s,
    const struct signed_parts *halves, int depth)
{
	struct signed_result found = { 0 };
	struct held_content held = { 0 };
	struct source_slice slice;
	hsmime_source content;
	struct buffer der;
	uint64_t trailing = 0;
	size_t index = 0;
	int status;

	buffer_init(&der, SIGNATURE_MAX);
	source_slice_open(&content, &slice, in, halves->content_start, halves->content_end);
	status = collect_signature(&der, in, halves, &l->ctx->err);
	if (status == 0)
		status = read_halves(&found, &trailing, &content, &held, l, &der);
	if (status != 0)
		status = layers_unopened(l, HSMIME_LAYER_SIGNED_DETACHED, status);
	else
		status = add_signed(l, &index, HSMIME_LAYER_SIGNED_DETACHED, &found);
	if (status == 0) {
		hsmime_layer *layer = &l->result->layers[index];

		layer->content = describe_part(s, halves->content_part);
		layer->content_offset = l->base + halves->content_start;
		layer->content_size = halves->content_end - halves->content_start;
		layer->trailing_octets = trailing;
		status = follow(l, &content, depth);
	}
	held_content_close(&held);
	signed_result_free(&found);
	buffer_free(&der);
	return status;
}

static int verify_clear(struct layers *l, const hsmime_source *in, int depth)
{
	struct structure s = { 0 };
	struct signed_parts halves;
	int status = source_seek(in, 0);

	if (status != 0)
		return error_set(&l->ctx->err, status, "reading the input again failed");
	status = structure_scan(&s, in, &l->ctx->err);
	if (status == 0)
		status = signed_parts_find(&halves, &s, 0, &l->ctx->err);
	if (status == 0)
		status = verify_halves(l, in, &s, &halves, depth);
	else
		status = layers_unopened(l, HSMIME_LAYER_SIGNED_DETACHED, status);
	structure_free(&s);
	return status;
}

static int read_attached(struct signed_result *found, uint64_t *trailing, struct layers *l,
    struct cms_input *c, const hsmime_sink *content)
{
	struct cms_env env = ctx_env(l->ctx);
	struct signed_read request = { .detached = l->detached, .content = *content };
	int status;

	request.extra = certs_stack(l->trust->certs);
	status = signed_read(found, &c->ber, &request, &env);
	if (status == 0)
		status = cms_content_info_leave(&c->ber, &env);
	if (status == 0)
		status = cms_input_trailing(trailing, c, &env);
	return status == 0 ? cms_input_finish(c, &env) : status;
}

/* What reads in two ways is no message, whoever signed it. */
static int follow_opaque(
    struct layers *l, hsmime_layer *layer, const hsmime_source *content, int depth)
{
	int status = signed_content_judge(content, &l->ctx->err);

	if (status == 0)
		return follow(l, content, depth);
	layer_fail(layer, status, "%s", l->ctx->err.message);
	return status;
}

static int verify_opaque(struct layers *l, struct cms_input *c, int depth)
{
	struct signed_result found = { 0 };
	struct held_content held;
	hsmime_source content;
	hsmime_sink sink;
	uint64_t trailing = 0;
	size_t index = 0;
	int status =
	    held_content_open(&sink, &held, l->ctx, l->content != NULL ? NULL : held_content_smime);

	if (status == 0)
		status = read_attached(&found, &trailing, l, c, &sink);
	if (status != 0)
		status = layers_unopened(l, HSMIME_LAYER_SIGNED_OPAQUE, status);
	else
		status = add_signed(l, &index, HSMIME_LAYER_SIGNED_OPAQUE, &found);
	if (status == 0) {
		l->result->layers[index].trailing_octets = trailing;
		spool_source(&content, held.spool);
		l->result->layers[index].content = layers_describe(l, &content);
		if (!held.dropped)
			status = follow_opaque(l, &l->result->layers[index], &content, depth);
	}
	signed_result_free(&found);
	held_content_close(&held);
	return status;
}

static int no_reader(struct layers *l, enum cms_type type)
{
	return error_set(
	    &l->ctx->err, HSMIME_EUNSUPPORTED, "hsmime does not read %s", cms_type_name(type));
}

static int walk_cms_entity(struct layers *l, struct cms_input *c, int depth)
{
	struct cms_env env = ctx_env(l->ctx);
	struct spool *spool = NULL;
	enum hsmime_layer_kind kind;
	enum cms_type type;
	hsmime_source content;
	int status = cms_input_body(c, &env);

	if (status == 0)
		status = cms_content_info_enter(&type, &c->ber, &env);
	if (status != 0)
		return status;
	if (depth >= LAYERS_MAX && layers_are_kind(&kind, type))
		return layers_too_deep(l, kind);
	if (type == CMS_SIGNED_DATA)
		return verify_opaque(l, c, depth);
	if (!layers_are_kind(&kind, type))
		return no_reader(l, type);
	if (!l->decrypts)
		return 0;
	if (l->inside_part)
		return layers_pass_over(l, kind, c);
	status = layers_envelope(&spool, l, c, type);
	if (status == 0) {
		spool_source(&content, spool);
		status = layers_mail(l, &content, depth + 1);
	}
	spool_free(spool);
	return status;
}

static bool has_signature(const hsmime_result *result)
{
	for (size_t i = 0; i < result->layer_count; i++) {
		if (result->layers[i].signers != NULL)
			return true;
	}
	return false;
}

/* No signature around the whole: look for signed parts, so that nobody takes one of them for all. */
static int walk_parts(struct layers *l, const hsmime_source *in, int depth)
{
	struct structure s = { 0 };
	int status = source_seek(in, 0);

	if (status == 0)
		status = structure_scan(&s, in, &l->ctx->err);
	l->inside_part = true;
	for (size_t i = 1; i < s.count && status == 0; i++) {
		char place[PART_PLACE_SIZE];
		struct source_slice slice;
		hsmime_source part;

		if (s.parts[i].kind != ENTITY_SIGNED && s.parts[i].kind != ENTITY_CMS)
			continue;
		source_slice_open(&part, &slice, in, s.parts[i].start, s.parts[i].end);
		l->part = i + 1;
		part_place(place, &s, i);
		l->place = place;
		l->base = s.parts[i].start;
		status = layers_mail(l, &part, depth + 1);
		if (has_signature(l->result))
			break;
	}
	l->inside_part = false;
	l->place = NULL;
	l->base = 0;
	structure_free(&s);
	return status;
}

int layers_mail(struct layers *l, const hsmime_source *in, int depth)
{
	struct cms_env env = ctx_env(l->ctx);
	struct cms_input c = { 0 };
	int status = source_seek(in, 0);

	if (status == 0)
		status = cms_input_mail(&c, in, &env);
	if (status == HSMIME_EFORMAT && depth > 0) {
		/* Content that is no MIME entity is content all the same. */
		error_clear(env.err);
		status = 0;
	} else if (status == 0 && c.entity.kind == ENTITY_SIGNED) {
		status = depth < LAYERS_MAX ? verify_clear(l, in, depth)
					    : layers_too_deep(l, HSMIME_LAYER_SIGNED_DETACHED);
	} else if (status == 0 && c.entity.kind == ENTITY_CMS) {
		status = walk_cms_entity(l, &c, depth);
	} else if (status == 0 && c.entity.kind == ENTITY_MULTIPART && l->searches &&
		   !l->inside_part && !has_signature(l->result)) {
		status = walk_parts(l, in, depth);
	}
	cms_input_close(&c);
	return status;
}
