/*
 * Keys by what their certificates say. Token "Work": 01 EC "before" and 02 EC "now", of one person, the
 * first one's certificate expired; 03 EC "later", not valid yet; 04 EC "agrees", whose certificate is not
 * for signing; 05, 06 and 07 EC "tie" of one address, the last one expired; 08 EC "twice" with three
 * certificates, one of them not valid yet; a certificate without key, and one of the same with the ID 02. Token "Many": 01 to 08 of one address. Token "Spare": 01 and 02, one of them without a certificate.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/name.h"

#include "token_rig.h"

#define YEAR 31536000L

static struct engine *e;
static X509 *before, *now, *first, *second, *later, *spare;
static EVP_PKEY *twice;

static X509 *put(EVP_PKEY *key, unsigned char id, const char *name, const char *email,
    const char *usage, long from, long to)
{
	struct softtoken_cert c = { name, email, usage, from, to };
	X509 *cert = softtoken_issue(&token_rig.st, key, &c);

	softtoken_store(&token_rig.st, cert, id, name, true, false);
	return cert;
}

static X509 *make(
    unsigned char id, const char *name, const char *email, const char *usage, long from, long to)
{
	EVP_PKEY *key = softtoken_ec(&token_rig.st, id, name, "P-256", KEY_SIGN | KEY_DERIVE);
	X509 *cert = put(key, id, name, email, usage, from, to);

	EVP_PKEY_free(key);
	return cert;
}

static void make_keys(void)
{
	const char *both = "digitalSignature,keyAgreement";

	before = make(1, "alice", "alice@example.org", both, -2 * YEAR, -60);
	now = make(2, "alice", "alice@example.org", both, -60, YEAR);
	X509_free(make(3, "later", "later@example.org", both, YEAR, 2 * YEAR));
	X509_free(make(4, "agrees", "agrees@example.org", "keyAgreement", -60, YEAR));
	X509_free(make(5, "tie", "tie@example.org", both, -60, YEAR));
	X509_free(make(6, "tie", "tie@example.org", both, -60, YEAR));
	X509_free(make(7, "tie", "tie@example.org", both, -2 * YEAR, -60));
	twice = softtoken_ec(&token_rig.st, 8, "twice", "P-256", KEY_SIGN | KEY_DERIVE);
	first = put(twice, 8, "twice", "twice@example.org", both, -120, YEAR);
	second = put(twice, 8, "twice again", "twice@example.org", both, -60, YEAR);
	later = put(twice, 8, "twice later", "twice@example.org", both, YEAR, 2 * YEAR);
}

static int set_up(void **state)
{
	EVP_PKEY *stranger = EVP_EC_gen("P-256");

	(void)state;
	softtoken_begin(&token_rig.st);
	softtoken_add(&token_rig.st, "Work");
	make_keys();
	X509_free(put(stranger, 0x20, "lost", "lost@example.org", NULL, -60, YEAR));
	X509_free(put(stranger, 2, "strange", "strange@example.org", NULL, -60, YEAR));
	EVP_PKEY_free(stranger);
	softtoken_add(&token_rig.st, "Many");
	for (unsigned char id = 1; id <= 8; id++)
		X509_free(make(id, "one of very many", "many@example.org", NULL, -60, YEAR));
	softtoken_add(&token_rig.st, "Spare");
	EVP_PKEY_free(softtoken_ec(&token_rig.st, 1, "bare", "P-256", KEY_SIGN));
	spare = make(2, "spare", NULL, NULL, -60, YEAR);
	softtoken_seal(&token_rig.st);
	token_rig.proxy = softtoken_proxy();
	e = operate_engine();
	return 0;
}

static int tear_down(void **state)
{
	X509 *all[] = { before, now, first, second, later, spare };

	engine_free(e);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		X509_free(all[i]);
	EVP_PKEY_free(twice);
	return token_rig_tear_down(state);
}

static void finds_as(const char *key, enum engine_purpose purpose, X509 *cert, bool named)
{
	struct engine_found found = { 0 };

	if (engine_find_key(&found, e, key, purpose, &token_rig.err) != 0)
		fail_msg("%s: %s", key, token_rig.err.message);
	assert_non_null(found.certificate);
	assert_int_equal(X509_cmp(found.certificate, cert), 0);
	assert_int_equal(EVP_PKEY_eq(token_key_public(found.key), X509_get0_pubkey(cert)), 1);
	assert_int_equal(found.named, named);
	engine_found_free(&found);
}

static void finds(const char *key, enum engine_purpose purpose, X509 *cert)
{
	finds_as(key, purpose, cert, false);
}

static void refuses(
    const char *key, enum engine_purpose purpose, const char *message, const char *hint)
{
	struct engine_found found = { 0 };

	assert_int_equal(engine_find_key(&found, e, key, purpose, &token_rig.err), HSMIME_ENOKEY);
	assert_null(found.key);
	if (strstr(token_rig.err.message, message) == NULL ||
	    strstr(token_rig.err.hint, hint) == NULL)
		fail_msg("\"%s\" / \"%s\"", token_rig.err.message, token_rig.err.hint);
}

static void by_serial(X509 *cert, enum engine_purpose purpose)
{
	char *serial = serial_text(X509_get0_serialNumber(cert)), text[100];

	assert_non_null(serial);
	snprintf(text, sizeof(text), "serial=0x00%s", serial);
	finds(text, purpose, cert);
	free(serial);
}

static void each_way_finds_the_key_with_the_valid_certificate(void **state)
{
	(void)state;
	finds("alice@example.org", ENGINE_SIGN, now);
	finds("alice@example.org", ENGINE_DECRYPT, now);
	finds("subject=alice", ENGINE_SIGN, now);
	finds("subject=CN=Alice", ENGINE_DECRYPT, now);
	finds("subject=cn=twice again", ENGINE_SIGN, second);
	by_serial(now, ENGINE_SIGN);
	finds("pkcs11:token=Work;object=alice", ENGINE_SIGN, now);
	finds("pkcs11:token=Work;object=alice", ENGINE_DECRYPT, now);
	finds("pkcs11:token=Spare", ENGINE_SIGN, spare);
}

static void the_certificate_that_was_named_is_the_one_of_several(void **state)
{
	(void)state;
	by_serial(first, ENGINE_SIGN);
	by_serial(second, ENGINE_SIGN);
	finds("twice@example.org", ENGINE_SIGN, second);
	finds("pkcs11:token=Work;id=%08", ENGINE_SIGN, second);
}

/* Where the URI fits several of a key it names the key alone. What is named is not made up for. */
static void a_uri_may_name_one_of_several_certificates(void **state)
{
	(void)state;
	finds_as("pkcs11:token=Work;object=twice;type=cert", ENGINE_SIGN, first, true);
	finds_as("pkcs11:token=Work;id=%08;object=twice;type=cert", ENGINE_DECRYPT, first, true);
	finds_as("pkcs11:token=Work;object=twice%20again", ENGINE_SIGN, second, true);
	finds_as("pkcs11:object=twice%20later;type=cert", ENGINE_SIGN, later, true);
	finds_as("pkcs11:token=Work;id=%08;type=cert", ENGINE_SIGN, second, false);
	finds_as("pkcs11:token=Work;object=twice", ENGINE_SIGN, second, false);
	refuses("pkcs11:object=lost;type=cert", ENGINE_SIGN, "no private key fits", "hsmime keys");
	/* Of the key with its ID, which is another one, it says nothing. */
	refuses("pkcs11:object=strange;type=cert", ENGINE_SIGN, "no private key fits", "keys");
}

static void an_expired_certificate_s_key_decrypts_and_does_not_sign(void **state)
{
	char *serial = serial_text(X509_get0_serialNumber(before)), text[100];

	(void)state;
	by_serial(before, ENGINE_DECRYPT);
	snprintf(text, sizeof(text), "serial=%s", serial);
	refuses(text, ENGINE_SIGN, " expired on 20", "hsmime keys");
	free(serial);
	/* Where a URI names one key its certificate may be in a file. */
	finds("pkcs11:token=Work;id=%01", ENGINE_SIGN, before);
	finds("pkcs11:token=Work;id=%01", ENGINE_DECRYPT, before);
}

static void a_certificate_that_is_no_use_is_told_why(void **state)
{
	(void)state;
	refuses("later@example.org", ENGINE_SIGN,
	    "later@example.org on the token is not valid before 20", "-k");
	refuses("subject=agrees", ENGINE_SIGN,
	    "subject=agrees on the token is not one to sign mail with", "-k");
	refuses("lost@example.org", ENGINE_SIGN,
	    "private key for lost@example.org is not on its token", "-k");
	refuses("nobody@example.org", ENGINE_SIGN,
	    "no certificate on the tokens names nobody@example.org", "-k");
	refuses("serial=7F7F7F7F", ENGINE_DECRYPT,
	    "no certificate on the tokens names serial=7F7F7F7F", "-k");
}

static void ties_list_what_may_be_meant_and_nothing_else(void **state)
{
	const char *hint = token_rig.err.hint;

	(void)state;
	refuses("tie@example.org", ENGINE_SIGN, "several keys fit",
	    "pkcs11:token=Work;id=%05 (EC, \"tie\", CN=tie, valid 20");
	assert_non_null(strstr(hint, "pkcs11:token=Work;id=%06 (EC, \"tie\""));
	assert_null(strstr(hint, "id=%07"));
	refuses("subject=CN=tie", ENGINE_SIGN, "several keys fit", "id=%06");
	refuses("pkcs11:token=Work;object=tie", ENGINE_SIGN, "several keys fit", "id=%05");
	assert_null(strstr(hint, "id=%07"));
	/* Of the expired one there may be mail, but the others go before it. */
	refuses("tie@example.org", ENGINE_DECRYPT, "several keys fit", "id=%05");
	assert_null(strstr(hint, "id=%07"));
}

static void a_list_that_is_too_long_says_where_the_rest_is(void **state)
{
	(void)state;
	refuses("many@example.org", ENGINE_SIGN, "several keys fit", "very many");
	assert_non_null(strstr(token_rig.err.hint, "'hsmime keys' lists all"));
}

static void candidate(X509 *cert, struct engine_candidate *c)
{
	unsigned char *issuer = NULL, *serial = NULL;

	c->issuer_len = (size_t)i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	c->serial_len = (size_t)i2d_ASN1_INTEGER(X509_get_serialNumber(cert), &serial);
	c->issuer = issuer;
	c->serial = serial;
}

static void recipient(const char *key, X509 *cert, int expected)
{
	struct engine_candidate c = { 0 };
	struct engine_found found = { 0 };

	candidate(cert, &c);
	assert_int_equal(engine_find_recipient(&found, e, key, &c, 1, &token_rig.err), expected);
	if (expected == 0)
		assert_int_equal(X509_cmp(found.certificate, cert), 0);
	engine_found_free(&found);
	OPENSSL_free((void *)c.issuer);
	OPENSSL_free((void *)c.serial);
}

static void the_message_s_recipient_has_to_be_what_was_named(void **state)
{
	(void)state;
	recipient("alice@example.org", before, 0);
	recipient("alice@example.org", now, 0);
	recipient("subject=CN=alice", before, 0);
	recipient("pkcs11:token=Work", before, 0);
	recipient("pkcs11:token=Work;id=%01", before, 0);
	recipient("pkcs11:object=alice", before, 0);
	recipient("tie@example.org", before, HSMIME_ENOKEY);
	recipient("pkcs11:token=Work;id=%02", before, HSMIME_ENOKEY);
	recipient("pkcs11:object=tie", before, HSMIME_ENOKEY);
	recipient("pkcs11:token=Spare", before, HSMIME_ENOKEY);
	recipient("alice", before, HSMIME_EUSAGE);
}

static void lists(const char *key, size_t expected)
{
	hsmime_key *keys = NULL;
	size_t count = 0;

	assert_int_equal(engine_keys(&keys, &count, e, key, true, &token_rig.err), 0);
	assert_int_equal(count, expected);
	for (size_t i = 0; i < count; i++)
		assert_non_null(keys[i].certificate);
	engine_keys_free(keys, count);
}

static void keys_are_listed_by_the_same_names(void **state)
{
	hsmime_key *keys = NULL;
	size_t count = 0;

	(void)state;
	lists("alice@example.org", 2);
	lists("subject=twice", 1);
	lists("tie@example.org", 3);
	lists("nobody@example.org", 0);
	assert_int_equal(
	    engine_keys(&keys, &count, e, "serial=", true, &token_rig.err), HSMIME_EUSAGE);
	assert_null(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way_finds_the_key_with_the_valid_certificate),
		cmocka_unit_test(the_certificate_that_was_named_is_the_one_of_several),
		cmocka_unit_test(a_uri_may_name_one_of_several_certificates),
		cmocka_unit_test(an_expired_certificate_s_key_decrypts_and_does_not_sign),
		cmocka_unit_test(a_certificate_that_is_no_use_is_told_why),
		cmocka_unit_test(ties_list_what_may_be_meant_and_nothing_else),
		cmocka_unit_test(a_list_that_is_too_long_says_where_the_rest_is),
		cmocka_unit_test(the_message_s_recipient_has_to_be_what_was_named),
		cmocka_unit_test(keys_are_listed_by_the_same_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
