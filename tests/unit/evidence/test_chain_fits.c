/* The checks that need no anchor. */
#include "pki.h"

#include <hsmime/result.h>

#include "evidence/chain.h"

static char problem[CHAIN_PROBLEM_SIZE];

static int fits(const struct plan *plan, enum chain_use use, int64_t at, bool mail)
{
	struct plan named = *plan;
	struct identity one;
	int status;

	named.name = "One";
	identity_make(&one, &named);
	status = chain_fits(problem, one.cert, use, at, mail);
	assert_int_equal(status == 0, problem[0] == '\0');
	identity_free(&one);
	return status;
}

static void assert_refused(int status, const char *words)
{
	assert_int_equal(status, HSMIME_EINVALID);
	if (strstr(problem, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, problem);
}

static void it_holds_within_its_time_alone(void **state)
{
	static const struct plan plan = { 0 };

	(void)state;
	assert_int_equal(fits(&plan, CHAIN_SIGN, PKI_NOW, true), 0);
	assert_int_equal(fits(&plan, CHAIN_SIGN, PKI_NOW - PKI_HOUR, true), 0);
	assert_refused(fits(&plan, CHAIN_SIGN, PKI_NOW - PKI_HOUR - 1, true), "not valid yet");
	assert_refused(fits(&plan, CHAIN_SIGN, PKI_NOW + PKI_HOUR + 1, true), "expired");
	assert_refused(fits(&plan, CHAIN_SIGN, HSMIME_NO_TIME, true), "expired");
}

static void a_malformed_time_is_no_time(void **state)
{
	static const char *const times[] = { "\x18\x0f"
					     "9999",
		"20231314151617Z" };
	struct identity one;

	(void)state;
	for (int which = 0; which < 2; which++) {
		static const struct plan plan = { .name = "One" };
		ASN1_TIME *time;

		identity_make(&one, &plan);
		time = which == 0 ? X509_getm_notBefore(one.cert) : X509_getm_notAfter(one.cert);
		assert_int_equal(ASN1_STRING_set(time, times[which], -1), 1);
		assert_refused(
		    chain_fits(problem, one.cert, CHAIN_SIGN, PKI_NOW, true), "malformed");
		identity_free(&one);
	}
}

static void key_usage_is_by_use_and_kind_of_key(void **state)
{
	static const struct {
		const char *key_type, *usage;
		int sign, encrypt;
	} cases[] = {
		{ "EC", "digitalSignature", 0, HSMIME_EINVALID },
		{ "EC", "nonRepudiation", 0, HSMIME_EINVALID },
		{ "EC", "keyAgreement", HSMIME_EINVALID, 0 },
		{ "EC", "keyEncipherment", HSMIME_EINVALID, HSMIME_EINVALID },
		{ "RSA", "keyEncipherment", HSMIME_EINVALID, 0 },
		{ "RSA", "keyAgreement,digitalSignature", 0, HSMIME_EINVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan plan = { .key_type = cases[i].key_type,
			.extensions = { { NID_key_usage, cases[i].usage } } };

		assert_int_equal(fits(&plan, CHAIN_SIGN, PKI_NOW, true), cases[i].sign);
		assert_int_equal(fits(&plan, CHAIN_ENCRYPT, PKI_NOW, true), cases[i].encrypt);
	}
}

static void extended_key_usage_counts_for_mail_alone(void **state)
{
	struct plan plan = { .extensions = { { NID_ext_key_usage, "serverAuth" } } };

	(void)state;
	assert_refused(fits(&plan, CHAIN_SIGN, PKI_NOW, true), "e-mail");
	assert_int_equal(fits(&plan, CHAIN_SIGN, PKI_NOW, false), 0);
	plan.extensions[0].value = "emailProtection";
	assert_int_equal(fits(&plan, CHAIN_ENCRYPT, PKI_NOW, true), 0);
	plan.extensions[0].value = "anyExtendedKeyUsage";
	assert_int_equal(fits(&plan, CHAIN_ENCRYPT, PKI_NOW, true), 0);
}

static void a_malformed_extension_is_refused(void **state)
{
	static const struct plan plan = { .extensions = { { NID_key_usage, "DER:30:03" } } };

	(void)state;
	assert_refused(fits(&plan, CHAIN_SIGN, PKI_NOW, true), "malformed extension");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_within_its_time_alone),
		cmocka_unit_test(a_malformed_time_is_no_time),
		cmocka_unit_test(key_usage_is_by_use_and_kind_of_key),
		cmocka_unit_test(extended_key_usage_counts_for_mail_alone),
		cmocka_unit_test(a_malformed_extension_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
