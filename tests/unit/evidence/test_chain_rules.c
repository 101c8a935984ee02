/* What the certificates of a chain must say of themselves: RFC 5280, RFC 8550. */
#include "pki.h"

#include <openssl/err.h>

#include <hsmime/result.h>

#include "evidence/chain.h"

static struct identity root, rsa_root;
static char problem[CHAIN_PROBLEM_SIZE];

#define EMAIL                                                                                      \
	{                                                                                          \
		NID_ext_key_usage, "emailProtection"                                               \
	}
#define USAGE(text)                                                                                \
	{                                                                                          \
		NID_key_usage, text                                                                \
	}

static int make_roots(void **state)
{
	static const struct plan plan = { .name = "Root", .extensions = { PKI_CA } };
	static const struct plan rsa = {
		.name = "RSA Root", .key_type = "RSA", .digest = "MD5", .extensions = { PKI_CA }
	};

	(void)state;
	identity_make(&root, &plan);
	identity_make(&rsa_root, &rsa);
	return 0;
}

static int free_roots(void **state)
{
	(void)state;
	identity_free(&root);
	identity_free(&rsa_root);
	return 0;
}

/* The verdict on cert under anchor, with what may stand between. */
static int judge(const struct identity *cert, const struct identity *anchor,
    const struct identity *between, enum chain_use use, bool any_purpose)
{
	struct chain_check check = {
		.anchors = sk_X509_new_null(),
		.untrusted = sk_X509_new_null(),
		.use = use,
		.at = PKI_NOW,
		.any_purpose = any_purpose,
	};
	int status;

	sk_X509_push(check.anchors, anchor->cert);
	if (between != NULL)
		sk_X509_push(check.untrusted, between->cert);
	status = chain_verify(problem, cert->cert, &check, NULL);
	sk_X509_free(check.anchors);
	sk_X509_free(check.untrusted);
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(status == 0, problem[0] == '\0');
	return status;
}

/* The verdict on a certificate of that plan, right below the root. */
static int judge_leaf(const struct plan *plan, enum chain_use use, bool any_purpose)
{
	struct plan below = *plan;
	struct identity leaf;
	int status;

	below.name = "Leaf";
	below.issuer = below.issuer != NULL ? below.issuer : &root;
	identity_make(&leaf, &below);
	status = judge(&leaf, below.issuer, NULL, use, any_purpose);
	identity_free(&leaf);
	return status;
}

/* The verdict on an ordinary signer below a CA of that plan, below the root. */
static int judge_ca(const struct plan *plan)
{
	struct plan middle = *plan, leaf_plan = { .name = "Leaf" };
	struct identity ca, leaf;
	int status;

	middle.name = "CA";
	middle.issuer = middle.issuer != NULL ? middle.issuer : &root;
	identity_make(&ca, &middle);
	leaf_plan.issuer = &ca;
	identity_make(&leaf, &leaf_plan);
	status = judge(&leaf, middle.issuer, &ca, CHAIN_SIGN, false);
	identity_free(&ca);
	identity_free(&leaf);
	return status;
}

static void assert_refused(int status, const char *words)
{
	assert_int_equal(status, HSMIME_EINVALID);
	if (strstr(problem, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, problem);
}

#define PLAN(...) (&(struct plan){ .extensions = { __VA_ARGS__ } })

static void a_signer_s_key_usage_has_to_allow_signatures(void **state)
{
	(void)state;
	assert_int_equal(judge_leaf(PLAN(USAGE("digitalSignature")), CHAIN_SIGN, false), 0);
	assert_int_equal(judge_leaf(PLAN(USAGE("critical,nonRepudiation")), CHAIN_SIGN, false), 0);
	assert_refused(judge_leaf(PLAN(USAGE("keyEncipherment")), CHAIN_SIGN, false), "purpose");
	assert_refused(judge_leaf(PLAN(USAGE("keyAgreement")), CHAIN_SIGN, false), "purpose");
}

static void a_missing_key_usage_allows_all(void **state)
{
	(void)state;
	assert_int_equal(judge_leaf(PLAN({ 0, NULL }), CHAIN_SIGN, false), 0);
	assert_int_equal(judge_leaf(PLAN({ 0, NULL }), CHAIN_ENCRYPT, false), 0);
}

/* RFC 8550 section 4.4.2: keyEncipherment for RSA, keyAgreement for EC. */
static void a_recipient_s_key_usage_has_to_allow_encryption(void **state)
{
	struct plan rsa = { .key_type = "RSA", .extensions = { USAGE("keyEncipherment") } };

	(void)state;
	assert_int_equal(judge_leaf(PLAN(USAGE("keyAgreement")), CHAIN_ENCRYPT, false), 0);
	assert_int_equal(judge_leaf(&rsa, CHAIN_ENCRYPT, false), 0);
	assert_refused(
	    judge_leaf(PLAN(USAGE("digitalSignature")), CHAIN_ENCRYPT, false), "purpose");
	rsa.extensions[0].value = "keyAgreement";
	assert_refused(judge_leaf(&rsa, CHAIN_ENCRYPT, false), "purpose");
}

/* RFC 8550 section 4.4.4 */
static void the_extended_key_usage_has_to_allow_mail(void **state)
{
	static const struct {
		const char *value;
		int status;
	} cases[] = { { "emailProtection", 0 }, { "anyExtendedKeyUsage", 0 },
		{ "serverAuth,emailProtection", 0 }, { "critical,emailProtection", 0 },
		{ "serverAuth", HSMIME_EINVALID }, { "1.2.3.4", HSMIME_EINVALID },
		{ "critical,timeStamping", HSMIME_EINVALID } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan plan = { .extensions = { { NID_ext_key_usage, cases[i].value } } };

		assert_int_equal(judge_leaf(&plan, CHAIN_SIGN, false), cases[i].status);
		assert_int_equal(judge_leaf(&plan, CHAIN_ENCRYPT, false), cases[i].status);
		assert_int_equal(judge_leaf(&plan, CHAIN_SIGN, true), 0);
	}
}

static void any_extended_key_usage_does_not_replace_the_key_usage(void **state)
{
	static const struct plan plan = { .extensions = { USAGE("keyAgreement"),
					      { NID_ext_key_usage, "anyExtendedKeyUsage" } } };

	(void)state;
	assert_refused(judge_leaf(&plan, CHAIN_SIGN, false), "purpose");
	assert_int_equal(judge_leaf(&plan, CHAIN_ENCRYPT, false), 0);
}

static void a_netscape_type_for_other_work_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    judge_leaf(PLAN({ NID_netscape_cert_type, "email" }), CHAIN_SIGN, false), 0);
	assert_refused(
	    judge_leaf(PLAN({ NID_netscape_cert_type, "server" }), CHAIN_SIGN, false), "purpose");
	assert_refused(judge_leaf(PLAN({ NID_netscape_cert_type, "server" },
				      { NID_ext_key_usage, "anyExtendedKeyUsage" }),
			   CHAIN_SIGN, false),
	    "purpose");
}

static void an_intermediate_has_to_be_a_ca(void **state)
{
	(void)state;
	assert_int_equal(judge_ca(PLAN(PKI_CA)), 0);
	assert_int_equal(judge_ca(PLAN({ NID_basic_constraints, "CA:TRUE" })), 0);
	assert_refused(judge_ca(PLAN({ NID_basic_constraints, "CA:FALSE" })), "CA");
	assert_refused(judge_ca(PLAN(USAGE("digitalSignature"))), "CA");
	assert_refused(judge_ca(PLAN({ 0, NULL })), "CA");
}

static void a_ca_s_key_usage_has_to_allow_certificates(void **state)
{
	(void)state;
	assert_int_equal(
	    judge_ca(PLAN({ NID_basic_constraints, "CA:TRUE" }, USAGE("digitalSignature"))),
	    HSMIME_EINVALID);
	assert_int_equal(judge_ca(PLAN({ NID_basic_constraints, "CA:TRUE" }, USAGE("cRLSign"))),
	    HSMIME_EINVALID);
}

static void a_ca_s_extended_key_usage_has_to_allow_mail(void **state)
{
	(void)state;
	assert_int_equal(judge_ca(PLAN(PKI_CA, EMAIL)), 0);
	assert_int_equal(judge_ca(PLAN(PKI_CA, { NID_ext_key_usage, "anyExtendedKeyUsage" })), 0);
	assert_refused(judge_ca(PLAN(PKI_CA, { NID_ext_key_usage, "serverAuth" })), "purpose");
}

static void an_end_entity_can_t_issue_even_for_any_purpose(void **state)
{
	static const struct plan signer = {
		.name = "CA", .issuer = &root, .extensions = { USAGE("digitalSignature") }
	};
	struct identity end, leaf;
	struct plan below = { .name = "Leaf", .issuer = &end };

	(void)state;
	identity_make(&end, &signer);
	identity_make(&leaf, &below);
	assert_refused(judge(&leaf, &root, &end, CHAIN_SIGN, true), "CA");
	identity_free(&end);
	identity_free(&leaf);
}

/* The verdict on a signer below two CAs, the upper one of which allows that many below it. */
static int judge_path_length(const char *constraints)
{
	struct identity upper, lower, leaf;
	struct plan upper_plan = { .name = "Upper",
		.issuer = &root,
		.extensions = { { NID_basic_constraints, constraints }, USAGE("keyCertSign") } };
	struct plan lower_plan = { .name = "Lower", .issuer = &upper, .extensions = { PKI_CA } };
	struct plan leaf_plan = { .name = "Leaf", .issuer = &lower };
	struct chain_check check = {
		.anchors = sk_X509_new_null(), .untrusted = sk_X509_new_null(), .at = PKI_NOW
	};
	int status;

	identity_make(&upper, &upper_plan);
	identity_make(&lower, &lower_plan);
	identity_make(&leaf, &leaf_plan);
	sk_X509_push(check.anchors, root.cert);
	sk_X509_push(check.untrusted, lower.cert);
	sk_X509_push(check.untrusted, upper.cert);
	status = chain_verify(problem, leaf.cert, &check, NULL);
	sk_X509_free(check.anchors);
	sk_X509_free(check.untrusted);
	identity_free(&upper);
	identity_free(&lower);
	identity_free(&leaf);
	return status;
}

static void a_path_length_bounds_the_cas_below(void **state)
{
	(void)state;
	assert_int_equal(judge_path_length("critical,CA:TRUE"), 0);
	assert_int_equal(judge_path_length("critical,CA:TRUE,pathlen:1"), 0);
	assert_refused(judge_path_length("critical,CA:TRUE,pathlen:0"), "path length");
}

static int judge_constrained(const char *constraints, const char *address)
{
	struct identity ca, leaf;
	struct plan ca_plan = { .name = "CA",
		.issuer = &root,
		.extensions = { PKI_CA, { NID_name_constraints, constraints } } };
	struct plan leaf_plan = {
		.name = "Leaf", .issuer = &ca, .extensions = { { NID_subject_alt_name, address } }
	};
	int status;

	identity_make(&ca, &ca_plan);
	identity_make(&leaf, &leaf_plan);
	status = judge(&leaf, &root, &ca, CHAIN_SIGN, false);
	identity_free(&ca);
	identity_free(&leaf);
	return status;
}

static void name_constraints_bound_the_addresses_below(void **state)
{
	(void)state;
	assert_int_equal(
	    judge_constrained("critical,permitted;email:example.org", "email:a@example.org"), 0);
	assert_refused(
	    judge_constrained("critical,permitted;email:example.org", "email:a@evil.example"),
	    "permitted subtree");
	assert_refused(
	    judge_constrained("critical,excluded;email:example.org", "email:a@example.org"),
	    "excluded subtree");
	assert_int_equal(
	    judge_constrained("critical,excluded;email:example.org", "email:a@good.example"), 0);
}

static void an_unknown_critical_extension_is_refused(void **state)
{
	int nid = OBJ_create("1.2.3.4.5", "testExtension", "an extension of this test");

	(void)state;
	assert_int_not_equal(nid, NID_undef);
	assert_int_equal(X509V3_EXT_add_alias(nid, NID_netscape_comment), 1);
	assert_int_equal(judge_leaf(PLAN({ nid, "text" }), CHAIN_SIGN, false), 0);
	assert_refused(judge_leaf(PLAN({ nid, "critical,text" }), CHAIN_SIGN, false), "critical");
	X509V3_EXT_cleanup();
}

/* Certificates that collide under MD5 were made in 2008. */
static void a_certificate_signed_with_md5_is_refused(void **state)
{
	struct plan plan = { .issuer = &rsa_root, .digest = "MD5" };

	(void)state;
	assert_refused(judge_leaf(&plan, CHAIN_SIGN, false), "too weak, at CN=Leaf");
	assert_refused(judge_leaf(&plan, CHAIN_SIGN, true), "too weak");
	plan.extensions[0].nid = NID_basic_constraints;
	plan.extensions[0].value = "CA:TRUE";
	assert_refused(judge_ca(&plan), "too weak, at CN=CA");
}

static void an_rsa_key_that_can_be_factored_is_nobody_s(void **state)
{
	struct plan plan = { .key_type = "RSA-512" };

	(void)state;
	assert_refused(judge_leaf(&plan, CHAIN_SIGN, false), "key too weak");
	assert_refused(judge_leaf(&plan, CHAIN_ENCRYPT, true), "key too weak");
	plan.key_type = "RSA-1024";
	assert_int_equal(judge_leaf(&plan, CHAIN_SIGN, false), 0);
}

static void sha1_still_holds_and_an_anchor_s_own_signature_does_not_matter(void **state)
{
	struct plan plan = { .issuer = &rsa_root, .digest = "SHA1" };

	(void)state;
	assert_int_equal(X509_get_signature_nid(rsa_root.cert), NID_md5WithRSAEncryption);
	assert_int_equal(judge_leaf(&plan, CHAIN_SIGN, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signer_s_key_usage_has_to_allow_signatures),
		cmocka_unit_test(an_rsa_key_that_can_be_factored_is_nobody_s),
		cmocka_unit_test(a_missing_key_usage_allows_all),
		cmocka_unit_test(a_recipient_s_key_usage_has_to_allow_encryption),
		cmocka_unit_test(the_extended_key_usage_has_to_allow_mail),
		cmocka_unit_test(any_extended_key_usage_does_not_replace_the_key_usage),
		cmocka_unit_test(a_netscape_type_for_other_work_is_refused),
		cmocka_unit_test(an_intermediate_has_to_be_a_ca),
		cmocka_unit_test(a_ca_s_key_usage_has_to_allow_certificates),
		cmocka_unit_test(a_ca_s_extended_key_usage_has_to_allow_mail),
		cmocka_unit_test(an_end_entity_can_t_issue_even_for_any_purpose),
		cmocka_unit_test(a_path_length_bounds_the_cas_below),
		cmocka_unit_test(name_constraints_bound_the_addresses_below),
		cmocka_unit_test(an_unknown_critical_extension_is_refused),
		cmocka_unit_test(a_certificate_signed_with_md5_is_refused),
		cmocka_unit_test(sha1_still_holds_and_an_anchor_s_own_signature_does_not_matter),
	};

	return cmocka_run_group_tests(tests, make_roots, free_roots);
}
