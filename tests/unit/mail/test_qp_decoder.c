/* Quoted-printable on the way in: RFC 2045 section 6.7. */
#include "mail_support.h"

#include "mail/qp_decoder.h"

static int decode_from(struct buffer *out, const hsmime_source *in, size_t room)
{
	struct qp_decoder d;
	hsmime_source decoded;
	hsmime_sink sink;
	struct window w;
	int status;

	buffer_init(out, MEMORY_MAX);
	sink_buffer(&sink, out);
	assert_int_equal(window_open(&w, in, room), 0);
	qp_decoder_open(&decoded, &d, &w);
	status = source_copy(&sink, &decoded);
	window_close(&w);
	return status;
}

static void assert_decoded(const char *text, const char *expected, size_t len)
{
	for (size_t step = 0; step < 9; step++) {
		struct octets o;
		hsmime_source in;
		struct buffer out;

		octets_string(&in, &o, text);
		o.step = step;
		assert_int_equal(decode_from(&out, &in, 64), 0);
		assert_int_equal(out.len, len);
		if (len > 0)
			assert_memory_equal(out.data, expected, len);
		buffer_free(&out);
	}
}

#define DECODED(text, expected) assert_decoded(text, expected, sizeof(expected) - 1)

static void hexadecimal_pairs_are_octets(void **state)
{
	(void)state;
	DECODED("a=C3=a4=3D=00b", "a\xc3\xa4=\0b");
}

static void line_breaks_come_as_they_are(void **state)
{
	(void)state;
	DECODED("a\r\nb\nc\n\n", "a\r\nb\nc\n\n");
	DECODED("a", "a");
	DECODED("", "");
}

static void soft_breaks_join_lines(void **state)
{
	(void)state;
	DECODED("a=\r\nb=\nc", "abc");
	DECODED("a= \t\r\nb", "ab");
	DECODED("a =\nb", "a b");
	DECODED("a=", "a");
	DECODED("=\n=\n", "");
}

static void white_space_at_line_ends_is_dropped(void **state)
{
	(void)state;
	DECODED("a \t\r\nb \nc ", "a\r\nb\nc");
	DECODED("a=20\n", "a \n");
}

static void what_is_no_code_stays(void **state)
{
	(void)state;
	DECODED("a=zz=4", "a=zz=4");
	DECODED("=4\nx", "=4\nx");
	DECODED("==41", "=A");
	DECODED("\xe4", "\xe4");
}

/* Behind what the window and the decoder hold; the seams fall everywhere. */
static void long_lines_are_decoded_in_pieces(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		struct buffer text, expected, out;
		struct octets o;
		hsmime_source in;

		buffer_init(&text, MEMORY_MAX);
		buffer_init(&expected, MEMORY_MAX);
		buffer_add(&text, "12345678", shift);
		buffer_add(&expected, "12345678", shift);
		for (int i = 0; i < 700; i++) {
			buffer_add_string(&text, "=E4x =3D");
			buffer_add_string(&expected, "\xe4x =");
		}
		buffer_add_string(&text, "=\nend\r\n");
		buffer_add_string(&expected, "end\r\n");
		octets_open(&in, &o, text.data, text.len);
		assert_int_equal(decode_from(&out, &in, 64), 0);
		assert_int_equal(out.len, expected.len);
		assert_memory_equal(out.data, expected.data, out.len);
		buffer_free(&text);
		buffer_free(&expected);
		buffer_free(&out);
	}
}

static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	static const char text[] = "a=C3=A4\r\nb =\n=3D=4";

	(void)state;
	for (size_t at = 0; at <= strlen(text); at++) {
		struct octets o;
		hsmime_source in;
		struct buffer out;

		octets_string(&in, &o, text);
		o.fail_at = at;
		assert_int_equal(decode_from(&out, &in, 64), HSMIME_EIO);
		buffer_free(&out);
	}
}

static void text_cut_anywhere_decodes_to_a_start_or_nearly(void **state)
{
	static const char text[] = "a=C3=A4\r\nb=\nc=3D";

	(void)state;
	for (size_t len = 0; len <= strlen(text); len++) {
		struct octets o;
		hsmime_source in;
		struct buffer out;

		octets_open(&in, &o, text, len);
		assert_int_equal(decode_from(&out, &in, 64), 0);
		assert_true(out.len <= len);
		if (out.len > 0)
			assert_int_equal(out.data[0], 'a');
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hexadecimal_pairs_are_octets),
		cmocka_unit_test(line_breaks_come_as_they_are),
		cmocka_unit_test(soft_breaks_join_lines),
		cmocka_unit_test(white_space_at_line_ends_is_dropped),
		cmocka_unit_test(what_is_no_code_stays),
		cmocka_unit_test(long_lines_are_decoded_in_pieces),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
		cmocka_unit_test(text_cut_anywhere_decodes_to_a_start_or_nearly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
