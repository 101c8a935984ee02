#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "engine/engine.h"
#include "engine/token_key.h"
#include "softtoken.h"

#define YEAR 31536000L

/*
 * Token "Alpha": 01 RSA "alice" (signs and decrypts), 02 EC "bob" (signs, agrees), 03 RSA
 * "signer" (signs only), 04 RSA "old" (expired certificate), 05 EC "lonely" (no certificate), 07
 * and 08 EC "tie", with one address. Token "Beta": 01 RSA "carol" and 06 RSA "twin", whose
 * certificates are private.
 */
static struct softtoken st;
static X509 *alice, *bob, *signer, *old, *carol, *twin, *stranger, *lonely;
static struct engine *e;
static struct error err;

static const struct softtoken_cert mail = { "Mail", NULL, NULL, -3600, YEAR };

static X509 *certify(EVP_PKEY *key, const char *name, const char *email, long to)
{
	struct softtoken_cert c = mail;

	c.name = name;
	c.email = email;
	c.to = to;
	c.key_usage = "digitalSignature,keyEncipherment,keyAgreement";
	return softtoken_issue(&st, key, &c);
}

static X509 *put(EVP_PKEY *key, unsigned char id, const char *name, const char *email, long to,
    bool names, bool hidden)
{
	X509 *cert = certify(key, name, email, to);

	softtoken_store(&st, cert, id, name, names, hidden);
	EVP_PKEY_free(key);
	return cert;
}

static void make_alpha(void)
{
	EVP_PKEY *key = NULL;
	X509 *previous = NULL;

	softtoken_add(&st, "Alpha");
	key = softtoken_rsa(&st, 1, "alice", 2048, KEY_SIGN | KEY_DECRYPT);
	previous = certify(key, "alice before", "alice@example.org", -60);
	softtoken_store(&st, previous, 1, "alice before", true, false);
	X509_free(previous);
	alice = put(key, 1, "alice", "alice@example.org", YEAR, true, false);
	bob = put(softtoken_ec(&st, 2, "bob", "P-256", KEY_SIGN | KEY_DERIVE), 2, "bob certificate",
	    "Bob@Example.org", YEAR, false, false);
	signer = put(softtoken_rsa(&st, 3, "signer", 2048, KEY_SIGN), 3, "signer",
	    "signer@example.org", YEAR, true, false);
	old = put(softtoken_rsa(&st, 4, "old", 2048, KEY_SIGN | KEY_DECRYPT), 4, "old",
	    "old@example.org", -60, true, false);
	X509_free(put(softtoken_ec(&st, 7, "tie", "P-256", KEY_SIGN), 7, "tie", "tie@example.org",
	    YEAR, true, false));
	X509_free(put(softtoken_ec(&st, 8, "tie", "P-256", KEY_SIGN), 8, "tie", "tie@example.org",
	    YEAR, true, false));
	key = softtoken_ec(&st, 5, "lonely", "P-384", KEY_SIGN | KEY_DERIVE);
	lonely = certify(key, "lonely", "lonely@example.org", YEAR);
	EVP_PKEY_free(key);
}

static int set_up(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	EVP_PKEY *key = EVP_EC_gen("P-256");

	(void)state;
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	softtoken_begin(&st);
	make_alpha();
	softtoken_add(&st, "Beta");
	carol = put(softtoken_rsa(&st, 1, "carol", 2048, KEY_SIGN | KEY_DECRYPT), 1, "carol",
	    "carol@example.org", YEAR, true, true);
	twin = put(softtoken_rsa(&st, 6, "twin", 2048, KEY_SIGN), 6, "twin", "twin@example.org",
	    YEAR, true, true);
	stranger = certify(key, "stranger", "stranger@example.org", YEAR);
	EVP_PKEY_free(key);
	softtoken_seal(&st);
	return engine_new(&e, &options, &err);
}

static int tear_down(void **state)
{
	X509 *all[] = { alice, bob, signer, old, carol, twin, stranger, lonely };

	(void)state;
	engine_free(e);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		X509_free(all[i]);
	softtoken_end(&st);
	return 0;
}

static void assert_is(const struct engine_found *found, X509 *cert, const char *label)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	assert_non_null(found->key);
	assert_int_equal(EVP_PKEY_eq(token_key_public(found->key), key), 1);
	assert_string_equal(found->token_label, label);
	assert_string_equal(found->uri, token_key_uri(found->key));
	assert_null(strstr(found->uri, "pin"));
}

static void finds(const char *uri, enum engine_purpose purpose, X509 *cert, const char *label,
    bool with_certificate)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_key(&found, e, uri, purpose, &err), 0);
	assert_is(&found, cert, label);
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

	assert_int_equal(engine_find_key(&found, e, uri, purpose, &err), status);
	assert_null(found.key);
	assert_null(found.certificate);
	assert_null(found.uri);
	assert_int_equal(err.code, status);
	if (strstr(err.message, message) == NULL || strstr(err.hint, hint) == NULL)
		fail_msg("\"%s\" / \"%s\"", err.message, err.hint);
}

static void a_uri_finds_by_id_label_and_type(void **state)
{
	(void)state;
	finds("pkcs11:token=Alpha;id=%01", ENGINE_SIGN, alice, "Alpha", true);
	finds("pkcs11:token=Alpha;id=%01", ENGINE_DECRYPT, alice, "Alpha", true);
	finds("pkcs11:token=Beta;id=%01", ENGINE_SIGN, carol, "Beta", true);
	finds("pkcs11:token=Alpha;object=bob", ENGINE_SIGN, bob, "Alpha", true);
	finds("pkcs11:token=Alpha;object=bob;type=private", ENGINE_DECRYPT, bob, "Alpha", true);
	finds("pkcs11:token=Alpha;id=%02;object=bob", ENGINE_SIGN, bob, "Alpha", true);
	finds("pkcs11:token=Alpha;id=%05", ENGINE_SIGN, lonely, "Alpha", false);
}

static void a_certificate_or_public_key_in_the_uri_leads_to_its_private_key(void **state)
{
	(void)state;
	finds("pkcs11:token=Alpha;object=bob%20certificate;type=cert", ENGINE_SIGN, bob, "Alpha",
	    true);
	finds("pkcs11:token=Alpha;object=bob%20certificate", ENGINE_SIGN, bob, "Alpha", true);
	finds("pkcs11:token=Alpha;object=lonely;type=public", ENGINE_SIGN, lonely, "Alpha", false);
}

static void the_purpose_decides_where_the_uri_leaves_it_open(void **state)
{
	(void)state;
	refuses("pkcs11:token=Alpha", ENGINE_SIGN, HSMIME_ENOKEY, "several keys fit",
	    "token=Alpha;id=%01");
	/* Which of the many are named is up to the token. */
	refuses(NULL, ENGINE_SIGN, HSMIME_ENOKEY, "many keys fit", "pkcs11:token=");
	finds("pkcs11:token=Beta", ENGINE_DECRYPT, carol, "Beta", true);
	refuses("pkcs11:token=Alpha;id=%03", ENGINE_DECRYPT, HSMIME_ENOKEY,
	    "may not be used to decrypt", "hsmime keys");
}

static void what_is_not_there_is_not_found(void **state)
{
	(void)state;
	refuses(
	    "pkcs11:token=Alpha;id=%09", ENGINE_SIGN, HSMIME_ENOKEY, "no private key fits", "keys");
	refuses("pkcs11:token=Gamma", ENGINE_SIGN, HSMIME_ENOKEY, "no token matches", "tokens");
	refuses("pkcs11:object=nobody", ENGINE_SIGN, HSMIME_ENOKEY, "no private key fits", "keys");
	refuses(
	    "pkcs11:token=Alpha;id=%01;serial=0000", ENGINE_SIGN, HSMIME_ENOKEY, "no token", "");
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
	finds("pkcs11:token=Alpha;id=%01?module-name=proxy", ENGINE_SIGN, alice, "Alpha", true);
	finds("pkcs11:token=Alpha;id=%01?module-path=" PROXY_MODULE, ENGINE_SIGN, alice, "Alpha",
	    true);
}

static void the_found_uri_finds_the_same_key_again(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:token=Alpha;object=signer", ENGINE_SIGN, &err), 0);
	finds(found.uri, ENGINE_SIGN, signer, "Alpha", true);
	engine_found_free(&found);
}

static void by_email(const char *email, enum engine_purpose purpose, X509 *cert, const char *label)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_by_email(&found, e, email, purpose, &err), 0);
	assert_is(&found, cert, label);
	assert_int_equal(X509_cmp(found.certificate, cert), 0);
	engine_found_free(&found);
}

static void no_email(const char *email, enum engine_purpose purpose, const char *message)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_by_email(&found, e, email, purpose, &err), HSMIME_ENOKEY);
	assert_null(found.key);
	if (strstr(err.message, message) == NULL)
		fail_msg("%s", err.message);
}

static void an_address_finds_the_valid_certificate_s_key(void **state)
{
	(void)state;
	by_email("alice@example.org", ENGINE_SIGN, alice, "Alpha");
	by_email("ALICE@example.ORG", ENGINE_DECRYPT, alice, "Alpha");
	by_email("bob@example.org", ENGINE_SIGN, bob, "Alpha");
	by_email("signer@example.org", ENGINE_SIGN, signer, "Alpha");
	by_email("twin@example.org", ENGINE_SIGN, twin, "Beta");
}

static void an_address_without_a_fit_certificate_finds_nothing(void **state)
{
	(void)state;
	no_email("old@example.org", ENGINE_SIGN, "not valid now");
	no_email("nobody@example.org", ENGINE_SIGN, "no certificate");
	no_email("lice@example.org", ENGINE_SIGN, "no certificate");
	no_email("signer@example.org", ENGINE_DECRYPT, "may not be used to decrypt");
}

static void by_certificate(X509 *cert, const char *label)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_by_certificate(&found, e, cert, ENGINE_SIGN, &err), 0);
	assert_is(&found, cert, label);
	engine_found_free(&found);
}

static void an_address_of_two_keys_is_a_tie_that_lists_them(void **state)
{
	(void)state;
	no_email("tie@example.org", ENGINE_SIGN, "several keys fit");
	assert_non_null(strstr(err.hint, "pkcs11:token=Alpha;id=%07"));
	assert_non_null(strstr(err.hint, "pkcs11:token=Alpha;id=%08"));
}

static void a_certificate_finds_its_key_on_the_token_or_not(void **state)
{
	struct engine_found found = { 0 };
	X509 *renewed = certify(X509_get0_pubkey(alice), "alice renewed", NULL, YEAR);

	(void)state;
	by_certificate(alice, "Alpha");
	by_certificate(bob, "Alpha");
	by_certificate(renewed, "Alpha");
	by_certificate(lonely, "Alpha");
	by_certificate(carol, "Beta");
	assert_int_equal(
	    engine_find_by_certificate(&found, e, stranger, ENGINE_SIGN, &err), HSMIME_ENOKEY);
	assert_null(found.key);
	X509_free(renewed);
}

static void name(
    struct engine_candidate *c, unsigned char **issuer, unsigned char **serial, X509 *cert)
{
	*issuer = *serial = NULL;
	memset(c, 0, sizeof(*c));
	c->issuer_len = (size_t)i2d_X509_NAME(X509_get_issuer_name(cert), issuer);
	c->serial_len = (size_t)i2d_ASN1_INTEGER(X509_get_serialNumber(cert), serial);
	c->issuer = *issuer;
	c->serial = *serial;
}

static int recipient(struct engine_found *found, const char *uri, X509 *first, X509 *second)
{
	struct engine_candidate c[2];
	unsigned char *memory[4];
	int r;

	name(&c[0], &memory[0], &memory[1], first);
	name(&c[1], &memory[2], &memory[3], second);
	r = engine_find_recipient(found, e, uri, c, 2, &err);
	for (size_t i = 0; i < 4; i++)
		OPENSSL_free(memory[i]);
	return r;
}

static void a_recipient_is_found_by_issuer_and_serial(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, stranger, alice), 0);
	assert_is(&found, alice, "Alpha");
	assert_int_equal(found.match, 1);
	engine_found_free(&found);
	assert_int_equal(recipient(&found, NULL, alice, bob), 0);
	assert_is(&found, alice, "Alpha");
	assert_int_equal(found.match, 0);
	engine_found_free(&found);
}

static void a_recipient_is_found_where_the_token_does_not_index_names(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, stranger, bob), 0);
	assert_is(&found, bob, "Alpha");
	engine_found_free(&found);
}

static void a_recipient_is_found_behind_a_login(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, stranger, carol), 0);
	assert_is(&found, carol, "Beta");
	engine_found_free(&found);
	assert_int_equal(recipient(&found, "pkcs11:token=Alpha", stranger, carol), HSMIME_ENOKEY);
	assert_null(found.key);
}

static void a_recipient_that_is_not_there_is_not_found(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, stranger, lonely), HSMIME_ENOKEY);
	assert_null(found.key);
	assert_non_null(strstr(err.message, "recipients"));
	assert_int_equal(recipient(&found, NULL, signer, stranger), HSMIME_ENOKEY);
	assert_non_null(strstr(err.message, "may not be used to decrypt"));
}

static void a_recipient_is_found_by_key_identifier(void **state)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(bob);
	struct engine_candidate c = { .key_id = ASN1_STRING_get0_data(id),
		.key_id_len = (size_t)ASN1_STRING_length(id) };
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(engine_find_recipient(&found, e, NULL, &c, 1, &err), 0);
	assert_is(&found, bob, "Alpha");
	engine_found_free(&found);
	c.key_id_len--;
	assert_int_equal(engine_find_recipient(&found, e, NULL, &c, 1, &err), HSMIME_ENOKEY);
}

static void lists_show_tokens_keys_and_certificates(void **state)
{
	hsmime_token *tokens = NULL;
	hsmime_key *keys = NULL;
	size_t count = 0, named = 0, i;

	(void)state;
	assert_int_equal(engine_tokens(&tokens, &count, e, &err), 0);
	for (i = 0; i < count; i++)
		named +=
		    strcmp(tokens[i].label, "Alpha") == 0 || strcmp(tokens[i].label, "Beta") == 0;
	assert_int_equal(named, 2);
	engine_tokens_free(tokens, count);
	assert_int_equal(engine_keys(&keys, &count, e, "pkcs11:token=Alpha", true, &err), 0);
	assert_int_equal(count, 7);
	for (i = 0; i < count && keys[i].id[0] != 1; i++)
		continue;
	assert_int_equal(keys[i].id_len, 1);
	assert_string_equal(keys[i].type, "RSA");
	assert_int_equal(keys[i].bits, 2048);
	assert_int_equal(keys[i].has_private_key, 1);
	assert_int_equal(keys[i].usage, HSMIME_KEY_SIGN | HSMIME_KEY_DECRYPT);
	assert_int_equal(X509_cmp(keys[i].certificate, alice), 0);
	assert_string_equal(keys[i].emails[0], "alice@example.org");
	assert_string_equal(keys[i].subject, "CN=alice");
	finds(keys[i].uri, ENGINE_SIGN, alice, "Alpha", true);
	engine_keys_free(keys, count);
}

static void certificates_are_listed_for_chains(void **state)
{
	STACK_OF(X509) *list = NULL;
	bool seen = false;

	(void)state;
	assert_int_equal(engine_certificates(&list, e, NULL, &err), 0);
	for (int i = 0; i < sk_X509_num(list); i++)
		seen |= X509_cmp(sk_X509_value(list, i), signer) == 0;
	assert_true(seen);
	assert_true(sk_X509_num(list) > 2);
	sk_X509_pop_free(list, X509_free);
}

static void certificates_are_found_by_their_subject_alone(void **state)
{
	STACK_OF(X509) *list = NULL;

	(void)state;
	assert_int_equal(engine_certificates(&list, e, X509_get_subject_name(signer), &err), 0);
	assert_int_equal(sk_X509_num(list), 1);
	assert_int_equal(X509_cmp(sk_X509_value(list, 0), signer), 0);
	sk_X509_pop_free(list, X509_free);
	assert_int_equal(engine_certificates(&list, e, X509_get_subject_name(st.ca), &err), 0);
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
	assert_int_equal(engine_new(&limited, &options, &err), 0);
	assert_int_equal(engine_find_key(&found, limited, NULL, ENGINE_DECRYPT, &err), 0);
	assert_is(&found, carol, "Beta");
	engine_found_free(&found);
	assert_int_equal(
	    engine_find_key(&found, limited, "pkcs11:token=Alpha;id=%01", ENGINE_SIGN, &err),
	    HSMIME_ENOKEY);
	assert_int_equal(
	    engine_find_by_email(&found, limited, "alice@example.org", ENGINE_SIGN, &err),
	    HSMIME_ENOKEY);
	engine_free(limited);
}

/* Fresh: no module is open, nobody is logged in. */
static void public_searches_log_in_to_nothing_and_signing_is_cheap(void **state)
{
	const struct proxy *proxy = softtoken_proxy();
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	struct engine_found found = { 0 };
	unsigned char digest[32] = { 7 }, sig[512];
	size_t len = sizeof(sig);
	struct token_sign q = {
		.scheme = TOKEN_SIGN_RSA_PKCS1, .digest = "SHA256", .data = digest, .len = 32
	};

	(void)state;
	engine_free(e);
	proxy->reset();
	assert_int_equal(engine_new(&e, &options, &err), 0);
	assert_int_equal(recipient(&found, "pkcs11:token=Alpha", stranger, lonely), HSMIME_ENOKEY);
	assert_int_equal(proxy->count("C_Login"), 0);
	engine_free(e);
	proxy->reset();
	assert_int_equal(engine_new(&e, &options, &err), 0);
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:token=Alpha;id=%03", ENGINE_SIGN, &err), 0);
	assert_non_null(found.certificate);
	assert_int_equal(token_key_sign(found.key, sig, &len, &q, &err), 0);
	assert_int_equal(proxy->count("C_Login"), 1);
	assert_int_equal(proxy->count("C_OpenSession"), 1);
	/* One slot more than usual: there are two tokens. */
	assert_in_range(proxy->round_trips(), 1, 20);
	proxy->reset();
	len = sizeof(sig);
	assert_int_equal(token_key_sign(found.key, sig, &len, &q, &err), 0);
	assert_int_equal(proxy->round_trips(), 2);
	engine_found_free(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_finds_by_id_label_and_type),
		cmocka_unit_test(a_certificate_or_public_key_in_the_uri_leads_to_its_private_key),
		cmocka_unit_test(the_purpose_decides_where_the_uri_leaves_it_open),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(dangerous_and_malformed_uris_are_refused),
		cmocka_unit_test(the_configured_module_may_be_named),
		cmocka_unit_test(the_found_uri_finds_the_same_key_again),
		cmocka_unit_test(an_address_finds_the_valid_certificate_s_key),
		cmocka_unit_test(an_address_without_a_fit_certificate_finds_nothing),
		cmocka_unit_test(an_address_of_two_keys_is_a_tie_that_lists_them),
		cmocka_unit_test(a_certificate_finds_its_key_on_the_token_or_not),
		cmocka_unit_test(a_recipient_is_found_by_issuer_and_serial),
		cmocka_unit_test(a_recipient_is_found_where_the_token_does_not_index_names),
		cmocka_unit_test(a_recipient_is_found_behind_a_login),
		cmocka_unit_test(a_recipient_that_is_not_there_is_not_found),
		cmocka_unit_test(a_recipient_is_found_by_key_identifier),
		cmocka_unit_test(lists_show_tokens_keys_and_certificates),
		cmocka_unit_test(certificates_are_listed_for_chains),
		cmocka_unit_test(certificates_are_found_by_their_subject_alone),
		cmocka_unit_test(a_token_label_limits_every_search),
		cmocka_unit_test(public_searches_log_in_to_nothing_and_signing_is_cheap),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
