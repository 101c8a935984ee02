/*
 * Searches over several tokens and among many objects. Token "Decoy": a certificate, 0a, and no key. "Holder":
 * 0a RSA "held", which shows nothing before a login. "Crowd" and "Throng": CROWD certificates of strangers
 * each, all of one address; on "Throng" a key, ff, that has it too. "Same": SAME RSA keys of one ID, of which
 * each has a certificate, and the last one's is on the token.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token_rig.h"

#define YEAR 31536000L
#define CROWD 130
#define SAME 90

static struct engine *e;
static EVP_PKEY *held;
static X509 *one_of_many, *same[SAME];

static X509 *certify(EVP_PKEY *key, const char *name, const char *email)
{
	struct softtoken_cert c = { name, email, "digitalSignature,keyEncipherment", -3600, YEAR };

	return softtoken_issue(&token_rig.st, key, &c);
}

static X509 *put(EVP_PKEY *key, unsigned char id, const char *name, const char *email)
{
	X509 *cert = certify(key, name, email);

	softtoken_store(&token_rig.st, cert, id, name, true, false);
	return cert;
}

static void make_crowd(const char *label, EVP_PKEY *nobody)
{
	softtoken_add(&token_rig.st, label);
	for (unsigned i = 1; i <= CROWD; i++)
		X509_free(put(nobody, (unsigned char)i, "stranger", "crowd@example.org"));
}

static void make_same(void)
{
	softtoken_add(&token_rig.st, "Same");
	for (unsigned i = 0; i < SAME; i++) {
		EVP_PKEY *key = softtoken_rsa(&token_rig.st, 1, "same", 512, KEY_SIGN);

		same[i] = i + 1 < SAME ? certify(key, "same", NULL)
				       : put(key, 1, "last", "last@example.org");
		EVP_PKEY_free(key);
	}
}

static int set_up(void **state)
{
	EVP_PKEY *nobody = EVP_EC_gen("P-256"), *key = NULL;

	(void)state;
	softtoken_begin(&token_rig.st);
	softtoken_add(&token_rig.st, "Decoy");
	X509_free(put(nobody, 10, "decoy", "decoy@example.org"));
	softtoken_add(&token_rig.st, "Holder");
	held = softtoken_rsa(&token_rig.st, 10, "held", 2048, KEY_SIGN | KEY_NO_PUBLIC_OBJECT);
	make_crowd("Crowd", nobody);
	make_crowd("Throng", nobody);
	key = softtoken_ec(&token_rig.st, 255, "one of many", "P-256", KEY_SIGN);
	one_of_many = put(key, 255, "one of many", "crowd@example.org");
	make_same();
	softtoken_seal(&token_rig.st);
	token_rig.proxy = softtoken_proxy();
	e = operate_engine();
	EVP_PKEY_free(nobody);
	EVP_PKEY_free(key);
	return 0;
}

static int tear_down(void **state)
{
	engine_free(e);
	EVP_PKEY_free(held);
	X509_free(one_of_many);
	for (size_t i = 0; i < SAME; i++)
		X509_free(same[i]);
	return token_rig_tear_down(state);
}

static void is(struct engine_found *found, EVP_PKEY *key, const char *label)
{
	assert_int_equal(EVP_PKEY_eq(token_key_public(found->key), key), 1);
	assert_string_equal(found->token_label, label);
	engine_found_free(found);
}

/* Nobody is logged in at first. */
static void a_certificate_without_its_key_does_not_hide_another_token_s_key(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:id=%0a", ENGINE_SIGN, &token_rig.err), 0);
	is(&found, held, "Holder");
}

static void where_the_key_is_no_other_token_is_logged_in_to(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	struct engine_found found = { 0 };

	(void)state;
	engine_free(e);
	assert_int_equal(engine_new(&e, &options, &token_rig.err), 0);
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:id=%ff", ENGINE_SIGN, &token_rig.err), 0);
	is(&found, X509_get0_pubkey(one_of_many), "Throng");
	assert_int_equal(token_rig.proxy->count("C_Login"), 1);
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:id=%ff", ENGINE_DECRYPT, &token_rig.err),
	    HSMIME_ENOKEY);
	assert_non_null(strstr(token_rig.err.message, "may not be used to decrypt"));
	assert_int_equal(token_rig.proxy->count("C_Login"), 1);
}

/* Each of them is followed: who is the one with the key is known at the end only. */
static void hundreds_of_strangers_do_not_hide_the_one_with_the_key(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_by_email(&found, e, "crowd@example.org", ENGINE_SIGN, &token_rig.err), 0);
	assert_in_range(token_rig.proxy->count("C_FindObjectsInit"), 2 * CROWD + 1, 3 * CROWD);
	assert_int_equal(X509_cmp(found.certificate, one_of_many), 0);
	is(&found, X509_get0_pubkey(one_of_many), "Throng");
}

static void ninety_keys_of_one_id_hide_none_of_them(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_by_email(&found, e, "last@example.org", ENGINE_SIGN, &token_rig.err), 0);
	is(&found, X509_get0_pubkey(same[SAME - 1]), "Same");
	for (size_t i = 0; i < SAME; i += 11) {
		assert_int_equal(
		    engine_find_by_certificate(&found, e, same[i], ENGINE_SIGN, &token_rig.err), 0);
		is(&found, X509_get0_pubkey(same[i]), "Same");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, token_rig_begin)
		TEST(a_certificate_without_its_key_does_not_hide_another_token_s_key),
		TEST(where_the_key_is_no_other_token_is_logged_in_to),
		TEST(hundreds_of_strangers_do_not_hide_the_one_with_the_key),
		TEST(ninety_keys_of_one_id_hide_none_of_them),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
