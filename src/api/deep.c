#include "api/deep.h"

#include <stdlib.h>

#include "api/inside_signature.h"
#include "api/layers.h"
#include "util/sink.h"

static int walk(struct deep_level *l);

static int failed(const struct deep_level *l, int status)
{
	return status == 0 ? 0 : error_keep(&l->deep->ctx->err, status, "the mail can't be copied");
}

static int copy_range(const struct deep_level *l, uint64_t start, uint64_t end)
{
	struct source_slice slice;
	hsmime_source octets;

	if (start >= end)
		return 0;
	source_slice_open(&octets, &slice, l->in, start, end);
	return failed(l, source_copy(l->out, &octets));
}

/* The fields of a part that do not tell of its content, and the "From " line that some programs put before a message. */
static int write_header(const struct deep_level *l, const struct header *h)
{
	int status = sink_write(l->out, h->octets.data, h->mbox_len);

	if (status == 0)
		status = header_write(h, HEADER_OUTER, false, l->out);
	return failed(l, status);
}

/* In the place of l->part, whose header is h: what was in it, opened further. */
static int replace(struct deep_level *l, const struct header *h, struct spool *spool)
{
	char *place = deep_place(l);
	hsmime_source content;
	struct deep_level inner = {
		.deep = l->deep,
		.outer = l,
		.in = &content,
		.out = l->out,
		.place = place,
		.depth = l->depth + 1,
	};
	int status = place == NULL ? error_nomem(&l->deep->ctx->err) : 0;

	spool_source(&content, spool);
	if (status == 0)
		status = copy_range(l, l->at, l->part->start);
	if (status == 0)
		status = write_header(l, h);
	l->at = l->part->end;
	l->deep->opened++;
	if (status == 0)
		status = walk(&inner);
	if (status == 0)
		status = copy_range(&inner, inner.at, content.size);
	free(place);
	return status;
}

/* The part is read and closed before what was in it is, as memory is for one at a time. */
static int open_part(struct deep_level *l, struct cms_input *c, enum cms_type type)
{
	struct spool *spool = NULL;
	struct header header = { 0 };
	int status = deep_open(&spool, l, c, type);

	if (status == 0 && spool != NULL) {
		header = c->header;
		c->header = (struct header){ 0 };
		c->has_header = false;
		cms_input_close(c);
		status = replace(l, &header, spool);
	}
	header_free(&header);
	spool_free(spool);
	return status;
}

/* What an opaque signature holds is looked through, and stays. */
static int look_into_signed(struct deep_level *l, struct cms_input *c)
{
	struct deep *deep = l->deep;
	struct cms_env env = ctx_env(deep->ctx);
	char *place = deep_place(l);
	struct spool *spool = NULL;
	hsmime_sink sink;
	hsmime_source content;
	struct deep_level inner = {
		.deep = deep, .outer = l, .in = &content, .place = place, .depth = l->depth + 1
	};
	bool whole = false;
	int status = place == NULL ? error_nomem(env.err) : 0;

	if (status == 0 && inner.depth >= LAYERS_MAX) {
		(void)layers_limit(env.err);
		status = deep_not_searched(deep, place, env.err->message);
	} else if (status == 0) {
		status = spool_new(&spool, env.libctx, deep->ctx->spool_max, env.err);
		if (status == 0) {
			spool_sink(&sink, spool);
			status = inside_signed_octets(&whole, &sink, c, &env);
		}
		cms_input_close(c);
		if (status == 0 && whole) {
			spool_source(&content, spool);
			status = walk(&inner);
		}
	}
	spool_free(spool);
	free(place);
	return status;
}

/* What is named like CMS and is none is an attachment like others. */
static int enter(
    enum cms_type *type, struct cms_input *c, const hsmime_source *in, struct cms_env *env)
{
	int status = cms_input_mail(c, in, env);

	*type = CMS_UNKNOWN;
	if (status == 0)
		status = cms_input_body(c, env);
	if (status == 0)
		status = cms_content_info_enter(type, &c->ber, env);
	if (status != HSMIME_EFORMAT && status != BER_END)
		return status;
	*type = CMS_UNKNOWN;
	error_clear(env->err);
	return 0;
}

static int look_at_part(struct deep_level *l)
{
	struct cms_env env = ctx_env(l->deep->ctx);
	struct cms_input c = { 0 };
	struct source_slice slice;
	hsmime_source in;
	enum cms_type type;
	int status;

	source_slice_open(&in, &slice, l->in, l->part->start, l->part->end);
	l->deep->parts++;
	status = enter(&type, &c, &in, &env);
	if (status == 0 && type == CMS_SIGNED_DATA)
		status = look_into_signed(l, &c);
	else if (status == 0 && (type == CMS_ENVELOPED_DATA || type == CMS_AUTH_ENVELOPED_DATA))
		status = open_part(l, &c, type);
	cms_input_close(&c);
	return status;
}

static int walk_parts(struct deep_level *l, const struct inner_parts *parts)
{
	int status = 0;

	for (size_t i = 0; i < parts->count && status == 0; i++) {
		if (l->deep->parts >= DEEP_PARTS)
			return deep_not_searched(l->deep, l->place, NULL);
		l->part = &parts->list[i];
		status = look_at_part(l);
	}
	if (status == 0 && parts->more)
		status = deep_not_searched(l->deep, l->place, NULL);
	return status;
}

/* A mail in an attachment that is a file to MIME may be encrypted. */
static int tell_attached(struct deep_level *l, const struct inner_parts *parts)
{
	const struct inner_part part = { .place = parts->attached };
	char *place;
	int status;

	if (parts->attached == NULL)
		return 0;
	l->part = &part;
	place = deep_place(l);
	l->part = NULL;
	status = place == NULL
		     ? error_nomem(&l->deep->ctx->err)
		     : deep_not_searched(l->deep, place, "a mail is attached there as a file");
	free(place);
	return status;
}

/* Through l->in; what is opened goes to l->out, with what stands before it. */
static int walk(struct deep_level *l)
{
	struct error *err = &l->deep->ctx->err;
	struct inner_parts parts = { 0 };
	struct structure s = { 0 };
	int status = source_seek(l->in, 0);

	if (status != 0)
		return error_keep(err, status, "reading the mail again failed");
	status = structure_scan(&s, l->in, err);
	if (status == 0 && inner_parts_find(&parts, &s, DEEP_PARTS - l->deep->parts) != 0)
		status = error_nomem(err);
	structure_free(&s);
	if (status == HSMIME_EFORMAT) {
		/* With a hint it is over a limit; else no mail, and has no parts. */
		status =
		    err->hint[0] != '\0' ? deep_not_searched(l->deep, l->place, err->message) : 0;
	} else if (status == 0) {
		status = walk_parts(l, &parts);
		if (status == 0)
			status = tell_attached(l, &parts);
	}
	if (status == 0)
		error_clear(err);
	inner_parts_free(&parts);
	return status;
}

int deep_mail(struct deep *deep, const hsmime_source *in, int depth, const hsmime_sink *out)
{
	struct deep_level l = { .deep = deep, .in = in, .out = out, .place = "", .depth = depth };
	int status = walk(&l);

	return status == 0 && deep->opened > 0 ? copy_range(&l, l.at, in->size) : status;
}
