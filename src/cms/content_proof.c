#include "cms/content_proof.h"

#include <string.h>

#include <openssl/crypto.h>

#include "cms/content_key.h"

static int beginning_write(void *arg, const void *buf, size_t len)
{
	struct content_proof *p = arg;
	size_t room = CONTENT_PROOF_BEGINNING - p->have;
	size_t n = len < room ? len : room;

	memcpy(p->beginning + p->have, buf, n);
	p->have += n;
	return 0;
}

/* The content is counted, within what the cipher allows, as where it is decrypted. */
static int open_gcm(hsmime_sink *out, struct content_proof *p, const struct content_params *params,
    const struct content_key *key)
{
	const struct content_decrypt *d = &p->content;
	hsmime_sink counted = *out;
	hsmime_sink hashed;
	int status = gcm_tag_open(&hashed, &p->tag, d->cipher, params, &key->octets, d->env);

	sink_tee_open(out, &p->tee, &counted, &hashed);
	return status;
}

int content_proof_open(hsmime_sink *out, struct content_proof *p,
    const struct content_cipher *cipher, const struct content_params *params,
    const struct content_key *key, content_judge *judge, struct cms_env *env)
{
	hsmime_sink plain = { beginning_write, p };
	bool cbc = key != NULL && !cipher->authenticated;
	int status;

	memset(p, 0, sizeof(*p));
	p->proves = key != NULL;
	p->judge = judge;
	if (cbc) {
		p->beginning = OPENSSL_malloc(CONTENT_PROOF_BEGINNING);
		if (p->beginning == NULL)
			return error_nomem(env->err);
	}
	status =
	    content_decrypt_open(out, &p->content, cipher, params, cbc ? key : NULL, &plain, env);
	return status == 0 && key != NULL && !cbc ? open_gcm(out, p, params, key) : status;
}

static int finish_gcm(struct content_proof *p, const unsigned char *mac, const struct buffer *aad)
{
	unsigned char tag[CONTENT_TAG_MAX];
	int status = gcm_tag_finish(tag, &p->tag, aad);

	if (status == 0 && CRYPTO_memcmp(tag, mac, p->content.params->tag_len) != 0)
		status = content_key_refuse(p->content.env);
	OPENSSL_cleanse(tag, sizeof(tag));
	return status;
}

static int finish_cbc(struct content_proof *p)
{
	int status = content_decrypt_finish(&p->content, NULL, NULL);
	bool right = p->judge(p->beginning, p->have);

	if (status == 0 && !right)
		status = content_key_refuse(p->content.env);
	return status;
}

int content_proof_finish(
    struct content_proof *p, const unsigned char *mac, const struct buffer *aad)
{
	if (!p->proves)
		return 0;
	return p->content.cipher->authenticated ? finish_gcm(p, mac, aad) : finish_cbc(p);
}

uint64_t content_proof_size(const struct content_proof *p)
{
	const struct content_cipher *cipher = p->content.cipher;

	if (cipher != NULL && cipher->authenticated)
		return p->content.size;
	return p->proves ? p->content.plain : 0;
}

void content_proof_close(struct content_proof *p)
{
	content_decrypt_close(&p->content);
	gcm_tag_close(&p->tag);
	OPENSSL_clear_free(p->beginning, CONTENT_PROOF_BEGINNING);
	p->beginning = NULL;
}
