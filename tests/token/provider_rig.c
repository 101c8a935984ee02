#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include "engine/provider/provider.h"
#include "provider_rig.h"

struct rig rig;

const char *const rig_orders[2][2] = { { "hsmime", "default" }, { "default", "hsmime" } };

static X509 *issue(EVP_PKEY *key, const char *name)
{
	struct softtoken_cert c = { name, NULL, "digitalSignature", -3600, 864000 };

	return softtoken_issue(&rig.token, key, &c);
}

int rig_setup(void **state)
{
	(void)state;
	softtoken_begin(&rig.token);
	softtoken_add(&rig.token, "Rig");
	rig.software[1] = softtoken_rsa(&rig.token, 1, "one", 2048, KEY_SIGN | KEY_DECRYPT);
	rig.software[2] = softtoken_rsa(&rig.token, 2, "two", 2048, KEY_SIGN | KEY_DECRYPT);
	rig.software[3] = softtoken_ec(&rig.token, 3, "p256", "P-256", KEY_SIGN | KEY_DERIVE);
	rig.software[4] = softtoken_ec(&rig.token, 4, "p384", "P-384", KEY_SIGN | KEY_DERIVE);
	rig.software[5] = softtoken_ec(&rig.token, 5, "p521", "P-521", KEY_SIGN | KEY_DERIVE);
	rig.certs[1] = issue(rig.software[1], "one");
	rig.certs[3] = issue(rig.software[3], "three");
	softtoken_store(&rig.token, rig.certs[1], 1, "one", true, false);
	softtoken_seal(&rig.token);
	rig.proxy = softtoken_proxy();
	setenv("HSMIME_MODULE", PROXY_MODULE, 1);
	return 0;
}

int rig_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < RIG_KEYS; i++) {
		EVP_PKEY_free(rig.software[i]);
		X509_free(rig.certs[i]);
	}
	softtoken_end(&rig.token);
	return 0;
}

int rig_reset(void **state)
{
	(void)state;
	rig.proxy->reset();
	setenv("HSMIME_PIN_SOURCE", "env:TEST_PIN", 1);
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	ERR_clear_error();
	return 0;
}

OSSL_LIB_CTX *rig_context(const char *first, const char *second)
{
	OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

	assert_non_null(libctx);
	assert_int_equal(OSSL_PROVIDER_add_builtin(libctx, PROVIDER_NAME, provider_init), 1);
	assert_non_null(OSSL_PROVIDER_load(libctx, first));
	assert_non_null(OSSL_PROVIDER_load(libctx, second));
	return libctx;
}

/* One reference is that of rig_context, the other the one that is made here. */
static void unload(OSSL_LIB_CTX *libctx, const char *name)
{
	OSSL_PROVIDER *provider = OSSL_PROVIDER_load(libctx, name);

	assert_int_equal(OSSL_PROVIDER_unload(provider), 1);
	assert_int_equal(OSSL_PROVIDER_unload(provider), 1);
}

void rig_close(OSSL_LIB_CTX *libctx)
{
	unload(libctx, "hsmime");
	unload(libctx, "default");
	OSSL_LIB_CTX_free(libctx);
}

EVP_PKEY *rig_load(OSSL_LIB_CTX *libctx, const char *uri, const UI_METHOD *ui, void *arg)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, libctx, NULL, ui, arg, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;

	assert_non_null(store);
	assert_int_equal(OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY), 1);
	while (key == NULL && OSSL_STORE_eof(store) == 0) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info != NULL)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return key;
}

EVP_PKEY *rig_key(OSSL_LIB_CTX *libctx, int id)
{
	char uri[64];
	EVP_PKEY *key = NULL;

	snprintf(uri, sizeof(uri), "pkcs11:token=Rig;id=%%%02d", id);
	key = rig_load(libctx, uri, NULL, NULL);
	assert_non_null(key);
	return key;
}

bool rig_said(const char *text)
{
	const char *data = NULL;
	bool said = false;
	unsigned long code;
	int flags = 0;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
		const char *reason = ERR_reason_error_string(code);

		said |= reason != NULL && strstr(reason, text) != NULL;
		said |= (flags & ERR_TXT_STRING) != 0 && strstr(data, text) != NULL;
	}
	return said;
}

bool rig_verifies(int id, const char *md, const unsigned char *sig, size_t len,
    const unsigned char *data, size_t data_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = EVP_DigestVerifyInit_ex(ctx, NULL, md, NULL, NULL, rig.software[id], NULL) == 1 &&
		  EVP_DigestVerify(ctx, sig, len, data, data_len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}
