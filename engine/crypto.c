#include "engine/crypto.h"

#include <pthread.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "util/secret.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *context;
static struct secret key;

static void start(void)
{
	context = OSSL_LIB_CTX_new();
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
	if (RAND_priv_bytes_ex(crypto_context(), key.data, CRYPTO_TAG, 0) == 1)
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
