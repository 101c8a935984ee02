/*
 * A context with the provider comes, is used and goes, three times over. No process is forked here:
 * scripts/check-valgrind looks for what is left.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>

#include "provider_rig.h"

#define ROUNDS 3

static const unsigned char text[] = "Agreed: 1000 units at 5.";

/* The loadable module, as a program outside this project has it. */
struct outside {
	OSSL_LIB_CTX *libctx;
	OSSL_PROVIDER *hsmime, *software;
};

static void load(struct outside *o)
{
	o->libctx = OSSL_LIB_CTX_new();
	assert_int_equal(OSSL_PROVIDER_set_default_search_path(o->libctx, PROVIDER_FOLDER), 1);
	o->hsmime = OSSL_PROVIDER_load(o->libctx, "hsmime");
	o->software = OSSL_PROVIDER_load(o->libctx, "default");
	assert_non_null(o->hsmime);
	assert_non_null(o->software);
}

/* As a configuration does: whoever frees the context frees them. */
static void configure(struct outside *o)
{
	char path[300];
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/openssl.cnf", rig.token.folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("openssl_conf = all\n[all]\nproviders = providers\n[providers]\nhsmime = token\n"
	      "default = software\n[token]\nmodule = " PROVIDER_FOLDER
	      "/hsmime.so\nactivate = 1\n[software]\nactivate = 1\n",
	    f);
	assert_int_equal(fclose(f), 0);
	o->libctx = OSSL_LIB_CTX_new();
	assert_int_equal(OSSL_LIB_CTX_load_config(o->libctx, path), 1);
	assert_int_equal(unlink(path), 0);
}

static void sign(const struct outside *o, EVP_PKEY *key, int id)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[512];
	size_t len = sizeof(sig);

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", o->libctx, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, text, sizeof(text)), 1);
	assert_true(rig_verifies(id, "SHA256", sig, len, text, sizeof(text)));
	EVP_MD_CTX_free(ctx);
}

static void decrypt(const struct outside *o, EVP_PKEY *key)
{
	EVP_PKEY_CTX *public = EVP_PKEY_CTX_new(rig.software[1], NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(o->libctx, key, NULL);
	unsigned char data[256], plain[256];
	size_t len = sizeof(data), plain_len = sizeof(plain);

	assert_int_equal(EVP_PKEY_encrypt_init(public), 1);
	assert_int_equal(EVP_PKEY_encrypt(public, data, &len, text, sizeof(text)), 1);
	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len), 1);
	assert_int_equal(plain_len, sizeof(text));
	assert_memory_equal(plain, text, sizeof(text));
	data[9] ^= 1;
	plain_len = sizeof(plain);
	/* Newer SoftHSM gives random octets instead of an error. */
	if (EVP_PKEY_decrypt(ctx, plain, &plain_len, data, len) == 1 && plain_len == sizeof(text))
		assert_memory_not_equal(plain, text, sizeof(text));
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_CTX_free(public);
}

/* The peer is one of this round: OpenSSL keeps the provider's form of it, and so the provider, with it. */
static void agree(const struct outside *o, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(o->libctx, key, NULL);
	EVP_PKEY *peer = EVP_PKEY_dup(rig.software[3]);
	unsigned char secret[66];
	size_t len = sizeof(secret);

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, secret, &len), 1);
	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(ctx);
}

static size_t count_all(const struct outside *o)
{
	OSSL_STORE_CTX *store =
	    OSSL_STORE_open_ex("pkcs11:token=Rig", o->libctx, NULL, NULL, NULL, NULL, NULL, NULL);
	size_t count = 0;

	assert_non_null(store);
	while (OSSL_STORE_eof(store) == 0) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		count += info != NULL;
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return count;
}

static void use(const struct outside *o, EVP_PKEY *rsa, EVP_PKEY *ec)
{
	sign(o, rsa, 1);
	sign(o, ec, 3);
	decrypt(o, rsa);
	agree(o, ec);
	assert_true(count_all(o) >= RIG_KEYS - 1);
	assert_null(rig_load(o->libctx, "pkcs11:token=Rig;id=%77", NULL, NULL));
	ERR_clear_error();
}

/* In which order they go. */
static void keys_first(struct outside *o, EVP_PKEY *rsa, EVP_PKEY *ec)
{
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	assert_int_equal(OSSL_PROVIDER_unload(o->hsmime), 1);
	assert_int_equal(OSSL_PROVIDER_unload(o->software), 1);
	OSSL_LIB_CTX_free(o->libctx);
}

static void keys_last(struct outside *o, EVP_PKEY *rsa, EVP_PKEY *ec)
{
	assert_int_equal(OSSL_PROVIDER_unload(o->hsmime), 1);
	EVP_PKEY_free(ec);
	sign(o, rsa, 1);
	EVP_PKEY_free(rsa);
	assert_int_equal(OSSL_PROVIDER_unload(o->software), 1);
	OSSL_LIB_CTX_free(o->libctx);
}

static void the_context_alone(struct outside *o, EVP_PKEY *rsa, EVP_PKEY *ec)
{
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	OSSL_LIB_CTX_free(o->libctx);
}

static void rounds(
    void (*begin)(struct outside *o), void (*end)(struct outside *o, EVP_PKEY *rsa, EVP_PKEY *ec))
{
	for (int i = 0; i < ROUNDS; i++) {
		struct outside o = { NULL, NULL, NULL };
		EVP_PKEY *rsa, *ec;

		rig.proxy->reset();
		begin(&o);
		rsa = rig_key(o.libctx, 1);
		ec = rig_key(o.libctx, 3);
		use(&o, rsa, ec);
		end(&o, rsa, ec);
		assert_int_equal(rig.proxy->count("C_Initialize"), 1);
		assert_int_equal(rig.proxy->count("C_Finalize"), 1);
		assert_int_equal(rig.proxy->sessions(), 0);
	}
}

static void keys_then_provider_then_context(void **state)
{
	(void)state;
	rounds(load, keys_first);
}

static void provider_then_keys_then_context(void **state)
{
	(void)state;
	rounds(load, keys_last);
}

static void configured_keys_then_context(void **state)
{
	(void)state;
	rounds(configure, the_context_alone);
}

/* Nothing is opened for what no URI comes to. */
static void a_provider_without_use(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct outside o = { NULL, NULL, NULL };

		load(&o);
		keys_first(&o, NULL, NULL);
	}
	assert_int_equal(rig.proxy->count("C_Initialize"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_then_provider_then_context, rig_reset),
		cmocka_unit_test_setup(provider_then_keys_then_context, rig_reset),
		cmocka_unit_test_setup(configured_keys_then_context, rig_reset),
		cmocka_unit_test_setup(a_provider_without_use, rig_reset),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
