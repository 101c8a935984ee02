#include "engine/verify.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "engine/crypto.h"
#include "engine/key.h"

static bool set_pss(EVP_PKEY_CTX *c, const struct token_sign *q)
{
	const char *mgf1 = q->mgf1_digest != NULL ? q->mgf1_digest : q->digest;

	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, mgf1, NULL) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(c, (int)q->salt_len) == 1;
}

static bool set_up(EVP_PKEY_CTX *c, const struct token_sign *q)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, (char *)q->digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_PKEY_verify_init(c) == 1 && EVP_PKEY_CTX_set_params(c, params) == 1 &&
	       (q->scheme != TOKEN_SIGN_RSA_PSS || set_pss(c, q));
}

bool verify_signature(const struct token_key *k, const struct token_sign *request,
    const unsigned char *sig, size_t len)
{
	EVP_PKEY_CTX *c = NULL;
	bool good;

	if (request->digest == NULL || request->scheme == TOKEN_SIGN_RSA_RAW)
		return true;
	ERR_set_mark();
	c = EVP_PKEY_CTX_new_from_pkey(crypto_context(), k->public_key, NULL);
	good = c != NULL && set_up(c, request) &&
	       EVP_PKEY_verify(c, sig, len, request->data, request->len) == 1;
	EVP_PKEY_CTX_free(c);
	ERR_pop_to_mark();
	return good;
}
