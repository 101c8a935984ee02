#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "provider_rig.h"

/* Signatures that are none, by token keys and by public keys that the provider was given. */
static const unsigned char text[] = "Agreed: 1000 units at 5.";

/* One way to verify: a key, and a padding of RSA or 0. */
struct way {
	OSSL_LIB_CTX *libctx;
	EVP_PKEY *key;
	int padding;
};

static EVP_PKEY_CTX *begin(const struct way *w, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(w->libctx, w->key, NULL);
	EVP_MD *md = EVP_MD_fetch(w->libctx, "SHA256", NULL);

	assert_int_equal(init(ctx), 1);
	if (w->padding != 0)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, w->padding), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
	EVP_MD_free(md);
	return ctx;
}

/* What EVP_DigestVerify says; EVP_PKEY_verify of the digest must agree. */
static int verdict(const struct way *w, const unsigned char *sig, size_t len)
{
	EVP_MD_CTX *md_ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	unsigned char digest[32];
	int whole, parts;

	assert_int_equal(
	    EVP_DigestVerifyInit_ex(md_ctx, &ctx, "SHA256", w->libctx, NULL, w->key, NULL), 1);
	if (w->padding != 0)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, w->padding), 1);
	whole = EVP_DigestVerify(md_ctx, sig, len, text, sizeof(text));
	EVP_MD_CTX_free(md_ctx);
	assert_int_equal(EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL), 1);
	ctx = begin(w, EVP_PKEY_verify_init);
	parts = EVP_PKEY_verify(ctx, sig, len, digest, sizeof(digest));
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	assert_int_equal(whole == 1, parts == 1);
	return whole;
}

static size_t sign(unsigned char *sig, size_t room, const struct way *w)
{
	EVP_PKEY_CTX *ctx = begin(w, EVP_PKEY_sign_init);
	unsigned char digest[32];

	assert_int_equal(EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, sig, &room, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(ctx);
	return room;
}

static void only_the_signature_verifies(const struct way *w, const unsigned char *good, size_t len)
{
	unsigned char bad[1024] = { 0 };

	assert_int_equal(verdict(w, good, len), 1);
	assert_int_not_equal(verdict(w, good, 0), 1);
	assert_int_not_equal(verdict(w, (const unsigned char *)"junk", 4), 1);
	assert_int_not_equal(verdict(w, bad, len), 1);
	memcpy(bad, good, len);
	assert_int_not_equal(verdict(w, bad, len + 1), 1);
	for (size_t i = 1; i < 4; i++)
		assert_int_not_equal(verdict(w, bad, len - i), 1);
	for (size_t i = 0; i<len; i += len> 150 ? 5 : 1) {
		bad[i] ^= 1;
		assert_int_not_equal(verdict(w, bad, len), 1);
		bad[i] ^= 0x81;
		assert_int_not_equal(verdict(w, bad, len), 1);
		bad[i] ^= 0x80;
	}
	assert_int_equal(verdict(w, bad, len), 1);
}

static EVP_PKEY *imported(OSSL_LIB_CTX *libctx, EVP_PKEY *software, const char *properties)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(software, &der);
	const unsigned char *at = der;
	EVP_PKEY *key = d2i_PUBKEY_ex(NULL, &at, len, libctx, properties);

	assert_non_null(key);
	OPENSSL_free(der);
	return key;
}

static void signatures_verify_with(OSSL_LIB_CTX *libctx, int id, int padding)
{
	struct way w = { libctx, rig_key(libctx, id), padding };
	unsigned char sig[1024];
	size_t len = sign(sig, sizeof(sig), &w);

	only_the_signature_verifies(&w, sig, len);
	EVP_PKEY_free(w.key);
	w.key = imported(libctx, rig.software[id], NULL);
	only_the_signature_verifies(&w, sig, len);
	EVP_PKEY_free(w.key);
	w.key = imported(libctx, rig.software[id], "?provider=hsmime");
	only_the_signature_verifies(&w, sig, len);
	EVP_PKEY_free(w.key);
}

static void nothing_but_the_signature_verifies(void **state)
{
	(void)state;
	for (size_t o = 0; o < 2; o++) {
		OSSL_LIB_CTX *libctx = rig_context(rig_orders[o][0], rig_orders[o][1]);

		signatures_verify_with(libctx, 1, RSA_PKCS1_PADDING);
		signatures_verify_with(libctx, 1, RSA_PKCS1_PSS_PADDING);
		for (int id = 3; id <= 5; id++)
			signatures_verify_with(libctx, id, 0);
		rig_close(libctx);
	}
}

/* der, a certificate in libctx; the signature is its last octets. */
static X509 *parse(OSSL_LIB_CTX *libctx, const unsigned char *der, int len)
{
	X509 *cert = X509_new_ex(libctx, NULL);

	return d2i_X509(&cert, &der, len);
}

static void a_certificate_with_one_damaged_octet_does_not_verify(void **state)
{
	unsigned char *der = NULL;
	int len = i2d_X509(rig.certs[3], &der);
	const ASN1_BIT_STRING *signature = NULL;
	int damaged = 0;

	(void)state;
	X509_get0_signature(&signature, NULL, rig.certs[3]);
	for (size_t o = 0; o < 2; o++) {
		OSSL_LIB_CTX *libctx = rig_context(rig_orders[o][0], rig_orders[o][1]);
		EVP_PKEY *ca = imported(libctx, rig.token.ca_key, NULL);
		X509 *cert = parse(libctx, der, len);

		assert_int_equal(X509_verify(cert, ca), 1);
		X509_free(cert);
		for (int i = len - ASN1_STRING_length(signature); i < len; i++) {
			der[i] ^= 1;
			cert = parse(libctx, der, len);
			assert_non_null(cert);
			assert_int_not_equal(X509_verify(cert, ca), 1);
			X509_free(cert);
			der[i] ^= 1;
			damaged++;
		}
		EVP_PKEY_free(ca);
		rig_close(libctx);
	}
	ERR_clear_error();
	assert_true(damaged > 2 * 60);
	OPENSSL_free(der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_but_the_signature_verifies, rig_reset),
		cmocka_unit_test_setup(
		    a_certificate_with_one_damaged_octet_does_not_verify, rig_reset),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
