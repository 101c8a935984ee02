#include "engine/provider/signature.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "engine/crypto.h"
#include "engine/provider/key.h"

struct signature *token_signature_new(struct provider *p, int padding)
{
	struct signature *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		provider_nomem(p);
		return NULL;
	}
	s->provider = p;
	s->padding = padding;
	s->salt_len = RSA_PSS_SALTLEN_DIGEST;
	return s;
}

void token_signature_free(void *ctx)
{
	struct signature *s = ctx;

	if (s == NULL)
		return;
	provider_key_free(s->key);
	EVP_MD_CTX_free(s->md);
	free(s);
}

void *token_signature_dup(void *ctx)
{
	struct signature *s = ctx;
	struct signature *copy = malloc(sizeof(*copy));

	if (copy == NULL) {
		provider_nomem(s->provider);
		return NULL;
	}
	*copy = *s;
	copy->key = s->key != NULL ? provider_key_up_ref(s->key) : NULL;
	copy->md = s->md != NULL ? EVP_MD_CTX_new() : NULL;
	if ((s->key != NULL && copy->key == NULL) ||
	    (s->md != NULL && (copy->md == NULL || EVP_MD_CTX_copy_ex(copy->md, s->md) != 1))) {
		token_signature_free(copy);
		return NULL;
	}
	return copy;
}

int token_signature_begin(struct signature *s, struct provider_key *key)
{
	struct provider_key *copy;

	EVP_MD_CTX_free(s->md);
	s->md = NULL;
	if (key == NULL)
		return s->key != NULL;
	copy = provider_key_up_ref(key);
	if (copy == NULL)
		return 0;
	provider_key_free(s->key);
	s->key = copy;
	return 1;
}

int token_signature_take_digest(struct signature *s, const OSSL_PARAM params[])
{
	char name[DIGEST_NAME_SIZE];

	memcpy(name, s->digest, sizeof(name));
	if (!digest_take(name, params, OSSL_SIGNATURE_PARAM_DIGEST))
		return provider_raise(s->provider, REASON_USAGE, "an unknown digest");
	if (strcmp(name, s->digest) == 0)
		return 1;
	if (s->md != NULL)
		return provider_raise(
		    s->provider, REASON_USAGE, "the digest can't change once it is in use");
	memcpy(s->digest, name, sizeof(name));
	return 1;
}

static int set_digest(EVP_PKEY_CTX *ctx, const struct signature *s)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(
		    OSSL_SIGNATURE_PARAM_DIGEST, (char *)s->digest, strlen(s->digest)),
		OSSL_PARAM_END,
	};

	return s->digest[0] == '\0' || EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

static int set_pss(EVP_PKEY_CTX *ctx, const struct signature *s)
{
	/* OpenSSL 3.0 does not know "as the digest, or less where that does not fit". */
	int salt_len = s->salt_len == SALT_DIGEST_AT_MOST ? RSA_PSS_SALTLEN_AUTO : s->salt_len;

	if (s->padding != RSA_PKCS1_PSS_PADDING)
		return 1;
	if (s->mgf1_digest[0] != '\0' &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, s->mgf1_digest, NULL) != 1)
		return 0;
	return EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len) == 1;
}

/* A context for what the public part does, begun and with s's parameters; NULL where that fails. */
static EVP_PKEY_CTX *public_context(const struct signature *s, int (*begin)(EVP_PKEY_CTX *))
{
	EVP_PKEY *key = s->key != NULL ? provider_key_public(s->key) : NULL;
	EVP_PKEY_CTX *ctx =
	    key != NULL ? EVP_PKEY_CTX_new_from_pkey(crypto_context(), key, CRYPTO_SOFTWARE) : NULL;

	if (ctx != NULL && begin(ctx) == 1 &&
	    (s->padding == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, s->padding) == 1) &&
	    set_digest(ctx, s) && set_pss(ctx, s))
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int token_signature_verify(
    void *arg, const unsigned char *sig, size_t sig_len, const unsigned char *tbs, size_t tbs_len)
{
	EVP_PKEY_CTX *ctx = public_context(arg, EVP_PKEY_verify_init);
	/* EVP_PKEY_verify gives -1 for a signature that is not even DER. */
	int ok = ctx != NULL && EVP_PKEY_verify(ctx, sig, sig_len, tbs, tbs_len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

int token_signature_recover(void *arg, unsigned char *out, size_t *out_len, size_t room,
    const unsigned char *sig, size_t sig_len)
{
	EVP_PKEY_CTX *ctx = public_context(arg, EVP_PKEY_verify_recover_init);
	int ok = 0;

	*out_len = room;
	if (ctx != NULL)
		ok = EVP_PKEY_verify_recover(ctx, out, out_len, sig, sig_len);
	EVP_PKEY_CTX_free(ctx);
	return ok == 1;
}

int token_signature_digest_begin(struct signature *s, const char *mdname)
{
	EVP_MD *md;
	int ok;

	if (mdname != NULL && mdname[0] != '\0' && !digest_set(s->digest, mdname))
		return provider_raise(s->provider, REASON_USAGE, "an unknown digest");
	if (s->digest[0] == '\0')
		memcpy(s->digest, "SHA256", sizeof("SHA256"));
	md = EVP_MD_fetch(crypto_context(), s->digest, NULL);
	EVP_MD_CTX_free(s->md);
	s->md = EVP_MD_CTX_new();
	ok = md != NULL && s->md != NULL && EVP_DigestInit_ex2(s->md, md, NULL) == 1;
	EVP_MD_free(md);
	return ok ? 1 : provider_raise(s->provider, REASON_USAGE, "no digest %s", s->digest);
}

int token_signature_digest_update(void *ctx, const unsigned char *data, size_t len)
{
	struct signature *s = ctx;

	return s->md != NULL && EVP_DigestUpdate(s->md, data, len) == 1;
}

int token_signature_digest_end(struct signature *s, unsigned char *value, size_t *len)
{
	unsigned got = 0;

	if (s->md == NULL || *len < EVP_MAX_MD_SIZE || EVP_DigestFinal_ex(s->md, value, &got) != 1)
		return 0;
	*len = got;
	return 1;
}

int token_signature_digest_verify(void *ctx, const unsigned char *sig, size_t sig_len)
{
	struct signature *s = ctx;
	unsigned char value[EVP_MAX_MD_SIZE];
	size_t len = sizeof(value);

	return token_signature_digest_end(s, value, &len) == 1 &&
	       token_signature_verify(s, sig, sig_len, value, len) == 1;
}

int token_signature_sign(struct signature *s, unsigned char *sig, size_t *sig_len, size_t room,
    const struct token_sign *request)
{
	struct error err = { 0 };
	int status;

	if (s->key == NULL || s->key->token == NULL)
		return provider_raise(s->provider, REASON_USAGE, "no private key");
	*sig_len = sig == NULL ? token_key_size(s->key->token) : room;
	if (sig == NULL)
		return 1;
	ERR_set_mark();
	status = token_key_sign(s->key->token, sig, sig_len, request, &err);
	ERR_pop_to_mark();
	return status == 0 ? 1 : provider_fail(s->provider, status, &err);
}
