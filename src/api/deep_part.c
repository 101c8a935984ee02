#include "api/deep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/envelope.h"
#include "api/layers.h"
#include "cms/content_key.h"
#include "mail/boundary.h"
#include "mail/header_block.h"
#include "mail/looks_like.h"

char *deep_place(const struct deep_level *l)
{
	bool both = l->place[0] != '\0' && l->part->place[0] != '\0';
	char *place = NULL;

	return asprintf(&place, "%s%s%s", l->place, both ? "." : "", l->part->place) < 0 ? NULL
											 : place;
}

int deep_not_searched(struct deep *deep, const char *place, const char *words)
{
	char limit[64];
	char **told = &deep->result->not_searched;

	/* The first of them will do. */
	if (*told != NULL)
		return 0;
	snprintf(limit, sizeof(limit), "there are more than %d CMS parts", DEEP_PARTS);
	if (asprintf(told, "%s%s: %s", place[0] != '\0' ? "part " : "the mail", place,
		words != NULL ? words : limit) >= 0)
		return 0;
	*told = NULL;
	return error_nomem(&deep->ctx->err);
}

static int set_place(hsmime_layer *layer, const struct deep_level *l)
{
	layer->place = deep_place(l);
	if (layer->place == NULL)
		return error_nomem(&l->deep->ctx->err);
	if (layer->place[0] != '\0')
		return 0;
	free(layer->place);
	layer->place = NULL;
	return 0;
}

/* The layer of l->part, which is not opened, for the reason that is the context's error; recipients are told where they can be. */
static int note_closed(struct deep_level *l, struct cms_input *c, enum cms_type type, int status)
{
	struct deep *deep = l->deep;
	struct cms_env env = ctx_env(deep->ctx);
	struct error why = *env.err;
	struct enveloped_result found = { 0 };
	enum hsmime_layer_kind kind =
	    type == CMS_AUTH_ENVELOPED_DATA ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED;
	hsmime_layer *layer;

	if (result_unopened(deep->result, kind, status, why.message) != 0)
		return error_nomem(env.err);
	layer = &deep->result->layers[deep->result->layer_count - 1];
	status = set_place(layer, l);
	if (status == 0)
		status = enveloped_peek(&found, &c->ber, type, &env);
	if (status == 0) {
		layer->cipher = found.cipher;
		status = result_recipients(layer, found.recipients, found.count);
	}
	enveloped_result_free(&found);
	if (status != 0 && status != HSMIME_EFORMAT)
		return status;
	error_clear(env.err);
	return 0;
}

/* Why it is not even tried; 0: it is. */
static int refuse(bool *inside, const struct deep_level *l, struct error *err)
{
	*inside = l->part->is_signed || l->out == NULL;
	if (*inside)
		return error_set(err, HSMIME_EPOLICY,
		    "it lies inside a signature, which would no longer hold if it were decrypted");
	if (l->depth >= LAYERS_MAX)
		return layers_limit(err);
	if (l->part->unclear)
		return error_set(err, HSMIME_EFORMAT, "a header around it may be read in two ways");
	return 0;
}

static int read_back(void *arg, hsmime_source *out)
{
	spool_source(out, arg);
	return 0;
}

/* As of what is encrypted outside, and in the words of what did not decrypt. */
static int check_beginning(struct deep_level *l, const hsmime_source *content)
{
	unsigned char first[LOOKS_LIKE_BEGINNING];
	struct cms_env env = ctx_env(l->deep->ctx);
	size_t have = 0;
	ptrdiff_t got = 1;

	while (got > 0 && have < sizeof(first)) {
		got = content->read(content->arg, first + have, sizeof(first) - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return error_set(env.err, HSMIME_EIO, "reading the spool failed");
	return looks_like_content(first, have) ? 0 : content_key_refuse(&env);
}

/* It has to go on with the fields that stay of the part's header. */
static int check_header(struct deep_level *l, const hsmime_source *content)
{
	static const struct header_rules rules = { .strict = true };
	struct error *err = &l->deep->ctx->err;
	struct window w = { 0 };
	struct header h = { 0 };
	int status;

	if (window_open(&w, content, WINDOW_ROOM) != 0)
		return error_nomem(err);
	status = header_take(&h, &w, &rules, err);
	header_free(&h);
	window_close(&w);
	if (status != HSMIME_EFORMAT)
		return status;
	return error_set(err, HSMIME_EUNSUPPORTED,
	    "what is in it is no MIME entity, and can't stand in a mail as it is");
}

/* It may be by somebody else than what is around it. */
static int check_boundaries(struct deep_level *l, struct spool *spool)
{
	struct error *err = &l->deep->ctx->err;
	hsmime_source content;
	bool occurs = false;
	int status = 0;

	for (const struct deep_level *at = l; at != NULL && status == 0 && !occurs;
	     at = at->outer) {
		spool_source(&content, spool);
		status = boundary_occurs(&occurs, &content, at->part->boundaries);
	}
	if (status != 0)
		return error_keep(err, status, "reading the spool failed");
	if (!occurs)
		return 0;
	return error_set(err, HSMIME_EPOLICY,
	    "what is in it has a line that ends a part of the mail around it, and would break out "
	    "of "
	    "its place");
}

static int judge(struct deep_level *l, struct spool *spool, enum cms_type type)
{
	hsmime_source content;
	int status = 0;

	spool_source(&content, spool);
	if (type == CMS_ENVELOPED_DATA)
		status = check_beginning(l, &content);
	spool_source(&content, spool);
	if (status == 0)
		status = check_header(l, &content);
	return status == 0 ? check_boundaries(l, spool) : status;
}

static int decrypt(
    struct spool *spool, struct deep_level *l, struct cms_input *c, enum cms_type type)
{
	const hsmime_decrypt_options *o = l->deep->options;
	struct envelope e = {
		.ctx = l->deep->ctx,
		.key_uri = o->key_uri,
		.certs = o->certs,
		.require_authenticated = o->require_authenticated != 0,
		.read_back = read_back,
		.read_back_arg = spool,
	};

	spool_sink(&e.content, spool);
	return envelope_open(l->deep->result, c, type, &e);
}

/* A status that is the part's, which stays as it is. */
static bool is_of_part(const struct deep *deep, int status)
{
	const struct engine *e = deep->ctx->shared->engine;

	switch (status) {
	case HSMIME_EINVALID:
	case HSMIME_EFORMAT:
	case HSMIME_EUNSUPPORTED:
	case HSMIME_EPOLICY:
		return true;
	case HSMIME_ENOKEY:
		/* Where no token is there that says nothing of the part; and where one has the key, and is only looked for, neither. */
		return !deep->ctx->key_found && (e == NULL || engine_has_token(e));
	default:
		return false;
	}
}

/* As if it had not been opened, whatever it was that failed. */
static void close_layer(hsmime_layer *layer, int status, const struct error *err)
{
	for (size_t i = 0; i < layer->recipient_count; i++)
		layer->recipients[i].used = 0;
	free(layer->key_uri);
	layer->key_uri = NULL;
	layer->cipher = NULL;
	layer->content_size = 0;
	layer->opened = 0;
	layer_fail(layer, status, "%s", err->message);
}

static int settle(struct deep_level *l, size_t index, int status)
{
	struct deep *deep = l->deep;
	struct error *err = &deep->ctx->err;
	hsmime_layer *layer;

	if (deep->result->layer_count <= index)
		return status;
	layer = &deep->result->layers[index];
	if (set_place(layer, l) != 0)
		return HSMIME_ENOMEM;
	if (status == 0)
		return 0;
	if (!is_of_part(deep, status))
		return status == HSMIME_ENOKEY && !deep->ctx->key_found
			   ? error_set(err, HSMIME_ETOKEN, "no token is there")
			   : status;
	close_layer(layer, status, err);
	error_clear(err);
	return 0;
}

int deep_open(struct spool **spool, struct deep_level *l, struct cms_input *c, enum cms_type type)
{
	struct deep *deep = l->deep;
	struct error *err = &deep->ctx->err;
	size_t index = deep->result->layer_count;
	int authenticated = deep->result->authenticated;
	bool inside = false, closed;
	int status = refuse(&inside, l, err);

	*spool = NULL;
	if (status != 0) {
		status = note_closed(l, c, type, status);
		if (status == 0)
			deep->result->layers[index].inside_signature = inside;
		return status;
	}
	status = spool_new(spool, deep->ctx->shared->libctx, deep->ctx->spool_max, err);
	if (status == 0)
		status = decrypt(*spool, l, c, type);
	if (status == 0)
		status = judge(l, *spool, type);
	closed = status != 0;
	status = settle(l, index, status);
	if (closed && status == 0) {
		deep->result->authenticated = authenticated;
		spool_free(*spool);
		*spool = NULL;
	}
	return status;
}
