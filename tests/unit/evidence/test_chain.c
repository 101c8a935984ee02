/* From a certificate to a trust anchor: RFC 5280 section 6. */
#include "pki.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <hsmime/result.h>

#include "evidence/chain.h"

#define LEAF                                                                                       \
	{                                                                                          \
		NID_key_usage, "digitalSignature"                                                  \
	}

/* A root, an intermediate below it and a signer's certificate below that, for every test. */
static struct identity root, intermediate, leaf, stranger;
static char problem[CHAIN_PROBLEM_SIZE];

static int make_all(void **state)
{
	static const struct plan root_plan = { .name = "Root", .extensions = { PKI_CA } };
	static const struct plan middle_plan = {
		.name = "Middle", .issuer = &root, .extensions = { PKI_CA }
	};
	static const struct plan leaf_plan = {
		.name = "Leaf", .issuer = &intermediate, .extensions = { LEAF }
	};
	static const struct plan stranger_plan = { .name = "Stranger", .extensions = { PKI_CA } };

	(void)state;
	identity_make(&root, &root_plan);
	identity_make(&intermediate, &middle_plan);
	identity_make(&leaf, &leaf_plan);
	identity_make(&stranger, &stranger_plan);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	identity_free(&root);
	identity_free(&intermediate);
	identity_free(&leaf);
	identity_free(&stranger);
	return 0;
}

static STACK_OF(X509) *stack(X509 *one, X509 *two)
{
	STACK_OF(X509) *s = sk_X509_new_null();

	if (one != NULL)
		sk_X509_push(s, one);
	if (two != NULL)
		sk_X509_push(s, two);
	return s;
}

/* The verdict on cert; anchor and untrusted may be NULL for none. */
static int judge(X509 *cert, X509 *anchor, X509 *untrusted, const struct chain_check *how)
{
	struct chain_check check = *how;
	int status;

	check.anchors = stack(anchor, NULL);
	check.untrusted = stack(untrusted, NULL);
	if (check.at == 0)
		check.at = PKI_NOW;
	memcpy(problem, "unset", sizeof("unset"));
	status = chain_verify(problem, cert, &check, NULL);
	sk_X509_free(check.anchors);
	sk_X509_free(check.untrusted);
	assert_int_equal(ERR_peek_error(), 0);
	if (status == 0)
		assert_string_equal(problem, "");
	return status;
}

static const struct chain_check plain = { .use = CHAIN_SIGN };

static void assert_refused(int status, const char *words)
{
	assert_int_equal(status, HSMIME_EINVALID);
	if (strstr(problem, words) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", words, problem);
}

static void a_chain_to_an_anchor_holds(void **state)
{
	(void)state;
	assert_int_equal(judge(leaf.cert, root.cert, intermediate.cert, &plain), 0);
	assert_int_equal(judge(leaf.cert, root.cert, intermediate.cert,
			     &(struct chain_check){ .any_purpose = true }),
	    0);
}

/* any_purpose takes certificates for other work, not keys that may not sign. */
static void the_key_usage_counts_for_any_purpose_too(void **state)
{
	(void)state;
	assert_refused(
	    judge(intermediate.cert, root.cert, NULL, &(struct chain_check){ .any_purpose = true }),
	    "key usage does not allow signatures");
}

static void a_missing_intermediate_breaks_it(void **state)
{
	(void)state;
	assert_refused(judge(leaf.cert, root.cert, NULL, &plain), "unable to get local issuer");
	assert_refused(judge(leaf.cert, root.cert, stranger.cert, &plain), "CN=Leaf");
}

static void an_anchor_that_is_another_is_no_help(void **state)
{
	(void)state;
	assert_refused(judge(leaf.cert, stranger.cert, intermediate.cert, &plain), "issuer");
	assert_refused(judge(leaf.cert, NULL, intermediate.cert, &plain), "issuer");
}

/* What the message brings is never an anchor. */
static void a_root_in_the_message_is_not_trusted(void **state)
{
	struct chain_check check = { .at = PKI_NOW };

	(void)state;
	check.anchors = stack(stranger.cert, NULL);
	check.untrusted = stack(intermediate.cert, root.cert);
	assert_refused(chain_verify(problem, leaf.cert, &check, NULL), "self-signed");
	sk_X509_free(check.anchors);
	sk_X509_free(check.untrusted);
}

static void a_self_signed_certificate_is_trusted_only_as_an_anchor(void **state)
{
	static const struct plan plan = { .name = "Self", .extensions = { LEAF } };
	struct identity self;

	(void)state;
	identity_make(&self, &plan);
	assert_refused(judge(self.cert, root.cert, NULL, &plain), "self-signed");
	assert_refused(judge(self.cert, root.cert, self.cert, &plain), "self-signed");
	assert_int_equal(judge(self.cert, self.cert, NULL, &plain), 0);
	identity_free(&self);
}

static void an_intermediate_is_an_anchor_only_for_a_partial_chain(void **state)
{
	struct chain_check partial = { .partial = true };

	(void)state;
	assert_refused(judge(leaf.cert, intermediate.cert, NULL, &plain), "issuer");
	assert_int_equal(judge(leaf.cert, intermediate.cert, NULL, &partial), 0);
	assert_int_equal(judge(leaf.cert, leaf.cert, NULL, &partial), 0);
	assert_refused(judge(leaf.cert, stranger.cert, intermediate.cert, &partial), "issuer");
}

static void a_root_of_the_same_name_with_another_key_is_another(void **state)
{
	static const struct plan plan = { .name = "Root", .extensions = { PKI_CA } };
	struct identity twin;

	(void)state;
	identity_make(&twin, &plan);
	assert_int_equal(judge(leaf.cert, twin.cert, intermediate.cert, &plain), HSMIME_EINVALID);
	identity_free(&twin);
}

static void a_changed_certificate_is_refused(void **state)
{
	unsigned char *der = NULL, *name;
	int len = i2d_X509(leaf.cert, &der);
	const unsigned char *p = der;
	X509 *changed;

	(void)state;
	name = memmem(der, (size_t)len, "Leaf", 4);
	assert_non_null(name);
	name[0] = 'D';
	changed = d2i_X509(NULL, &p, len);
	assert_non_null(changed);
	assert_refused(judge(changed, root.cert, intermediate.cert, &plain), "signature failure");
	X509_free(changed);
	OPENSSL_free(der);
}

static void times_are_judged_at_the_moment_asked_for(void **state)
{
	struct chain_check check = { .at = PKI_NOW + 2 * PKI_HOUR };

	(void)state;
	assert_refused(judge(leaf.cert, root.cert, intermediate.cert, &check), "expired");
	check.at = PKI_NOW - 2 * PKI_HOUR;
	assert_refused(judge(leaf.cert, root.cert, intermediate.cert, &check), "not yet valid");
	check.no_check_time = true;
	assert_int_equal(judge(leaf.cert, root.cert, intermediate.cert, &check), 0);
}

/* The certificates of these tests have all expired long since. */
static void without_a_moment_it_is_now(void **state)
{
	struct chain_check check = { .at = HSMIME_NO_TIME };
	const struct plan plan = { .name = "Now",
		.from = time(NULL) - PKI_HOUR,
		.to = time(NULL) + PKI_HOUR,
		.extensions = { LEAF } };
	struct identity now;

	(void)state;
	assert_refused(judge(leaf.cert, root.cert, intermediate.cert, &check), "expired");
	identity_make(&now, &plan);
	assert_int_equal(judge(now.cert, now.cert, NULL, &check), 0);
	identity_free(&now);
}

static void every_certificate_of_the_chain_has_to_be_in_time(void **state)
{
	static const struct plan old_plan = { .name = "Old",
		.issuer = &root,
		.from = PKI_NOW - 2 * PKI_HOUR,
		.to = PKI_NOW - PKI_HOUR,
		.extensions = { PKI_CA } };
	struct identity old, below;
	struct plan plan = { .name = "Below", .issuer = &old, .extensions = { LEAF } };

	(void)state;
	identity_make(&old, &old_plan);
	identity_make(&below, &plan);
	assert_refused(judge(below.cert, root.cert, old.cert, &plain), "expired, at CN=Old");
	identity_free(&old);
	identity_free(&below);
}

/* The store that SSL_CERT_FILE names stands for the system's. */
static void without_anchors_the_system_s_store_is_asked(void **state)
{
	struct chain_check check = { .at = PKI_NOW };
	char path[] = "/tmp/test_chain_XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	(void)state;
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, root.cert), 1);
	assert_int_equal(fclose(file), 0);
	check.untrusted = stack(intermediate.cert, NULL);
	assert_int_equal(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
	assert_int_equal(setenv("SSL_CERT_FILE", "/nowhere", 1), 0);
	assert_refused(chain_verify(problem, leaf.cert, &check, NULL), "issuer");
	assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
	assert_int_equal(chain_verify(problem, leaf.cert, &check, NULL), 0);
	assert_int_equal(unsetenv("SSL_CERT_FILE") + unsetenv("SSL_CERT_DIR"), 0);
	sk_X509_free(check.untrusted);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_to_an_anchor_holds),
		cmocka_unit_test(the_key_usage_counts_for_any_purpose_too),
		cmocka_unit_test(a_missing_intermediate_breaks_it),
		cmocka_unit_test(an_anchor_that_is_another_is_no_help),
		cmocka_unit_test(a_root_in_the_message_is_not_trusted),
		cmocka_unit_test(a_self_signed_certificate_is_trusted_only_as_an_anchor),
		cmocka_unit_test(an_intermediate_is_an_anchor_only_for_a_partial_chain),
		cmocka_unit_test(a_root_of_the_same_name_with_another_key_is_another),
		cmocka_unit_test(a_changed_certificate_is_refused),
		cmocka_unit_test(times_are_judged_at_the_moment_asked_for),
		cmocka_unit_test(without_a_moment_it_is_now),
		cmocka_unit_test(every_certificate_of_the_chain_has_to_be_in_time),
		cmocka_unit_test(without_anchors_the_system_s_store_is_asked),
	};

	return cmocka_run_group_tests(tests, make_all, free_all);
}
