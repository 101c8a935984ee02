/* The S/MIME entities that are written: RFC 8551 section 3. */
#include "mail_support.h"

#include "mail/boundary.h"
#include "mail/compose.h"
#include "mail/signed_parts.h"

static void put_signed(const hsmime_sink *sink, bool crlf, int *status)
{
	*status = compose_signed_start(sink, "b", "sha-256", crlf);
	if (*status == 0)
		*status = sink_string(sink, crlf ? "\r\nhello\r\n" : "\nhello\n");
	if (*status == 0)
		*status = compose_signed_middle(sink, "b", crlf);
	if (*status == 0)
		*status = sink_string(sink, "AAAA");
	if (*status == 0)
		*status = compose_signed_end(sink, "b", crlf);
}

static void compose(struct buffer *out, bool crlf)
{
	hsmime_sink sink;
	int status;

	buffer_init(out, MEMORY_MAX);
	sink_buffer(&sink, out);
	put_signed(&sink, crlf, &status);
	assert_int_equal(status, 0);
}

static void a_signed_mail_reads_back_as_its_halves(void **state)
{
	(void)state;
	for (int crlf = 0; crlf < 2; crlf++) {
		struct buffer out;
		struct structure s;
		struct signed_parts h;
		const char *text;

		compose(&out, crlf);
		text = buffer_string(&out);
		scan_string(&s, text);
		assert_int_equal(s.count, 3);
		assert_true(s.parts[0].closed);
		assert_int_equal(signed_parts_find(&h, &s, 0, NULL), 0);
		assert_slice(
		    text, h.content_start, h.content_end, crlf ? "\r\nhello\r\n" : "\nhello\n");
		assert_slice(text, h.signature_start, h.signature_end, "AAAA");
		assert_int_equal(h.signature_encoding, CTE_BASE64);
		structure_free(&s);
		buffer_free(&out);
	}
}

static void its_type_names_protocol_digest_and_boundary(void **state)
{
	struct buffer out;
	struct header h;
	struct entity e;

	(void)state;
	compose(&out, false);
	header_of(&h, buffer_string(&out));
	assert_int_equal(entity_describe(&e, &h), 0);
	assert_int_equal(e.kind, ENTITY_SIGNED);
	assert_string_equal(content_type_param(&e.type, "protocol"), "application/pkcs7-signature");
	assert_string_equal(content_type_param(&e.type, "micalg"), "sha-256");
	assert_string_equal(content_type_param(&e.type, "boundary"), "b");
	assert_non_null(header_find(&h, "MIME-Version", 0));
	assert_null(header_find(&h, "MIME-Version", 1));
	entity_free(&e);
	header_free(&h);
	buffer_free(&out);
}

static void line_endings_are_of_one_kind(void **state)
{
	(void)state;
	for (int crlf = 0; crlf < 2; crlf++) {
		struct buffer out;
		struct structure s;

		compose(&out, crlf);
		scan_octets(&s, out.data, out.len);
		assert_int_equal(crlf ? s.lf_lines : s.crlf_lines, 0);
		structure_free(&s);
		buffer_free(&out);
	}
}

static void boundaries_are_usable_and_never_the_same(void **state)
{
	char one[COMPOSE_BOUNDARY_SIZE], two[COMPOSE_BOUNDARY_SIZE];

	(void)state;
	assert_int_equal(compose_boundary(one), 0);
	assert_int_equal(compose_boundary(two), 0);
	assert_string_not_equal(one, two);
	assert_true(boundary_usable(one) == strlen(one) && strlen(one) <= 70);
	assert_memory_equal(one, "=_", 2);
	assert_int_equal(strspn(one, "=_hsmime0123456789abcdef"), strlen(one));
	assert_true(strlen(one) >= 32 + 2);
}

/* RFC 8551 section 3.2.2 */
static void cms_headers_name_their_type(void **state)
{
	static const struct {
		enum compose_cms what;
		const char *smime_type;
	} cases[] = { { COMPOSE_SIGNED, "signed-data" }, { COMPOSE_ENVELOPED, "enveloped-data" },
		{ COMPOSE_AUTH_ENVELOPED, "authEnveloped-data" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct buffer out;
		struct header h;
		struct entity e;
		hsmime_sink sink;

		buffer_init(&out, MEMORY_MAX);
		sink_buffer(&sink, &out);
		assert_int_equal(compose_cms_header(&sink, cases[i].what, i == 0, i == 1), 0);
		header_of(&h, buffer_string(&out));
		assert_true(h.has_empty_line);
		assert_int_equal(h.crlf, i == 1);
		assert_int_equal(header_find(&h, "MIME-Version", 0) != NULL, i == 0);
		assert_int_equal(entity_describe(&e, &h), 0);
		assert_int_equal(e.kind, ENTITY_CMS);
		assert_int_equal(e.encoding, CTE_BASE64);
		assert_string_equal(content_type_param(&e.type, "smime-type"), cases[i].smime_type);
		assert_string_equal(content_type_param(&e.type, "name"), "smime.p7m");
		entity_free(&e);
		header_free(&h);
		buffer_free(&out);
	}
}

static void a_failing_sink_gives_its_status_at_every_offset(void **state)
{
	struct buffer whole;

	(void)state;
	compose(&whole, true);
	for (size_t room = 0; room < whole.len; room++) {
		struct short_sink s;
		hsmime_sink sink;
		int status;

		short_sink_open(&sink, &s, room);
		put_signed(&sink, true, &status);
		assert_int_equal(status, HSMIME_EIO);
		buffer_free(&s.got);
	}
	buffer_free(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_mail_reads_back_as_its_halves),
		cmocka_unit_test(its_type_names_protocol_digest_and_boundary),
		cmocka_unit_test(line_endings_are_of_one_kind),
		cmocka_unit_test(boundaries_are_usable_and_never_the_same),
		cmocka_unit_test(cms_headers_name_their_type),
		cmocka_unit_test(a_failing_sink_gives_its_status_at_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
