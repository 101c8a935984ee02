#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "engine/token_key.h"
#include "find_rig.h"

static void finds(const char *uri, enum engine_purpose purpose, X509 *cert, const char *label,
    bool with_certificate)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_key(&found, find_rig.e, uri, purpose, &find_rig.err), 0);
	find_rig_is(&found, cert, label);
	if (with_certificate)
		assert_int_equal(X509_cmp(found.certificate, cert), 0);
	else
		assert_null(found.certificate);
	engine_found_free(&found);
	assert_null(found.key);
}

static void refuses(
    const char *uri, enum engine_purpose purpose, int status, const char *message, const char *hint)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_key(&found, find_rig.e, uri, purpose, &find_rig.err), status);
	assert_null(found.key);
	assert_null(found.certificate);
	assert_null(found.uri);
	assert_int_equal(find_rig.err.code, status);
	if (strstr(find_rig.err.message, message) == NULL ||
	    strstr(find_rig.err.hint, hint) == NULL)
		fail_msg("\"%s\" / \"%s\"", find_rig.err.message, find_rig.err.hint);
}

static void a_uri_finds_by_id_label_and_type(void **state)
{
	(void)state;
	finds("pkcs11:token=Alpha;id=%01", ENGINE_SIGN, find_rig.alice, "Alpha", true);
	finds("pkcs11:token=Alpha;id=%01", ENGINE_DECRYPT, find_rig.alice, "Alpha", true);
	finds("pkcs11:token=Beta;id=%01", ENGINE_SIGN, find_rig.carol, "Beta", true);
	finds("pkcs11:token=Alpha;object=bob", ENGINE_SIGN, find_rig.bob, "Alpha", true);
	finds("pkcs11:token=Alpha;object=bob;type=private", ENGINE_DECRYPT, find_rig.bob, "Alpha",
	    true);
	finds("pkcs11:token=Alpha;id=%02;object=bob", ENGINE_SIGN, find_rig.bob, "Alpha", true);
	finds("pkcs11:token=Alpha;id=%05", ENGINE_SIGN, find_rig.lonely, "Alpha", false);
}

static void a_certificate_or_public_key_in_the_uri_leads_to_its_private_key(void **state)
{
	(void)state;
	finds("pkcs11:token=Alpha;object=bob%20certificate;type=cert", ENGINE_SIGN, find_rig.bob,
	    "Alpha", true);
	finds("pkcs11:token=Alpha;object=bob%20certificate", ENGINE_SIGN, find_rig.bob, "Alpha",
	    true);
	finds("pkcs11:token=Alpha;object=lonely;type=public", ENGINE_SIGN, find_rig.lonely, "Alpha",
	    false);
}

static void the_purpose_decides_where_the_uri_leaves_it_open(void **state)
{
	(void)state;
	refuses("pkcs11:token=Alpha", ENGINE_SIGN, HSMIME_ENOKEY, "several keys fit",
	    "token=Alpha;id=%01");
	/* Which of the many are named is up to the token. */
	refuses(NULL, ENGINE_SIGN, HSMIME_ENOKEY, "several keys fit", "pkcs11:token=");
	finds("pkcs11:token=Beta", ENGINE_DECRYPT, find_rig.carol, "Beta", true);
	refuses("pkcs11:token=Alpha;id=%03", ENGINE_DECRYPT, HSMIME_ENOKEY,
	    "may not be used to decrypt", "hsmime keys");
}

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	refuses("pkcs11:token=Alpha;id=%09", ENGINE_SIGN, HSMIME_ENOKEY,
	    "no private key fits pkcs11:token=Alpha;id=%09", "'hsmime keys'");
	assert_null(strstr(find_rig.err.hint, "percent"));
	refuses("pkcs11:token=Gamma", ENGINE_SIGN, HSMIME_ENOKEY,
	    "no token matches pkcs11:token=Gamma", "tokens");
	refuses("pkcs11:object=nobody", ENGINE_SIGN, HSMIME_ENOKEY,
	    "no private key fits pkcs11:object=nobody", "keys");
	refuses(
	    "pkcs11:token=Alpha;id=%01;serial=0000", ENGINE_SIGN, HSMIME_ENOKEY, "no token", "");
}

static void an_id_without_its_percent_signs_is_told_of_them(void **state)
{
	(void)state;
	refuses("pkcs11:token=Alpha;id=01", ENGINE_SIGN, HSMIME_ENOKEY,
	    "no private key fits pkcs11:token=Alpha;id=01", "percent sign");
	refuses("pkcs11:token=Alpha;id=0aF1", ENGINE_SIGN, HSMIME_ENOKEY, "no private key fits",
	    "id=%01");
	refuses("pkcs11:token=Alpha;id=xy", ENGINE_SIGN, HSMIME_ENOKEY, "no private key fits", "");
	assert_null(strstr(find_rig.err.hint, "percent"));
}

/* What is behind the '?' says how to come to the token, and is nobody's business. */
static void the_uri_that_found_nothing_is_named_without_its_query(void **state)
{
	(void)state;
	refuses("pkcs11:token=Gamma?pin-source=file:/secret", ENGINE_SIGN, HSMIME_ENOKEY,
	    "no token matches pkcs11:token=Gamma", "");
	assert_null(strstr(find_rig.err.message, "secret"));
}

static void a_token_label_that_matches_nothing_is_named(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .token_label = "Nope" };
	struct engine_candidate nobody = { .key_id = (const unsigned char *)"01", .key_id_len = 2 };
	struct engine_found found = { 0 };
	struct engine *e = NULL;
	struct error *err = &find_rig.err;

	(void)state;
	assert_int_equal(engine_new(&e, &options, err), 0);
	assert_int_equal(engine_find_key(&found, e, NULL, ENGINE_SIGN, err), HSMIME_ENOKEY);
	assert_string_equal(err->message, "there is no token \"Nope\"");
	assert_non_null(strstr(err->hint, "hsmime tokens"));
	error_clear(err);
	assert_int_equal(
	    engine_find_by_email(&found, e, "alice@example.org", ENGINE_SIGN, err), HSMIME_ENOKEY);
	assert_string_equal(err->message, "there is no token \"Nope\"");
	error_clear(err);
	assert_int_equal(
	    engine_find_by_certificate(&found, e, find_rig.alice, ENGINE_SIGN, err), HSMIME_ENOKEY);
	assert_string_equal(err->message, "there is no token \"Nope\"");
	error_clear(err);
	assert_int_equal(engine_find_recipient(&found, e, NULL, &nobody, 1, err), HSMIME_ENOKEY);
	assert_string_equal(err->message, "there is no token \"Nope\"");
	engine_free(e);
}

static void dangerous_and_malformed_uris_are_refused(void **state)
{
	(void)state;
	refuses("pkcs11:token=Alpha?pin-value=12345", ENGINE_SIGN, HSMIME_EPOLICY, "holds a PIN",
	    "file:");
	refuses("pkcs11:token=Alpha?pin-source=%7Ccat%20/etc/pin", ENGINE_SIGN, HSMIME_EPOLICY,
	    "command", "");
	refuses("pkcs11:token=Alpha?pin-source=env:TEST_PIN", ENGINE_SIGN, HSMIME_EPOLICY,
	    "not a file", "");
	refuses("pkcs11:token=Alpha?module-path=/tmp/evil.so", ENGINE_SIGN, HSMIME_EPOLICY,
	    "not configured", "--module");
	refuses("pkcs11:token=Alpha?module-name=evil", ENGINE_SIGN, HSMIME_EPOLICY,
	    "not configured", "");
	refuses("pkcs12:token=Alpha", ENGINE_SIGN, HSMIME_EUSAGE, "malformed", "RFC 7512");
	refuses("pkcs11:token=%zz", ENGINE_SIGN, HSMIME_EUSAGE, "malformed", "");
	refuses("pkcs11:colour=red", ENGINE_SIGN, HSMIME_EUSAGE, "not known", "");
	refuses("", ENGINE_SIGN, HSMIME_EUSAGE, "malformed", "");
}

static void the_configured_module_may_be_named(void **state)
{
	(void)state;
	finds("pkcs11:token=Alpha;id=%01?module-name=proxy", ENGINE_SIGN, find_rig.alice, "Alpha",
	    true);
	finds("pkcs11:token=Alpha;id=%01?module-path=" PROXY_MODULE, ENGINE_SIGN, find_rig.alice,
	    "Alpha", true);
}

static void the_found_uri_finds_the_same_key_again(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(engine_find_key(&found, find_rig.e, "pkcs11:token=Alpha;object=signer",
			     ENGINE_SIGN, &find_rig.err),
	    0);
	finds(found.uri, ENGINE_SIGN, find_rig.signer, "Alpha", true);
	engine_found_free(&found);
}

static void by_email(const char *email, enum engine_purpose purpose, X509 *cert, const char *label)
{
	struct engine_found found = { 0 };

	assert_int_equal(
	    engine_find_by_email(&found, find_rig.e, email, purpose, &find_rig.err), 0);
	find_rig_is(&found, cert, label);
	assert_int_equal(X509_cmp(found.certificate, cert), 0);
	engine_found_free(&found);
}

static void no_email(const char *email, enum engine_purpose purpose, const char *message)
{
	struct engine_found found = { 0 };

	assert_int_equal(
	    engine_find_by_email(&found, find_rig.e, email, purpose, &find_rig.err), HSMIME_ENOKEY);
	assert_null(found.key);
	if (strstr(find_rig.err.message, message) == NULL)
		fail_msg("%s", find_rig.err.message);
}

static void an_address_finds_the_valid_certificate_s_key(void **state)
{
	(void)state;
	by_email("alice@example.org", ENGINE_SIGN, find_rig.alice, "Alpha");
	by_email("ALICE@example.ORG", ENGINE_DECRYPT, find_rig.alice, "Alpha");
	by_email("bob@example.org", ENGINE_SIGN, find_rig.bob, "Alpha");
	by_email("signer@example.org", ENGINE_SIGN, find_rig.signer, "Alpha");
	by_email("twin@example.org", ENGINE_SIGN, find_rig.twin, "Beta");
}

static void an_address_without_a_fit_certificate_finds_nothing(void **state)
{
	(void)state;
	no_email("old@example.org", ENGINE_SIGN, "old@example.org on the token expired on 20");
	no_email("nobody@example.org", ENGINE_SIGN, "no certificate");
	no_email("lice@example.org", ENGINE_SIGN, "no certificate");
	no_email("signer@example.org", ENGINE_DECRYPT, "may not be used to decrypt");
}

static void by_certificate(X509 *cert, const char *label)
{
	struct engine_found found = { 0 };

	assert_int_equal(
	    engine_find_by_certificate(&found, find_rig.e, cert, ENGINE_SIGN, &find_rig.err), 0);
	find_rig_is(&found, cert, label);
	engine_found_free(&found);
}

static void an_address_of_two_keys_is_a_tie_that_lists_them(void **state)
{
	(void)state;
	no_email("tie@example.org", ENGINE_SIGN, "several keys fit");
	assert_non_null(strstr(find_rig.err.hint, "pkcs11:token=Alpha;id=%07"));
	assert_non_null(strstr(find_rig.err.hint, "pkcs11:token=Alpha;id=%08"));
}

static void a_certificate_finds_its_key_on_the_token_or_not(void **state)
{
	struct engine_found found = { 0 };
	X509 *renewed = find_rig_certify(
	    X509_get0_pubkey(find_rig.alice), "alice renewed", NULL, FIND_RIG_YEAR);

	(void)state;
	by_certificate(find_rig.alice, "Alpha");
	by_certificate(find_rig.bob, "Alpha");
	by_certificate(renewed, "Alpha");
	by_certificate(find_rig.lonely, "Alpha");
	by_certificate(find_rig.carol, "Beta");
	assert_int_equal(engine_find_by_certificate(
			     &found, find_rig.e, find_rig.stranger, ENGINE_SIGN, &find_rig.err),
	    HSMIME_ENOKEY);
	assert_null(found.key);
	X509_free(renewed);
}

static void lists_show_tokens_keys_and_certificates(void **state)
{
	hsmime_token *tokens = NULL;
	hsmime_key *keys = NULL;
	size_t count = 0, named = 0, i;

	(void)state;
	assert_int_equal(engine_tokens(&tokens, &count, find_rig.e, &find_rig.err), 0);
	for (i = 0; i < count; i++)
		named +=
		    strcmp(tokens[i].label, "Alpha") == 0 || strcmp(tokens[i].label, "Beta") == 0;
	assert_int_equal(named, 2);
	engine_tokens_free(tokens, count);
	assert_int_equal(
	    engine_keys(&keys, &count, find_rig.e, "pkcs11:token=Alpha", true, &find_rig.err), 0);
	assert_int_equal(count, 7);
	for (i = 0; i < count && keys[i].id[0] != 1; i++)
		continue;
	assert_int_equal(keys[i].id_len, 1);
	assert_string_equal(keys[i].type, "RSA");
	assert_int_equal(keys[i].bits, 2048);
	assert_int_equal(keys[i].has_private_key, 1);
	assert_int_equal(keys[i].usage, HSMIME_KEY_SIGN | HSMIME_KEY_DECRYPT);
	assert_int_equal(X509_cmp(keys[i].certificate, find_rig.alice), 0);
	assert_string_equal(keys[i].emails[0], "alice@example.org");
	assert_string_equal(keys[i].subject, "CN=alice");
	finds(keys[i].uri, ENGINE_SIGN, find_rig.alice, "Alpha", true);
	engine_keys_free(keys, count);
}

static void certificates_are_listed_for_chains(void **state)
{
	STACK_OF(X509) *list = NULL;
	bool seen = false;

	(void)state;
	assert_int_equal(engine_certificates(&list, find_rig.e, NULL, &find_rig.err), 0);
	for (int i = 0; i < sk_X509_num(list); i++)
		seen |= X509_cmp(sk_X509_value(list, i), find_rig.signer) == 0;
	assert_true(seen);
	assert_true(sk_X509_num(list) > 2);
	sk_X509_pop_free(list, X509_free);
}

static void certificates_are_found_by_their_subject_alone(void **state)
{
	STACK_OF(X509) *list = NULL;

	(void)state;
	assert_int_equal(engine_certificates(&list, find_rig.e,
			     X509_get_subject_name(find_rig.signer), &find_rig.err),
	    0);
	assert_int_equal(sk_X509_num(list), 1);
	assert_int_equal(X509_cmp(sk_X509_value(list, 0), find_rig.signer), 0);
	sk_X509_pop_free(list, X509_free);
	assert_int_equal(engine_certificates(&list, find_rig.e,
			     X509_get_subject_name(find_rig.st.ca), &find_rig.err),
	    0);
	assert_int_equal(sk_X509_num(list), 0);
	sk_X509_pop_free(list, X509_free);
}

static void a_token_label_limits_every_search(void **state)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_source = "env:TEST_PIN", .token_label = "Beta"
	};
	struct engine_found found = { 0 };
	struct engine *limited = NULL;

	(void)state;
	assert_int_equal(engine_new(&limited, &options, &find_rig.err), 0);
	assert_int_equal(engine_find_key(&found, limited, NULL, ENGINE_DECRYPT, &find_rig.err), 0);
	find_rig_is(&found, find_rig.carol, "Beta");
	engine_found_free(&found);
	assert_int_equal(engine_find_key(&found, limited, "pkcs11:token=Alpha;id=%01", ENGINE_SIGN,
			     &find_rig.err),
	    HSMIME_ENOKEY);
	assert_int_equal(
	    engine_find_by_email(&found, limited, "alice@example.org", ENGINE_SIGN, &find_rig.err),
	    HSMIME_ENOKEY);
	engine_free(limited);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_finds_by_id_label_and_type),
		cmocka_unit_test(a_certificate_or_public_key_in_the_uri_leads_to_its_private_key),
		cmocka_unit_test(the_purpose_decides_where_the_uri_leaves_it_open),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(an_id_without_its_percent_signs_is_told_of_them),
		cmocka_unit_test(the_uri_that_found_nothing_is_named_without_its_query),
		cmocka_unit_test(a_token_label_that_matches_nothing_is_named),
		cmocka_unit_test(dangerous_and_malformed_uris_are_refused),
		cmocka_unit_test(the_configured_module_may_be_named),
		cmocka_unit_test(the_found_uri_finds_the_same_key_again),
		cmocka_unit_test(an_address_finds_the_valid_certificate_s_key),
		cmocka_unit_test(an_address_without_a_fit_certificate_finds_nothing),
		cmocka_unit_test(an_address_of_two_keys_is_a_tie_that_lists_them),
		cmocka_unit_test(a_certificate_finds_its_key_on_the_token_or_not),
		cmocka_unit_test(lists_show_tokens_keys_and_certificates),
		cmocka_unit_test(certificates_are_listed_for_chains),
		cmocka_unit_test(certificates_are_found_by_their_subject_alone),
		cmocka_unit_test(a_token_label_limits_every_search),
	};

	return cmocka_run_group_tests(tests, find_rig_set_up, find_rig_tear_down);
}
