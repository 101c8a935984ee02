#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "engine/token_key.h"
#include "find_rig.h"

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
	r = engine_find_recipient(found, find_rig.e, uri, c, 2, &find_rig.err);
	for (size_t i = 0; i < 4; i++)
		OPENSSL_free(memory[i]);
	return r;
}

static void a_recipient_is_found_by_issuer_and_serial(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, find_rig.stranger, find_rig.alice), 0);
	find_rig_is(&found, find_rig.alice, "Alpha");
	assert_int_equal(found.match, 1);
	engine_found_free(&found);
	assert_int_equal(recipient(&found, NULL, find_rig.alice, find_rig.bob), 0);
	find_rig_is(&found, find_rig.alice, "Alpha");
	assert_int_equal(found.match, 0);
	engine_found_free(&found);
}

static void a_recipient_is_found_where_the_token_does_not_index_names(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, find_rig.stranger, find_rig.bob), 0);
	find_rig_is(&found, find_rig.bob, "Alpha");
	engine_found_free(&found);
}

static void a_recipient_is_found_behind_a_login(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(recipient(&found, NULL, find_rig.stranger, find_rig.carol), 0);
	find_rig_is(&found, find_rig.carol, "Beta");
	engine_found_free(&found);
	assert_int_equal(recipient(&found, "pkcs11:token=Alpha", find_rig.stranger, find_rig.carol),
	    HSMIME_ENOKEY);
	assert_null(found.key);
}

static void a_recipient_that_is_not_there_is_not_found(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(
	    recipient(&found, NULL, find_rig.stranger, find_rig.lonely), HSMIME_ENOKEY);
	assert_null(found.key);
	assert_non_null(strstr(find_rig.err.message, "recipients"));
	assert_false(found.unfit);
	assert_int_equal(
	    recipient(&found, NULL, find_rig.signer, find_rig.stranger), HSMIME_ENOKEY);
	assert_non_null(strstr(find_rig.err.message, "may not be used to decrypt"));
	assert_true(found.unfit);
}

static void a_recipient_is_found_by_key_identifier(void **state)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(find_rig.bob);
	struct engine_candidate c = { .key_id = ASN1_STRING_get0_data(id),
		.key_id_len = (size_t)ASN1_STRING_length(id) };
	struct engine_found found = { 0 };

	(void)state;
	assert_int_equal(engine_find_recipient(&found, find_rig.e, NULL, &c, 1, &find_rig.err), 0);
	find_rig_is(&found, find_rig.bob, "Alpha");
	engine_found_free(&found);
	c.key_id_len--;
	assert_int_equal(
	    engine_find_recipient(&found, find_rig.e, NULL, &c, 1, &find_rig.err), HSMIME_ENOKEY);
}

#define MANY 10000

/* That many recipients, all by one name of nobody's, with room for the one that is at. */
static struct engine_candidate *crowd(unsigned char (*serials)[6])
{
	static const unsigned char issuer[] = { 0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03,
		0x55, 0x04, 0x03, 0x0c, 0x01, 'x' };
	struct engine_candidate *c = calloc(MANY, sizeof(*c));

	assert_non_null(c);
	for (unsigned i = 0; i < MANY; i++) {
		const unsigned char serial[] = { 2, 4, 1, 0, (unsigned char)(i >> 8),
			(unsigned char)i };

		memcpy(serials[i], serial, sizeof(serial));
		c[i] = (struct engine_candidate){ issuer, sizeof(issuer), serials[i], 6, NULL, 0 };
	}
	return c;
}

/* A message with many recipients costs one look at the certificates, and not one look-up each. */
static void many_recipients_cost_no_more_calls_than_the_certificates(void **state)
{
	static unsigned char serials[MANY][6];
	const struct proxy *proxy = softtoken_proxy();
	struct engine_candidate *c = crowd(serials);
	struct engine_found found = { 0 };
	unsigned char *memory[2];

	(void)state;
	proxy->reset();
	assert_int_equal(
	    engine_find_recipient(&found, find_rig.e, NULL, c, MANY, &find_rig.err), HSMIME_ENOKEY);
	assert_in_range(proxy->count("C_FindObjectsInit"), 1, 8);
	assert_in_range(proxy->round_trips(), 1, 60);
	name(&c[7000], &memory[0], &memory[1], find_rig.alice);
	c[9000] = c[7000];
	proxy->reset();
	assert_int_equal(
	    engine_find_recipient(&found, find_rig.e, NULL, c, MANY, &find_rig.err), 0);
	find_rig_is(&found, find_rig.alice, "Alpha");
	assert_int_equal(found.match, 7000);
	assert_in_range(proxy->count("C_FindObjectsInit"), 1, 8);
	engine_found_free(&found);
	OPENSSL_free(memory[0]);
	OPENSSL_free(memory[1]);
	free(c);
}

/* PrintableString for UTF8String, another case: one name (RFC 5280 section 7.1). */
static void a_recipient_s_issuer_may_be_written_in_another_string_type(void **state)
{
	struct engine_found found = { 0 };
	struct engine_candidate c;
	unsigned char *memory[3] = { NULL };
	X509_NAME *other = X509_NAME_new();

	(void)state;
	X509_NAME_add_entry_by_NID(other, NID_commonName, V_ASN1_PRINTABLESTRING,
	    (const unsigned char *)"TEST ca", -1, -1, 0);
	name(&c, &memory[0], &memory[1], find_rig.alice);
	c.issuer_len = (size_t)i2d_X509_NAME(other, &memory[2]);
	c.issuer = memory[2];
	assert_int_equal(engine_find_recipient(&found, find_rig.e, NULL, &c, 1, &find_rig.err), 0);
	find_rig_is(&found, find_rig.alice, "Alpha");
	engine_found_free(&found);
	X509_NAME_add_entry_by_NID(
	    other, NID_commonName, V_ASN1_PRINTABLESTRING, (const unsigned char *)"x", -1, -1, 0);
	OPENSSL_free(memory[2]);
	memory[2] = NULL;
	c.issuer_len = (size_t)i2d_X509_NAME(other, &memory[2]);
	c.issuer = memory[2];
	assert_int_equal(
	    engine_find_recipient(&found, find_rig.e, NULL, &c, 1, &find_rig.err), HSMIME_ENOKEY);
	for (size_t i = 0; i < 3; i++)
		OPENSSL_free(memory[i]);
	X509_NAME_free(other);
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
	engine_free(find_rig.e);
	proxy->reset();
	assert_int_equal(engine_new(&find_rig.e, &options, &find_rig.err), 0);
	assert_int_equal(
	    recipient(&found, "pkcs11:token=Alpha", find_rig.stranger, find_rig.lonely),
	    HSMIME_ENOKEY);
	assert_int_equal(proxy->count("C_Login"), 0);
	engine_free(find_rig.e);
	proxy->reset();
	assert_int_equal(engine_new(&find_rig.e, &options, &find_rig.err), 0);
	assert_int_equal(engine_find_key(&found, find_rig.e, "pkcs11:token=Alpha;id=%03",
			     ENGINE_SIGN, &find_rig.err),
	    0);
	assert_non_null(found.certificate);
	assert_int_equal(token_key_sign(found.key, sig, &len, &q, &find_rig.err), 0);
	assert_int_equal(proxy->count("C_Login"), 1);
	assert_int_equal(proxy->count("C_OpenSession"), 1);
	/* One slot more than usual: there are two tokens. */
	assert_in_range(proxy->round_trips(), 1, 20);
	proxy->reset();
	len = sizeof(sig);
	assert_int_equal(token_key_sign(found.key, sig, &len, &q, &find_rig.err), 0);
	assert_int_equal(proxy->round_trips(), 2);
	engine_found_free(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recipient_is_found_by_issuer_and_serial),
		cmocka_unit_test(a_recipient_is_found_where_the_token_does_not_index_names),
		cmocka_unit_test(a_recipient_is_found_behind_a_login),
		cmocka_unit_test(a_recipient_that_is_not_there_is_not_found),
		cmocka_unit_test(a_recipient_is_found_by_key_identifier),
		cmocka_unit_test(many_recipients_cost_no_more_calls_than_the_certificates),
		cmocka_unit_test(a_recipient_s_issuer_may_be_written_in_another_string_type),
		cmocka_unit_test(public_searches_log_in_to_nothing_and_signing_is_cheap),
	};

	return cmocka_run_group_tests(tests, find_rig_set_up, find_rig_tear_down);
}
