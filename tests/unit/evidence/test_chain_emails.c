/* The e-mail addresses of a certificate: RFC 8550 section 3, RFC 9598. */
#include "pki.h"

#include "evidence/chain.h"

static GENERAL_NAME *rfc822_name(const char *text, int len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *value = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(value, text, len), 1);
	GENERAL_NAME_set0_value(name, GEN_EMAIL, value);
	return name;
}

static GENERAL_NAME *other_name(int nid, int type, const char *text, int len)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_STRING *string = ASN1_STRING_type_new(type);

	assert_int_equal(ASN1_STRING_set(string, text, len), 1);
	ASN1_TYPE_set(value, type, string);
	assert_int_equal(GENERAL_NAME_set0_othername(name, OBJ_nid2obj(nid), value), 1);
	return name;
}

/* A certificate with those names, and that emailAddress in its subject unless it is NULL. */
static X509 *certificate(GENERAL_NAMES *names, int subject_type, const char *subject)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	if (subject != NULL)
		assert_int_equal(
		    X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_pkcs9_emailAddress,
			subject_type, (const unsigned char *)subject, -1, -1, 0),
		    1);
	if (sk_GENERAL_NAME_num(names) > 0)
		assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0), 1);
	GENERAL_NAMES_free(names);
	return cert;
}

static void assert_emails(X509 *cert, const char *const *expected, size_t count)
{
	char **emails = chain_emails(cert);

	assert_non_null(emails);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(emails[i]);
		assert_string_equal(emails[i], expected[i]);
	}
	assert_null(emails[count]);
	chain_emails_free(emails);
	X509_free(cert);
}

static void a_certificate_may_have_none(void **state)
{
	(void)state;
	assert_emails(certificate(GENERAL_NAMES_new(), 0, NULL), NULL, 0);
	chain_emails_free(NULL);
}

static void names_and_subject_are_both_looked_at(void **state)
{
	static const char *const expected[] = { "s@x.example", "a@x.example", "b@x.example" };
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	X509 *cert;
	char **emails;

	(void)state;
	sk_GENERAL_NAME_push(names, rfc822_name("a@x.example", -1));
	sk_GENERAL_NAME_push(names, rfc822_name("b@x.example", -1));
	cert = certificate(names, V_ASN1_IA5STRING, "s@x.example");
	emails = chain_emails(cert);
	assert_non_null(emails);
	for (size_t e = 0; e < 3; e++) {
		bool found = false;

		for (size_t i = 0; emails[i] != NULL; i++)
			found = found || strcmp(emails[i], expected[e]) == 0;
		assert_true(found);
	}
	assert_null(emails[3]);
	chain_emails_free(emails);
	X509_free(cert);
}

static void an_address_is_given_once(void **state)
{
	static const char *const expected[] = { "a@x.example" };
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	(void)state;
	sk_GENERAL_NAME_push(names, rfc822_name("a@x.example", -1));
	assert_emails(certificate(names, V_ASN1_IA5STRING, "a@x.example"), expected, 1);
}

static void an_internationalised_mailbox_is_one(void **state)
{
	static const char *const expected[] = { "j\xc3\xb6rg@x.example" };
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	(void)state;
	sk_GENERAL_NAME_push(
	    names, other_name(NID_id_on_SmtpUTF8Mailbox, V_ASN1_UTF8STRING, expected[0], -1));
	assert_emails(certificate(names, 0, NULL), expected, 1);
}

static void other_names_are_no_addresses(void **state)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *dns = GENERAL_NAME_new();
	ASN1_IA5STRING *host = ASN1_IA5STRING_new();

	(void)state;
	ASN1_STRING_set(host, "a@x.example", -1);
	GENERAL_NAME_set0_value(dns, GEN_DNS, host);
	sk_GENERAL_NAME_push(names, dns);
	sk_GENERAL_NAME_push(names, other_name(NID_ms_upn, V_ASN1_UTF8STRING, "upn@x.example", -1));
	sk_GENERAL_NAME_push(names,
	    other_name(NID_id_on_SmtpUTF8Mailbox, V_ASN1_OCTET_STRING, "octets@x.example", -1));
	sk_GENERAL_NAME_push(
	    names, other_name(NID_id_on_SmtpUTF8Mailbox, V_ASN1_UTF8STRING, "", 0));
	assert_emails(certificate(names, V_ASN1_UTF8STRING, "utf8@x.example"), NULL, 0);
}

/* "ceo@victim.example\0.evil.example" must not be read up to the NUL. */
static void an_address_with_a_nul_is_left_out(void **state)
{
	static const char bad[] = "ceo@victim.example\0.evil.example";
	static const char *const expected[] = { "a@x.example" };
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	(void)state;
	sk_GENERAL_NAME_push(names, rfc822_name(bad, sizeof(bad) - 1));
	sk_GENERAL_NAME_push(
	    names, other_name(NID_id_on_SmtpUTF8Mailbox, V_ASN1_UTF8STRING, bad, sizeof(bad) - 1));
	sk_GENERAL_NAME_push(names, rfc822_name("a@x.example", -1));
	assert_emails(certificate(names, 0, NULL), expected, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_may_have_none),
		cmocka_unit_test(names_and_subject_are_both_looked_at),
		cmocka_unit_test(an_address_is_given_once),
		cmocka_unit_test(an_internationalised_mailbox_is_one),
		cmocka_unit_test(other_names_are_no_addresses),
		cmocka_unit_test(an_address_with_a_nul_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
