#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "rsa.h"

EVP_PKEY *rsa_key, *rsa_odd;

const char *const digests[] = { "SHA1", "SHA256", "SHA384", "SHA512" };

int rsa_set_up(void **state)
{
	(void)state;
	rsa_key = EVP_RSA_gen(2048);
	rsa_odd = EVP_RSA_gen(1025);
	return rsa_key != NULL && rsa_odd != NULL ? 0 : -1;
}

int rsa_tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa_key);
	EVP_PKEY_free(rsa_odd);
	return 0;
}

size_t digest_size(const char *name)
{
	return (size_t)EVP_MD_get_size(EVP_get_digestbyname(name));
}

void rsa_raw(unsigned char *out, EVP_PKEY *key, const unsigned char *in, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t out_len = len;

	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, out, &out_len, in, len), 1);
	assert_int_equal(out_len, len);
	EVP_PKEY_CTX_free(ctx);
}
