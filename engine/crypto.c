#include "engine/crypto.h"

#include <pthread.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include "util/secret.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *context;
static struct secret key;

static void start(void)
{
	context = OSSL_LIB_CTX_new();
	if (context != NULL && OSSL_PROVIDER_load(context, "default") == NULL) {
		OSSL_LIB_CTX_free(context);
		context = NULL;
	}
}

OSSL_LIB_CTX *crypto_context(void)
{
	pthread_once(&once, start);
	return context;
}

static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
	if (secret_new(&key, CRYPTO_TAG) != 0)
		return;
	/* From the kernel: OpenSSL's generators of a new context take a millisecond to start. */
	if (getentropy(key.data, CRYPTO_TAG) == 0)
		key.len = CRYPTO_TAG;
}

bool crypto_tag(unsigned char *tag, const unsigned char *data, size_t len)
{
	size_t tag_len = 0;

	if (crypto_context() == NULL)
		return false;
	pthread_once(&key_once, make_key);
	if (key.len == 0)
		return false;
	return EVP_Q_mac(context, "HMAC", NULL, "SHA256", NULL, key.data, key.len, data, len, tag,
		   CRYPTO_TAG, &tag_len) != NULL;
}

bool crypto_set_oaep(EVP_PKEY_CTX *ctx, const char *digest, const char *mgf1_digest,
    const unsigned char *label, size_t label_len)
{
	unsigned char *copy;

	if (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf1_digest, NULL) != 1)
		return false;
	if (label_len == 0)
		return true;
	copy = OPENSSL_memdup(label, label_len);
	if (copy != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label_len) == 1)
		return true;
	OPENSSL_free(copy);
	return false;
}

bool crypto_encrypt_zeros(
    unsigned char *out, size_t *len, const char *cipher, const unsigned char *with)
{
	static const unsigned char zeros[CRYPTO_BLOCK];
	EVP_CIPHER *c = EVP_CIPHER_fetch(crypto_context(), cipher, CRYPTO_SOFTWARE);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;
	bool made = c != NULL && ctx != NULL &&
		    EVP_EncryptInit_ex2(ctx, c, with, zeros, NULL) == 1 &&
		    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
		    EVP_EncryptUpdate(ctx, out, &n, zeros, CRYPTO_BLOCK) == 1 &&
		    EVP_EncryptFinal_ex(ctx, out + CRYPTO_BLOCK, &rest) == 1;

	*len = (size_t)n;
	if (made && EVP_CIPHER_get_mode(c) == EVP_CIPH_GCM_MODE) {
		made = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CRYPTO_BLOCK, out + n) == 1;
		*len += CRYPTO_BLOCK;
	}
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(c);
	return made;
}
