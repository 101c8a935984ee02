/* A token's key that unwraps content keys, and the content keys that stay on it, as the CMS layer knows them. */
#include "api/keys.h"

#include <string.h>

#include "engine/content_on_token.h"
#include "engine/token_key.h"

static int holder_begin(
    void *holder, const struct content_params *params, const hsmime_sink *plain, struct error *err)
{
	struct token_content_params p = { params->iv, params->iv_len, params->tag_len };

	return token_content_begin(holder, &p, plain, err);
}

static int holder_update(void *holder, const void *data, size_t len, struct error *err)
{
	return token_content_update(holder, data, len, err);
}

static int holder_finish(
    void *holder, const unsigned char *tag, const struct buffer *aad, struct error *err)
{
	struct token_content_end end = { .tag = tag };

	if (aad != NULL && aad->len > 0) {
		end.aad = aad->data;
		end.aad_len = aad->len;
	}
	return token_content_finish(holder, &end, err);
}

static void holder_free(void *holder)
{
	token_content_free(holder);
}

static const struct content_holder_ops holder_ops = {
	.begin = holder_begin,
	.update = holder_update,
	.finish = holder_finish,
	.free = holder_free,
};

static enum token_content content_of(const struct content_cipher *cipher)
{
	if (cipher->authenticated)
		return TOKEN_CONTENT_AES_GCM;
	return cipher->block == 8 ? TOKEN_CONTENT_DES3_CBC : TOKEN_CONTENT_AES_CBC;
}

static void settle(struct content_key *out, struct token_content_key *on_token, size_t len)
{
	out->octets.len = len;
	if (on_token == NULL)
		return;
	out->holder = on_token;
	out->ops = &holder_ops;
}

static int unwrap(
    void *arg, struct content_key *out, const struct content_wrapped *wrapped, struct error *err)
{
	struct token_key *key = arg;
	struct token_decrypt request = {
		.scheme = wrapped->oaep ? TOKEN_DECRYPT_RSA_OAEP : TOKEN_DECRYPT_RSA_PKCS1,
		.digest = wrapped->digest,
		.mgf1_digest = wrapped->mask_digest,
		.label = wrapped->label,
		.label_len = wrapped->label_len,
		.data = wrapped->encrypted,
		.len = wrapped->encrypted_len,
		.substitute = wrapped->substitute,
		.substitute_len = wrapped->cipher->key_len,
	};
	struct token_content_key *on_token = NULL;
	size_t len = token_key_size(key);
	int status;

	memset(out, 0, sizeof(*out));
	if (secret_new(&out->octets, len) != 0)
		return error_nomem(err);
	status = token_key_unwrap(
	    &on_token, out->octets.data, &len, key, &request, content_of(wrapped->cipher), err);
	settle(out, on_token, len);
	if (status != 0)
		content_key_clear(out);
	return status;
}

void keys_unwrapper(struct content_unwrapper *out, struct token_key *key)
{
	keys_unwrapper_clear(out);
	*out = (struct content_unwrapper){ unwrap, token_key_up_ref(key) };
}

void keys_unwrapper_clear(struct content_unwrapper *u)
{
	token_key_free(u->arg);
	memset(u, 0, sizeof(*u));
}
