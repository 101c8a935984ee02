/* PEM files that hold a URI, in library contexts that come and go (scripts/check-valgrind runs this). */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "engine/provider/provider.h"
#include "engine/provider/uri_pem.h"
#include "provider_rig.h"

#define DESCRIPTION "PKCS#11 Provider URI v1.0"

static const unsigned char text[] = "Agreed: 1000 units at 5.";

typedef struct {
	ASN1_VISIBLESTRING *description;
	ASN1_UTF8STRING *uri;
} NAMED;

ASN1_SEQUENCE(NAMED) = {
	ASN1_SIMPLE(NAMED, description, ASN1_VISIBLESTRING),
	ASN1_SIMPLE(NAMED, uri, ASN1_UTF8STRING),
} static_ASN1_SEQUENCE_END(NAMED)

/* Free with OPENSSL_free. */
static size_t encode(unsigned char **der, const char *description, const char *uri)
{
	NAMED *n = (NAMED *)ASN1_item_new(ASN1_ITEM_rptr(NAMED));
	int len;

	assert_int_equal(ASN1_STRING_set(n->description, description, -1), 1);
	assert_int_equal(ASN1_STRING_set(n->uri, uri, -1), 1);
	*der = NULL;
	len = ASN1_item_i2d((ASN1_VALUE *)n, der, ASN1_ITEM_rptr(NAMED));
	assert_true(len > 0);
	ASN1_item_free((ASN1_VALUE *)n, ASN1_ITEM_rptr(NAMED));
	return (size_t)len;
}

static BIO *file_of(const char *uri)
{
	BIO *file = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	size_t len = encode(&der, DESCRIPTION, uri);

	assert_true(PEM_write_bio(file, "PKCS#11 PROVIDER URI", "", der, (long)len) > 0);
	OPENSSL_free(der);
	return file;
}

static EVP_PKEY *read_key(OSSL_LIB_CTX *libctx, const char *uri)
{
	BIO *file = file_of(uri);
	EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, libctx, NULL);

	BIO_free(file);
	return key;
}

static void signs(OSSL_LIB_CTX *libctx, EVP_PKEY *key, int id)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[512];
	size_t len = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, text, sizeof(text)), 1);
	assert_true(rig_verifies(id, "SHA256", sig, len, text, sizeof(text)));
	EVP_MD_CTX_free(ctx);
}

static void a_file_gives_the_key_that_its_uri_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		OSSL_LIB_CTX *libctx = rig_context(rig_orders[i % 2][0], rig_orders[i % 2][1]);
		EVP_PKEY *rsa = read_key(libctx, "pkcs11:token=Rig;id=%01;type=private");
		EVP_PKEY *ec = read_key(libctx, "PKCS11:token=Rig;id=%03");

		assert_non_null(rsa);
		assert_non_null(ec);
		assert_int_equal(ERR_peek_error(), 0);
		assert_int_equal(EVP_PKEY_eq(rsa, rig.software[1]), 1);
		signs(libctx, rsa, 1);
		signs(libctx, ec, 3);
		EVP_PKEY_free(rsa);
		EVP_PKEY_free(ec);
		rig_close(libctx);
	}
}

static void what_a_uri_may_not_do_it_may_not_do_in_a_file(void **state)
{
	static const struct {
		const char *uri;
		const char *said;
	} rows[] = {
		{ "pkcs11:token=Rig;id=%01?pin-value=123456", "holds a PIN" },
		{ "pkcs11:token=Rig;id=%01?pin-source=|id", "command" },
		{ "pkcs11:token=Rig;id=%01?module-path=/nowhere.so", "not configured" },
		{ "pkcs11:token=Rig;id=%77", "no private key fits" },
		{ "pkcs11:token=Rig;nonsense=1", "malformed" },
		{ "file:/etc/passwd", "no sound" },
		{ "", "no sound" },
	};
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ERR_clear_error();
		assert_null(read_key(libctx, rows[i].uri));
		assert_true(rig_said(rows[i].said));
	}
	rig_close(libctx);
}

/* Its key is read as if hsmime were not there. */
static void another_key_asks_no_token(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");
	EVP_PKEY *made = EVP_PKEY_Q_keygen(libctx, NULL, "EC", "P-256"), *read = NULL;
	BIO *file = BIO_new(BIO_s_mem());

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey(file, made, NULL, NULL, 0, NULL, NULL), 1);
	read = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, libctx, NULL);
	assert_int_equal(EVP_PKEY_eq(made, read), 1);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(rig.proxy->count("C_Initialize"), 0);
	EVP_PKEY_free(made);
	EVP_PKEY_free(read);
	BIO_free(file);
	rig_close(libctx);
}

static enum uri_pem decoded(const unsigned char *der, size_t len)
{
	char *uri = NULL;
	enum uri_pem found = uri_pem_decode(&uri, der, len);

	assert_int_equal(found == URI_PEM_URI, uri != NULL);
	free(uri);
	return found;
}

static void what_is_cut_or_goes_on_is_not_read(void **state)
{
	unsigned char *der = NULL, more[256];
	size_t len = encode(&der, DESCRIPTION, "pkcs11:id=%01");

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(decoded(der, cut), URI_PEM_OTHER);
	assert_int_equal(decoded(der, len), URI_PEM_URI);
	memcpy(more, der, len);
	more[len] = 0;
	assert_int_equal(decoded(more, len + 1), URI_PEM_BAD);
	OPENSSL_free(der);
	len = encode(&der, "PKCS#11 Provider URI v2.0", "pkcs11:id=%01");
	assert_int_equal(decoded(der, len), URI_PEM_OTHER);
	OPENSSL_free(der);
}

static void a_uri_is_as_long_as_it_may_be_and_no_longer(void **state)
{
	char uri[URI_PEM_URI_MAX + 2];
	unsigned char *der = NULL;
	size_t len;

	(void)state;
	memset(uri, 'a', sizeof(uri));
	memcpy(uri, "pkcs11:", 7);
	uri[URI_PEM_URI_MAX + 1] = '\0';
	len = encode(&der, DESCRIPTION, uri);
	assert_int_equal(decoded(der, len), URI_PEM_BAD);
	OPENSSL_free(der);
	uri[URI_PEM_URI_MAX] = '\0';
	len = encode(&der, DESCRIPTION, uri);
	assert_int_equal(decoded(der, len), URI_PEM_URI);
	OPENSSL_free(der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_file_gives_the_key_that_its_uri_names, rig_reset),
		cmocka_unit_test_setup(what_a_uri_may_not_do_it_may_not_do_in_a_file, rig_reset),
		cmocka_unit_test_setup(another_key_asks_no_token, rig_reset),
		cmocka_unit_test(what_is_cut_or_goes_on_is_not_read),
		cmocka_unit_test(a_uri_is_as_long_as_it_may_be_and_no_longer),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
