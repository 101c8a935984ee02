#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token_rig.h"

/*
 * EC private keys of one CKA_ID show no point: which is the certificate's? Token "Bare": "old" and "new", without
 * public key objects. "Shown": the same with them. "Curves": P-384 and P-256 without. "Again": one key, 01,
 * without a label, beside which others appear. The certificates are those of "new" and of P-256.
 */
static struct engine *e;
static EVP_PKEY *old_key[2], *new_key[2], *p256;
static X509 *certs[3];

static X509 *certify(EVP_PKEY *key, const char *email)
{
	struct softtoken_cert c = { email, email, "digitalSignature,keyAgreement", -3600, 360000 };
	X509 *cert = softtoken_issue(&token_rig.st, key, &c);

	softtoken_store(&token_rig.st, cert, 1, "certificate", true, false);
	return cert;
}

static void make_twins(size_t i, const char *label, const char *email, unsigned flags)
{
	softtoken_add(&token_rig.st, label);
	old_key[i] = softtoken_ec(&token_rig.st, 1, "old", "P-256", KEY_SIGN | KEY_DERIVE | flags);
	new_key[i] = softtoken_ec(&token_rig.st, 1, "new", "P-256", KEY_SIGN | KEY_DERIVE | flags);
	certs[i] = certify(new_key[i], email);
}

static int set_up(void **state)
{
	unsigned flags = KEY_SIGN | KEY_NO_PUBLIC_OBJECT;

	(void)state;
	softtoken_begin(&token_rig.st);
	make_twins(0, "Bare", "bare@example.org", KEY_NO_PUBLIC_OBJECT);
	make_twins(1, "Shown", "shown@example.org", 0);
	softtoken_add(&token_rig.st, "Curves");
	EVP_PKEY_free(softtoken_ec(&token_rig.st, 1, "p384", "P-384", flags));
	p256 = softtoken_ec(&token_rig.st, 1, "p256", "P-256", flags);
	certs[2] = certify(p256, "curves@example.org");
	softtoken_add(&token_rig.st, "Again");
	EVP_PKEY_free(softtoken_ec(&token_rig.st, 1, NULL, "P-256", KEY_SIGN));
	softtoken_seal(&token_rig.st);
	token_rig.proxy = softtoken_proxy();
	e = operate_engine();
	return 0;
}

static int tear_down(void **state)
{
	engine_free(e);
	for (size_t i = 0; i < 3; i++)
		X509_free(certs[i]);
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY_free(old_key[i]);
		EVP_PKEY_free(new_key[i]);
	}
	EVP_PKEY_free(p256);
	return token_rig_tear_down(state);
}

/* Signs what verifies with its own public key, which is key. */
static void is(struct engine_found *found, EVP_PKEY *key)
{
	assert_int_equal(EVP_PKEY_eq(token_key_public(found->key), key), 1);
	assert_int_equal(operate_sign(found->key, &token_rig.err), 0);
	engine_found_free(found);
}

static void is_a_tie(int status, struct engine_found *found)
{
	assert_int_equal(status, HSMIME_ENOKEY);
	assert_null(found->key);
	assert_non_null(strstr(token_rig.err.message, "several keys fit"));
	assert_non_null(strstr(token_rig.err.hint, "object=old"));
	assert_non_null(strstr(token_rig.err.hint, "object=new"));
}

static void keys_that_can_not_be_told_apart_are_a_tie(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	is_a_tie(engine_find_by_email(&found, e, "bare@example.org", ENGINE_SIGN, &token_rig.err),
	    &found);
	is_a_tie(
	    engine_find_by_certificate(&found, e, certs[0], ENGINE_SIGN, &token_rig.err), &found);
	is_a_tie(
	    engine_find_key(&found, e, "pkcs11:token=Bare;id=%01", ENGINE_SIGN, &token_rig.err),
	    &found);
	is_a_tie(operate_find_recipient(&found, e, NULL, certs, 1, &token_rig.err), &found);
}

static void their_public_key_objects_tell_them_apart(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_by_email(&found, e, "shown@example.org", ENGINE_SIGN, &token_rig.err), 0);
	assert_int_equal(X509_cmp(found.certificate, certs[1]), 0);
	is(&found, new_key[1]);
	assert_int_equal(
	    engine_find_by_certificate(&found, e, certs[1], ENGINE_SIGN, &token_rig.err), 0);
	is(&found, new_key[1]);
}

static void a_key_chosen_by_its_label_gets_its_own_public_key(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(engine_find_key(&found, e, "pkcs11:token=Shown;object=old", ENGINE_SIGN,
			     &token_rig.err),
	    0);
	assert_null(found.certificate);
	is(&found, old_key[1]);
	assert_int_equal(engine_find_key(&found, e, "pkcs11:token=Shown;object=new", ENGINE_SIGN,
			     &token_rig.err),
	    0);
	assert_int_equal(X509_cmp(found.certificate, certs[1]), 0);
	is(&found, new_key[1]);
}

static void a_key_on_another_curve_is_not_the_certificate_s(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_by_email(&found, e, "curves@example.org", ENGINE_SIGN, &token_rig.err), 0);
	is(&found, p256);
}

/* The row of the key with that label. */
static const hsmime_key *row(const hsmime_key *list, size_t count, const char *label)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].label, label) == 0)
			return &list[i];
	fail_msg("no %s in the list", label);
	return NULL;
}

static void each_is_a_row_of_the_list_with_its_own_certificate(void **state)
{
	hsmime_key *list = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(
	    engine_keys(&list, &count, e, "pkcs11:token=Shown", true, &token_rig.err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(row(list, count, "old")->has_private_key, 1);
	assert_null(row(list, count, "old")->certificate);
	assert_string_equal(row(list, count, "old")->curve, "P-256");
	assert_int_equal(row(list, count, "new")->has_private_key, 1);
	assert_int_equal(X509_cmp(row(list, count, "new")->certificate, certs[1]), 0);
	engine_keys_free(list, count);
	assert_int_equal(
	    engine_keys(&list, &count, e, "pkcs11:token=Curves", true, &token_rig.err), 0);
	assert_int_equal(count, 2);
	assert_null(row(list, count, "p384")->certificate);
	assert_int_equal(X509_cmp(row(list, count, "p256")->certificate, certs[2]), 0);
	engine_keys_free(list, count);
}

/* One more key on that token, made through the module while it is in use. */
static void appear(unsigned char id, const char *label)
{
	struct softtoken more = { .functions = softtoken_proxy_functions() };
	CK_SLOT_ID slot = softtoken_slot(more.functions, "Again");

	assert_int_equal(more.functions->C_OpenSession(
			     slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &more.session),
	    CKR_OK);
	EVP_PKEY_free(softtoken_ec(&more, id, label, "P-256", KEY_SIGN));
	assert_int_equal(more.functions->C_CloseSession(more.session), CKR_OK);
}

static int sign_after_a_lost_session(struct token_key *k)
{
	token_rig.proxy->refuse("C_SignInit", CKR_SESSION_HANDLE_INVALID, 0, 1);
	return operate_sign(k, &token_rig.err);
}

static void after_a_lost_session_no_other_key_signs(void **state)
{
	struct token_key *k = operate_key(e, "pkcs11:token=Again;id=%01", ENGINE_SIGN);

	(void)state;
	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	/* The same ID, but a label: a template can't ask for none. */
	for (int i = 0; i < 4; i++) {
		appear(1, "labelled");
		assert_int_equal(sign_after_a_lost_session(k), 0);
	}
	appear(1, NULL);
	assert_int_equal(sign_after_a_lost_session(k), HSMIME_ENOKEY);
	assert_non_null(strstr(token_rig.err.message, "several keys"));
	assert_int_equal(token_rig.proxy->count("C_Sign"), 5);
	token_key_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_that_can_not_be_told_apart_are_a_tie, token_rig_begin),
		cmocka_unit_test_setup(their_public_key_objects_tell_them_apart, token_rig_begin),
		cmocka_unit_test_setup(
		    a_key_chosen_by_its_label_gets_its_own_public_key, token_rig_begin),
		cmocka_unit_test_setup(
		    a_key_on_another_curve_is_not_the_certificate_s, token_rig_begin),
		cmocka_unit_test_setup(
		    each_is_a_row_of_the_list_with_its_own_certificate, token_rig_begin),
		cmocka_unit_test_setup(after_a_lost_session_no_other_key_signs, token_rig_begin),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
