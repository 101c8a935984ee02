#include "api/envelope.h"

#include <string.h>

#include "api/keyring.h"
#include "api/keys.h"
#include "engine/token_key.h"

/* One envelope on its way: what the reader's callbacks need. */
struct opening {
	hsmime_result *result;
	size_t layer;
	struct cms_input *in;
	struct cms_env env;
	struct recipient_search search;
	uint64_t trailing;
};

/* The recipients are told also where none of them is ours. */
static int find(void *arg, EVP_PKEY **key, size_t *index, const struct recipient *recipients,
    size_t count, struct error *err)
{
	struct opening *o = arg;

	*key = NULL;
	if (result_recipients(&o->result->layers[o->layer], recipients, count) != 0)
		return error_nomem(err);
	return keys_find_recipient(&o->search, key, index, recipients, count, err);
}

/* What stands behind the envelope is read before the key's outcome counts. */
static int read_rest(void *arg)
{
	struct opening *o = arg;
	int status = cms_content_info_leave(&o->in->ber, &o->env);

	if (status == 0)
		status = cms_input_trailing(&o->trailing, o->in, &o->env);
	return status == 0 ? cms_input_finish(o->in, &o->env) : status;
}

static int add_layer(struct opening *o, enum cms_type type)
{
	enum hsmime_layer_kind kind =
	    type == CMS_AUTH_ENVELOPED_DATA ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED;

	if (result_add(&o->layer, o->result, kind) != 0)
		return error_nomem(o->env.err);
	o->result->layers[o->layer].opened = 0;
	return 0;
}

static int conclude(struct opening *o, int status, const struct enveloped_rewrapped *rewrapped)
{
	const struct enveloped_result *found = &rewrapped->old;
	hsmime_layer *layer = &o->result->layers[o->layer];
	char *uri = NULL;

	if (status == 0 && rewrapped->count > 0 &&
	    result_new_recipients(layer, rewrapped->recipients, rewrapped->count) != 0)
		status = error_nomem(o->env.err);

	/* The content key of a first pass needs no key. */
	if (status == 0 && o->search.used != NULL) {
		uri = strdup(token_key_uri(o->search.used));
		status = uri == NULL ? error_nomem(o->env.err) : 0;
	}
	if (status != 0) {
		layer_fail(layer, status, "%s", o->env.err->message);
		return status;
	}
	layer->trailing_octets = o->trailing;
	layer->new_cipher = rewrapped->cipher;
	if (rewrapped->cipher != NULL)
		layer->new_kind =
		    rewrapped->authenticated ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED;
	result_enveloped(layer, found, uri);
	if (!found->authenticated)
		o->result->authenticated = 0;
	return 0;
}

static int read_layer(struct enveloped_rewrapped *found, struct opening *o, enum cms_type type,
    const struct enveloped_read *request, const struct envelope *e)
{
	struct ber_reader *r = &o->in->ber;

	if (e->rewrap != NULL)
		return enveloped_rewrap(found, r, type, request, e->rewrap, &o->env);
	if (e->reencrypt != NULL)
		return enveloped_reencrypt(found, r, type, request, e->reencrypt, &o->env);
	return enveloped_read(&found->old, r, type, request, &o->env);
}

int envelope_open(
    hsmime_result *result, struct cms_input *in, enum cms_type type, const struct envelope *e)
{
	struct opening o = {
		.result = result,
		.in = in,
		.env = ctx_env(e->ctx),
		.search = { .ctx = e->ctx, .key_uri = e->key_uri, .certs = e->certs },
	};
	struct enveloped_read request = {
		.find = find,
		.find_arg = &o,
		.content = e->content,
		.read_back = e->read_back,
		.read_back_arg = e->read_back_arg,
		.require_authenticated = e->require_authenticated,
		.rest = read_rest,
		.rest_arg = &o,
		.content_key = e->content_key,
		.unwrapper = &o.search.unwrapper,
	};
	struct enveloped_rewrapped found = { 0 };
	int status = add_layer(&o, type);

	if (status != 0)
		return status;
	/* Where no key is used nothing takes its answer's place. */
	if (!e->ctx->looks)
		status = ctx_substitute(&request.secret, e->ctx);
	if (status == 0)
		status = read_layer(&found, &o, type, &request, e);
	status = ctx_token_error(e->ctx, status);
	keys_unwrapper_clear(&o.search.unwrapper);
	if (e->ctx->keyring != NULL)
		keyring_done(e->ctx->keyring, o.search.used);
	status = conclude(&o, status, &found);
	token_key_free(o.search.used);
	enveloped_rewrapped_free(&found);
	return status;
}
