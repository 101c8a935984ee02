#include "api/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/parameters.h"
#include "util/limit.h"

bool layers_are_kind(enum hsmime_layer_kind *kind, enum cms_type type)
{
	static const struct {
		enum cms_type type;
		enum hsmime_layer_kind kind;
	} rows[] = {
		{ CMS_SIGNED_DATA, HSMIME_LAYER_SIGNED_OPAQUE },
		{ CMS_ENVELOPED_DATA, HSMIME_LAYER_ENCRYPTED },
		{ CMS_AUTH_ENVELOPED_DATA, HSMIME_LAYER_AUTH_ENCRYPTED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].type == type) {
			*kind = rows[i].kind;
			return true;
		}
	}
	return false;
}

int layers_unopened(struct layers *l, enum hsmime_layer_kind kind, int status)
{
	if (result_unopened(l->result, kind, status, l->ctx->err.message) != 0)
		return error_nomem(&l->ctx->err);
	l->result->layers[l->result->layer_count - 1].partial = l->inside_part;
	return status;
}

int layers_limit(struct error *err)
{
	error_set(err, HSMIME_EFORMAT, "more than %d layers inside each other", LAYERS_MAX);
	return limit_hint(err);
}

int layers_too_deep(struct layers *l, enum hsmime_layer_kind kind)
{
	(void)layers_limit(&l->ctx->err);
	return layers_unopened(l, kind, HSMIME_EFORMAT);
}

/* The name that the part has for whoever saves it; NULL without one. */
static char *filename(const struct cms_input *c)
{
	const struct header_field *field = header_find(&c->header, "Content-Disposition", 0);
	const char *name = NULL;
	struct content_type disposition = { 0 };
	struct buffer body;
	char *copy = NULL;

	buffer_init(&body, HEADER_MAX + 1);
	if (field != NULL && header_body(&body, field) == 0 && buffer_string(&body) != NULL &&
	    parameters_parse(&disposition, (char *)body.data) == 0)
		name = content_type_param(&disposition, "filename");
	if (name == NULL)
		name = content_type_param(&c->entity.type, "name");
	if (name != NULL)
		copy = strdup(name);
	content_type_free(&disposition);
	buffer_free(&body);
	return copy;
}

char *layers_describe(struct layers *l, const hsmime_source *content)
{
	struct cms_env env = ctx_env(l->ctx);
	struct cms_input c = { 0 };
	char text[256];
	char *made = NULL;

	if (cms_input_mail(&c, content, &env) == 0) {
		snprintf(text, sizeof(text), "%s/%s", c.entity.type.type, c.entity.type.subtype);
		made = strdup(text);
	}
	cms_input_close(&c);
	error_clear(env.err);
	return made;
}

int layers_pass_over(struct layers *l, enum hsmime_layer_kind kind, const struct cms_input *c)
{
	char problem[400];
	hsmime_layer *layer;
	char *name = filename(c);

	snprintf(problem, sizeof(problem),
	    "part %zu of the mail%s%.100s%s is an encrypted message of its own, which was not "
	    "opened",
	    l->part, name != NULL ? " (" : "", name != NULL ? name : "", name != NULL ? ")" : "");
	free(name);
	if (result_unopened(l->result, kind, HSMIME_EUNSUPPORTED, problem) != 0)
		return error_nomem(&l->ctx->err);
	layer = &l->result->layers[l->result->layer_count - 1];
	layer->partial = 1;
	return 0;
}
