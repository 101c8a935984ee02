/* What a header block says of its content: RFC 2045, RFC 8551 section 3.10. */
#include "mail_support.h"

#include "mail/header_block.h"

/* As the header of a part is taken, which header_read would not take in some cases. */
static void describe(struct entity *e, const char *fields)
{
	static const struct header_rules rules = { .strict = true };
	struct octets o;
	hsmime_source in;
	struct window w;
	struct buffer text;
	struct header h;

	buffer_init(&text, MEMORY_MAX);
	buffer_printf(&text, "X: y\n%s\n\n", fields);
	octets_open(&in, &o, text.data, text.len);
	assert_int_equal(window_open(&w, &in, WINDOW_ROOM), 0);
	assert_int_equal(header_take(&h, &w, &rules, NULL), 0);
	assert_int_equal(entity_describe(e, &h), 0);
	header_free(&h);
	window_close(&w);
	buffer_free(&text);
}

static void assert_kind(const char *fields, enum entity_kind kind, bool signature)
{
	struct entity e;

	describe(&e, fields);
	assert_int_equal(e.kind, kind);
	assert_int_equal(e.signature, signature);
	entity_free(&e);
}

static void without_a_type_it_is_plain_text(void **state)
{
	static const char *const headers[] = { "Y: z", "Content-Type:", "Content-Type: garbage",
		"Content-Type: /", "X-Content-Type: multipart/mixed; boundary=b" };

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct entity e;

		describe(&e, headers[i]);
		assert_int_equal(e.kind, ENTITY_OTHER);
		assert_int_equal(e.encoding, CTE_IDENTITY);
		assert_true(content_type_is(&e.type, "text", "plain"));
		entity_free(&e);
	}
}

static void transfer_encodings_are_known(void **state)
{
	static const struct {
		const char *body;
		enum transfer_encoding encoding;
		bool says_8bit, says_binary;
	} cases[] = {
		{ "7bit", CTE_IDENTITY, false, false },
		{ "8BIT", CTE_IDENTITY, true, false },
		{ "8-bit", CTE_IDENTITY, true, false },
		{ "binary", CTE_IDENTITY, false, true },
		{ "Base64", CTE_BASE64, false, false },
		{ "(c) base64 (d)", CTE_BASE64, false, false },
		{ "quoted-printable; x", CTE_QUOTED_PRINTABLE, false, false },
		{ "\r\n base64", CTE_BASE64, false, false },
		{ "x-uuencode", CTE_UNKNOWN, false, false },
		{ "base6", CTE_UNKNOWN, false, false },
		{ "base644", CTE_UNKNOWN, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char field[200];
		struct entity e;

		snprintf(field, sizeof(field), "Content-Transfer-Encoding: %s", cases[i].body);
		describe(&e, field);
		assert_int_equal(e.encoding, cases[i].encoding);
		assert_int_equal(e.says_8bit, cases[i].says_8bit);
		assert_int_equal(e.says_binary, cases[i].says_binary);
		entity_free(&e);
	}
}

static void smime_types_are_known_with_and_without_x(void **state)
{
	(void)state;
	assert_kind(
	    "Content-Type: application/pkcs7-mime; smime-type=enveloped-data", ENTITY_CMS, false);
	assert_kind("Content-Type: application/x-PKCS7-mime", ENTITY_CMS, false);
	assert_kind("Content-Type: application/pkcs7-signature", ENTITY_CMS, true);
	assert_kind("Content-Type: application/x-pkcs7-signature", ENTITY_CMS, true);
	assert_kind("Content-Type: application/pkcs7-mimes", ENTITY_OTHER, false);
	assert_kind("Content-Type: text/pkcs7-mime", ENTITY_OTHER, false);
}

static void the_extension_tells_where_a_gateway_left_octets(void **state)
{
	(void)state;
	assert_kind("Content-Type: application/octet-stream; name=smime.p7m", ENTITY_CMS, false);
	assert_kind("Content-Type: application/octet-stream; name=\"X.P7S\"", ENTITY_CMS, true);
	assert_kind("Content-Type: application/octet-stream; name=smime.p7c", ENTITY_CMS, false);
	assert_kind("Content-Type: application/octet-stream\n"
		    "Content-Disposition: attachment; filename=smime.p7z",
	    ENTITY_CMS, false);
	assert_kind(
	    "Content-Type: application/octet-stream; name*0=smime.; name*1=p7m", ENTITY_CMS, false);
	assert_kind("Content-Type: application/octet-stream; name=p7m", ENTITY_OTHER, false);
	assert_kind("Content-Type: application/octet-stream; name=x.p7m.exe", ENTITY_OTHER, false);
	assert_kind("Content-Type: image/png; name=smime.p7m", ENTITY_OTHER, false);
}

static void a_signed_multipart_has_our_protocol(void **state)
{
	(void)state;
	assert_kind("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";"
		    " boundary=b",
	    ENTITY_SIGNED, false);
	assert_kind("Content-Type: multipart/signed; protocol=\"application/x-pkcs7-signature\"",
	    ENTITY_SIGNED, false);
	assert_kind("Content-Type: multipart/signed; boundary=b", ENTITY_SIGNED, false);
	assert_kind("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"",
	    ENTITY_MULTIPART, false);
	assert_kind("Content-Type: multipart/signed; micalg=pgp-sha1", ENTITY_MULTIPART, false);
	assert_kind("Content-Type: multipart/mixed; boundary=b", ENTITY_MULTIPART, false);
}

/* A second field that another reader may take is never what we judge by. */
static void the_first_of_several_fields_counts(void **state)
{
	struct entity e;

	(void)state;
	assert_kind("Content-Type: text/plain\n"
		    "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"",
	    ENTITY_OTHER, false);
	describe(&e, "Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 8bit");
	assert_int_equal(e.encoding, CTE_BASE64);
	assert_false(e.says_8bit);
	assert_int_equal(e.ambiguity, AMBIGUITY_ENCODING);
	entity_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_type_it_is_plain_text),
		cmocka_unit_test(transfer_encodings_are_known),
		cmocka_unit_test(smime_types_are_known_with_and_without_x),
		cmocka_unit_test(the_extension_tells_where_a_gateway_left_octets),
		cmocka_unit_test(a_signed_multipart_has_our_protocol),
		cmocka_unit_test(the_first_of_several_fields_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
