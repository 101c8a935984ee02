#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "engine/selector.h"

static X509 *cert;
static struct error err;

static void add(X509_NAME *name, const char *type, const char *value)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(
			     name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0),
	    1);
}

static int make_certificate(void **state)
{
	X509_NAME *name;
	BIGNUM *serial = NULL;

	(void)state;
	cert = X509_new();
	name = X509_get_subject_name(cert);
	add(name, "C", "DE");
	add(name, "O", "Müller, Söhne + Co");
	add(name, "OU", "Legal");
	add(name, "OU", "Contracts");
	add(name, "CN", "Alice Example");
	add(name, "emailAddress", "Alice@Example.org");
	assert_int_equal(BN_hex2bn(&serial, "0A11FF"), 6);
	assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)));
	BN_free(serial);
	return 0;
}

static int drop_certificate(void **state)
{
	(void)state;
	X509_free(cert);
	return 0;
}

static enum selector_grade grade(const char *text)
{
	struct selector s;
	enum selector_grade g;

	assert_int_equal(selector_parse(&s, text, &err), 0);
	g = selector_grade(&s, cert);
	selector_free(&s);
	return g;
}

static void malformed(const char *text, const char *message, const char *hint)
{
	struct selector s;

	error_clear(&err);
	if (selector_parse(&s, text, &err) != HSMIME_EUSAGE)
		fail_msg("\"%s\" is taken", text);
	assert_non_null(strstr(err.message, message));
	assert_non_null(strstr(err.hint, hint));
	selector_free(&s);
}

static void uris_are_left_to_those_who_know_them(void **state)
{
	static const char *const texts[] = { NULL, "pkcs11:", "PKCS11:token=a@b",
		"pkcs11:x=serial=1" };
	struct selector s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(selector_parse(&s, texts[i], &err), 0);
		assert_int_equal(s.kind, SELECTOR_URI);
		assert_int_equal(selector_grade(&s, cert), SELECTOR_OTHER);
		selector_free(&s);
	}
}

static void an_address_is_compared_without_case(void **state)
{
	(void)state;
	assert_int_equal(grade("alice@example.ORG"), SELECTOR_WHOLE);
	assert_int_equal(grade("lice@example.org"), SELECTOR_OTHER);
	assert_int_equal(grade("alice@example.org.evil"), SELECTOR_OTHER);
}

static void a_serial_number_may_be_written_in_several_ways(void **state)
{
	static const char *const same[] = { "serial=0A11FF", "serial=a11ff", "serial=0x0a11FF",
		"SERIAL=0A:11:FF", "serial=00 00 0a 11 ff" };

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(grade(same[i]), SELECTOR_WHOLE);
	assert_int_equal(grade("serial=0A11F"), SELECTOR_OTHER);
	assert_int_equal(grade("serial=0A11FF00"), SELECTOR_OTHER);
}

static void a_subject_is_its_common_name_or_all_of_it(void **state)
{
	(void)state;
	assert_int_equal(grade("subject=alice EXAMPLE"), SELECTOR_WHOLE);
	assert_int_equal(grade("subject=Alice"), SELECTOR_OTHER);
	assert_int_equal(grade("subject=Legal"), SELECTOR_OTHER);
	assert_int_equal(grade("subject=emailAddress=alice@example.org,CN=Alice Example,"
			       "OU=Contracts,OU=Legal,O=Müller\\, Söhne \\+ Co,C=DE"),
	    SELECTOR_WHOLE);
}

static void a_subject_may_be_named_in_part(void **state)
{
	(void)state;
	assert_int_equal(grade("subject=CN=Alice Example"), SELECTOR_PART);
	assert_int_equal(grade("subject=C=de, CN = alice example"), SELECTOR_PART);
	assert_int_equal(grade("subject=O=M\\C3\\BCller\\2C Söhne \\+ Co"), SELECTOR_PART);
	assert_int_equal(grade("subject=2.5.4.3=Alice Example"), SELECTOR_PART);
	assert_int_equal(grade("subject=E=alice@example.org"), SELECTOR_PART);
	assert_int_equal(grade("subject=OU=Contracts+OU=Legal"), SELECTOR_PART);
	assert_int_equal(grade("subject=CN=Alice"), SELECTOR_OTHER);
	assert_int_equal(grade("subject=CN=Alice Example,O=Other"), SELECTOR_OTHER);
	assert_int_equal(grade("subject=OU=Legal,OU=Legal"), SELECTOR_OTHER);
	assert_int_equal(grade("subject=O=Alice Example"), SELECTOR_OTHER);
}

static void what_is_malformed_is_told_of_what_is_not(void **state)
{
	char longest[200] = "serial=";

	(void)state;
	malformed("", "malformed", "RFC 7512");
	malformed("alice", "malformed", "alice@example.org");
	malformed("@example.org", "malformed", "subject=");
	malformed("alice@", "malformed", "serial=");
	malformed("Alice <alice@example.org>", "malformed", "alice@example.org");
	malformed("http://example.test/", "malformed", "pkcs11:");
	malformed("serial=", "not hexadecimal", "serial=4F");
	malformed("serial=0x", "not hexadecimal", "serial=4F");
	malformed("serial=12G4", "not hexadecimal", "hsmime keys");
	malformed("serial=-12", "not hexadecimal", "hsmime keys");
	malformed("subject=", "malformed subject", "CN=");
	malformed("subject= ", "malformed subject", "CN=");
	malformed("subject=CN=", "malformed subject", "CN=");
	malformed("subject=CN=Alice,", "malformed subject", "CN=");
	malformed("subject=Colour=red", "malformed subject", "CN=");
	malformed("subject=CN=Alice,Example", "malformed subject", "backslash");
	malformed("subject=CN=Alice\\", "malformed subject", "backslash");
	malformed("subject=CN=Al\\00ice", "malformed subject", "backslash");
	memset(longest + 7, '1', 150);
	malformed(longest, "not hexadecimal", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_are_left_to_those_who_know_them),
		cmocka_unit_test(an_address_is_compared_without_case),
		cmocka_unit_test(a_serial_number_may_be_written_in_several_ways),
		cmocka_unit_test(a_subject_is_its_common_name_or_all_of_it),
		cmocka_unit_test(a_subject_may_be_named_in_part),
		cmocka_unit_test(what_is_malformed_is_told_of_what_is_not),
	};

	return cmocka_run_group_tests(tests, make_certificate, drop_certificate);
}
