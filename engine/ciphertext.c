#include "engine/ciphertext.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "engine/crypto.h"

void ciphertext_set(struct ciphertext *c, const struct token_decrypt *q, size_t modulus_size)
{
	c->too_long = q->len > modulus_size;
	c->len = modulus_size;
	memset(c->octets, 0, sizeof(c->octets));
	if (!c->too_long && q->len > 0)
		memcpy(c->octets + (modulus_size - q->len), q->data, q->len);
	if (q->label_len > 0 && q->label_len <= sizeof(c->label))
		memcpy(c->label, q->label, q->label_len);
}

int ciphertext_oaep(struct mechanism *m, const struct ciphertext *c, const struct token_decrypt *q)
{
	if (q->label_len > sizeof(c->label))
		return HSMIME_EUNSUPPORTED;
	return mechanism_oaep(m, q->digest, q->mgf1_digest, c->label, q->label_len);
}

static bool set_padding(EVP_PKEY_CTX *ctx, const struct token_decrypt *q)
{
	if (q->scheme != TOKEN_DECRYPT_RSA_OAEP)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	return crypto_set_oaep(ctx, q->digest, q->mgf1_digest != NULL ? q->mgf1_digest : q->digest,
	    q->label, q->label_len);
}

bool ciphertext_make(unsigned char *out, size_t *len, EVP_PKEY *public_key,
    const struct token_decrypt *q, const unsigned char *data, size_t data_len)
{
	EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_pkey(crypto_context(), public_key, CRYPTO_SOFTWARE);
	bool made = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 && set_padding(ctx, q) &&
		    EVP_PKEY_encrypt(ctx, out, len, data, data_len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return made;
}
