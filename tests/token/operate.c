#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "operate.h"
#include "softtoken.h"

const unsigned char operate_secret[OPERATE_SECRET] = "the content key of some message";

struct engine *operate_engine(void)
{
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	struct engine *e = NULL;
	struct error err = { 0 };

	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	if (engine_new(&e, &options, &err) != 0)
		fail_msg("%s", err.message);
	return e;
}

struct token_key *operate_key(struct engine *e, const char *uri, enum engine_purpose purpose)
{
	struct engine_found found = { 0 };
	struct token_key *k = NULL;
	struct error err = { 0 };

	if (engine_find_key(&found, e, uri, purpose, &err) != 0)
		fail_msg("%s: %s", uri, err.message);
	k = token_key_up_ref(found.key);
	engine_found_free(&found);
	return k;
}

int operate_find_recipient(struct engine_found *found, struct engine *e, const char *uri,
    X509 *const *recipients, size_t count, struct error *err)
{
	struct engine_candidate c[4] = { 0 };
	unsigned char *issuers[4] = { NULL }, *serials[4] = { NULL };
	int r;

	assert_in_range(count, 1, 4);
	for (size_t i = 0; i < count; i++) {
		int issuer = i2d_X509_NAME(X509_get_issuer_name(recipients[i]), &issuers[i]);
		int serial = i2d_ASN1_INTEGER(X509_get_serialNumber(recipients[i]), &serials[i]);

		c[i] = (struct engine_candidate){ issuers[i], (size_t)issuer, serials[i],
			(size_t)serial, NULL, 0 };
	}
	r = engine_find_recipient(found, e, uri, c, count, err);
	for (size_t i = 0; i < count; i++) {
		OPENSSL_free(issuers[i]);
		OPENSSL_free(serials[i]);
	}
	return r;
}

static void verify(
    struct token_key *k, const unsigned char *sig, size_t len, const unsigned char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(k), NULL);

	assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_verify(ctx, sig, len, digest, 32), 1);
	EVP_PKEY_CTX_free(ctx);
}

int operate_sign(struct token_key *k, struct error *err)
{
	unsigned char digest[32], sig[1024];
	size_t len = sizeof(sig);
	struct token_sign q = { .digest = "SHA256", .data = digest, .len = sizeof(digest) };
	int r;

	memset(digest, 0x5c, sizeof(digest));
	q.scheme = token_key_type(k) == TOKEN_KEY_RSA ? TOKEN_SIGN_RSA_PKCS1 : TOKEN_SIGN_ECDSA;
	r = token_key_sign(k, sig, &len, &q, err);
	if (r == 0)
		verify(k, sig, len, digest);
	else
		assert_int_equal(len, 0);
	return r;
}

/* digest NULL: PKCS #1 v1.5 */
static size_t encrypt(unsigned char *data, struct token_key *k, const char *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(token_key_public(k), NULL);
	size_t len = 512;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	if (digest != NULL) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, digest, NULL), 1);
	}
	assert_int_equal(EVP_PKEY_encrypt(ctx, data, &len, operate_secret, OPERATE_SECRET), 1);
	EVP_PKEY_CTX_free(ctx);
	return len;
}

size_t operate_encrypt(unsigned char *data, struct token_key *k)
{
	return encrypt(data, k, NULL);
}

size_t operate_encrypt_oaep(unsigned char *data, struct token_key *k, const char *digest)
{
	return encrypt(data, k, digest);
}

int operate_decrypt(struct token_key *k, const unsigned char *data, size_t len, struct error *err)
{
	unsigned char out[1024];
	size_t out_len = sizeof(out);
	struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_PKCS1, .data = data, .len = len };
	int r = token_key_decrypt(k, out, &out_len, &q, err);

	assert_int_equal(out_len, r == 0 ? OPERATE_SECRET : 0);
	if (r == 0)
		assert_memory_equal(out, operate_secret, OPERATE_SECRET);
	return r;
}

size_t operate_secret_keys(const char *label)
{
	CK_FUNCTION_LIST *f = softtoken_proxy_functions();
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &object_class, sizeof(object_class) };
	CK_OBJECT_HANDLE found[16];
	CK_SESSION_HANDLE session = 0;
	CK_ULONG count = 0;

	assert_int_equal(
	    f->C_OpenSession(softtoken_slot(f, label), CKF_SERIAL_SESSION, NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(f->C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(f->C_FindObjects(session, found, 16, &count), CKR_OK);
	assert_int_equal(f->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(f->C_CloseSession(session), CKR_OK);
	return count;
}
