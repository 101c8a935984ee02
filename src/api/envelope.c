#include "api/envelope.h"

#include <stdlib.h>

#include "api/keys.h"

struct rest {
	struct cms_input *in;
	struct cms_env env;
};

static int add_layer(hsmime_result *result, const struct enveloped_result *found, char *key_uri)
{
	size_t index;
	int status = result_add(&index, result,
	    found->authenticated ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED);

	if (status != 0) {
		free(key_uri);
		return status;
	}
	if (!found->authenticated)
		result->authenticated = 0;
	return result_enveloped(&result->layers[index], found, key_uri);
}

/* What stands behind the envelope is read before the key's outcome counts. */
static int read_rest(void *arg)
{
	struct rest *rest = arg;
	int status = cms_content_info_leave(&rest->in->ber, &rest->env);

	return status == 0 ? cms_input_finish(rest->in, &rest->env) : status;
}

int envelope_open(
    hsmime_result *result, struct cms_input *in, enum cms_type type, const struct envelope *e)
{
	struct cms_env env = ctx_env(e->ctx);
	struct recipient_search search = {
		.ctx = e->ctx, .key_uri = e->key_uri, .certs = e->certs
	};
	struct rest rest = { .in = in, .env = env };
	struct enveloped_read request = {
		.find = keys_find_recipient,
		.find_arg = &search,
		.content = e->content,
		.read_back = e->read_back,
		.read_back_arg = e->read_back_arg,
		.require_authenticated = e->require_authenticated,
		.rest = read_rest,
		.rest_arg = &rest,
	};
	struct enveloped_result found = { 0 };
	int status = ctx_substitute(&request.secret, e->ctx);

	if (status == 0)
		status = enveloped_read(&found, &in->ber, type, &request, &env);
	status = ctx_token_error(e->ctx, status);
	if (status == 0 && add_layer(result, &found, search.used_uri) != 0)
		status = error_nomem(env.err);
	else if (status != 0)
		free(search.used_uri);
	enveloped_result_free(&found);
	return status;
}
