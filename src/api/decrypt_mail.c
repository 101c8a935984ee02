#include "api/decryption.h"

#include <stdio.h>

#include "api/layers.h"
#include "util/output.h"

static int not_encrypted(struct decryption *d, const char *what)
{
	error_set(&d->ctx->err, HSMIME_EFORMAT, "the input is not encrypted: it is %s", what);
	return error_hint(&d->ctx->err, "it can be read as it is; hsmime verify checks signatures");
}

static int write_outer(struct decryption *d)
{
	return d->options->entity ? 0 : header_write(&d->outer, HEADER_OUTER, false, &d->content);
}

static int open_mail_layer(struct decryption *d, struct cms_input *c)
{
	struct cms_env env = ctx_env(d->ctx);
	enum cms_type type = CMS_UNKNOWN;
	int status = cms_input_body(c, &env);

	if (status == 0)
		status = decryption_enter(&type, d, c);
	if (status == 0)
		status = write_outer(d);
	return status == 0 ? decryption_layer(d, c, type) : status;
}

static int refuse_plain(struct decryption *d, const struct entity *e)
{
	char what[256];

	d->plain = true;
	snprintf(what, sizeof(what), "%s/%s", e->type.type, e->type.subtype);
	return e->kind == ENTITY_SIGNED ? decryption_signed_outside(d, what)
					: not_encrypted(d, what);
}

static int decrypt_outermost(struct decryption *d, const hsmime_source *in)
{
	struct cms_env env = ctx_env(d->ctx);
	struct cms_input c = { 0 };
	int status = cms_input_mail(&c, in, &env);

	if (status == 0) {
		d->outer = c.header;
		c.header = (struct header){ 0 };
		c.has_header = false;
		d->has_outer = true;
		status = result_set_date(d->result, &d->outer);
	}
	if (status == 0)
		status = c.entity.kind == ENTITY_CMS ? open_mail_layer(d, &c)
						     : refuse_plain(d, &c.entity);
	cms_input_close(&c);
	return status;
}

/* Further in there are the same rules for all parts. Of what is not encrypted outside no entity can be given alone. */
static int decrypt_outer(struct decryption *d, const hsmime_source *in)
{
	int status = decrypt_outermost(d, in);

	if (status == 0 || !d->plain || d->options->entity)
		return status;
	d->why_plain = d->ctx->err;
	error_clear(&d->ctx->err);
	return 0;
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

/*
 * What is inside is for others, or only looks like an envelope: then it is the content. Anything
 * else would tell, by the status, how decrypted octets begin that nothing authenticates.
 */
static bool is_content(int status)
{
	return status == HSMIME_ENOKEY || status == HSMIME_EFORMAT || status == HSMIME_EUNSUPPORTED;
}

/* *more: an envelope came off. */
static int decrypt_next(bool *more, struct decryption *d)
{
	struct cms_env env = ctx_env(d->ctx);
	struct output_old *old = NULL;
	uint64_t entity_start = d->entity_start;
	struct source_slice slice;
	hsmime_source whole, entity;
	struct cms_input c = { 0 };
	int status = output_restart(&old, &whole, d->out, env.err);

	if (status == 0) {
		decryption_entity(&entity, &slice, &whole, d);
		status = cms_input_mail(&c, &entity, &env);
	}
	if (status == 0)
		status = open_mail_layer(d, &c);
	cms_input_close(&c);
	*more = status == 0;
	if (old == NULL || !is_content(status)) {
		output_old_free(old);
		return status;
	}
	ctx_log(d->ctx, 0, "the content is encrypted once more and stays so: %s", env.err->message);
	error_clear(env.err);
	output_restore(d->out, old);
	d->entity_start = entity_start;
	return 0;
}

/* Whether the entity in the output is an envelope that may come off too. */
static int look_inside(bool *envelope, struct decryption *d)
{
	struct source_slice slice;
	hsmime_source whole, entity;

	output_source(&whole, d->out);
	decryption_entity(&entity, &slice, &whole, d);
	return is_envelope(envelope, d, &entity);
}

int decrypt_mail(struct decryption *d, const hsmime_source *in)
{
	bool more = true;
	int status;

	if (d->options->deep)
		return decrypt_outer(d, in);
	status = decrypt_outermost(d, in);
	for (int depth = 1; status == 0 && more; depth++) {
		status = look_inside(&more, d);
		if (status != 0 || !more)
			break;
		status = depth < LAYERS_MAX ? decrypt_next(&more, d) : layers_limit(&d->ctx->err);
	}
	return status;
}
