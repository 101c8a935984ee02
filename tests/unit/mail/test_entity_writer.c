/* What leaf parts become: RFC 8551 section 3.1. */
#include "entity_support.h"

static void what_is_safe_is_copied(void **state)
{
	static const char text[] =
	    "Content-Type: multipart/mixed;\n boundary=b\ncontent-X: \xc3\xa4\n\npreamble\n"
	    "--b\nContent-Type :text/plain\nX: y\n\none \t\n.\n-- \nsig\n"
	    "--b  \nContent-Transfer-Encoding: BASE64\n\nAAAA\n\n--b--\nepilogue";

	(void)state;
	assert_safe(text, text);
	assert_copied(text, text);
}

static void outer_fields_and_an_mbox_line_are_left_out(void **state)
{
	static const char text[] = "From a@x Mon\nReceived: x\n\ty\nMIME-Version: 1.0\n"
				   "Content-Type: text/html;\n charset=x\nSubject: z\n"
				   "Content-Language: en\n\nbody\n";

	(void)state;
	assert_safe(text, "Content-Type: text/html;\n charset=x\nContent-Language: en\n\nbody\n");
}

static void an_entity_keeps_all_its_fields(void **state)
{
	static const char text[] = "X: y\nMIME-Version: 1.0\nContent-Type: text/html\n\nbody\n";
	struct entity_write how = { .seven_bit = true, .whole = true };
	struct buffer out;
	struct error err;

	(void)state;
	assert_int_equal(write_entity(&out, text, strlen(text), &how, &err), 0);
	assert_text(&out, text);
	buffer_free(&out);
}

static void a_mail_without_type_gets_the_one_it_implies(void **state)
{
	(void)state;
	assert_safe("Subject: x\n\nbody\n", "Content-Type: text/plain; charset=us-ascii\n\nbody\n");
	assert_safe("Subject: x\n\n\xc3\xa4\n",
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=C3=A4\n");
	assert_copied(
	    "Subject: x\n\n\xc3\xa4\n", "Content-Type: text/plain; charset=utf-8\n\n\xc3\xa4\n");
	assert_safe("Subject: x", "Content-Type: text/plain; charset=us-ascii\n\n");
}

static void eight_bit_text_goes_to_quoted_printable(void **state)
{
	(void)state;
	assert_safe("Content-Type: text/html\nContent-Transfer-Encoding: 8bit\nContent-X: y\n\n"
		    "\xc3\xa4 \n-\n",
	    "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\nContent-X: y\n\n"
	    "=C3=A4=20\n=2D\n");
}

static void other_eight_bit_content_goes_to_base64_as_it_came(void **state)
{
	(void)state;
	assert_safe("Content-Type: image/x\n\n\xff\r\n",
	    "Content-Type: image/x\n"
	    "Content-Transfer-Encoding: base64\n\n/w0K\n");
}

static void text_with_nul_goes_to_base64(void **state)
{
	static const char text[] = "Content-Type: text/plain\n\nA\0\n\0";
	struct entity_write how = { .seven_bit = true };
	struct buffer out;
	struct error err;

	(void)state;
	assert_int_equal(write_entity(&out, text, sizeof(text) - 1, &how, &err), 0);
	assert_text(
	    &out, "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nQQAKAA==\n");
	buffer_free(&out);
}

static void binary_is_encoded_even_where_it_looks_safe(void **state)
{
	(void)state;
	assert_safe("Content-Type: image/x\nContent-Transfer-Encoding: binary\n\nABC",
	    "Content-Type: image/x\nContent-Transfer-Encoding: base64\n\nQUJD\n");
	assert_safe("Content-Type: text/x\nContent-Transfer-Encoding: Binary\n\nABC\n",
	    "Content-Type: text/x\nContent-Transfer-Encoding: quoted-printable\n\nABC\n");
}

static void a_cr_that_ends_no_line_is_encoded(void **state)
{
	(void)state;
	assert_safe("Content-Type: text/plain\n\na\rb\n",
	    "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\na=0Db\n");
}

/* A mailbox would make it ">From ", and break the signature. */
static void from_at_a_line_s_start_is_encoded(void **state)
{
	(void)state;
	assert_safe("Content-Type: text/plain\n\nFrom here \n",
	    "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
	    "=46rom here=20\n");
	assert_safe("Content-Type: application/x\n\nFrom \n",
	    "Content-Type: application/x\nContent-Transfer-Encoding: base64\n\nRnJvbSAK\n");
	assert_copied(
	    "Content-Type: text/plain\n\nFrom here\n", "Content-Type: text/plain\n\nFrom here\n");
}

static void lines_over_998_octets_are_encoded(void **state)
{
	struct entity_write how = { .seven_bit = true };
	char text[1100];
	struct buffer out;
	struct structure s;
	struct error err;

	(void)state;
	for (size_t len = 998; len < 1000; len++) {
		int start = snprintf(text, sizeof(text), "Content-Type: text/plain\n\n");

		memset(text + start, 'x', len);
		assert_int_equal(write_entity(&out, text, (size_t)start + len, &how, &err), 0);
		scan_octets(&s, out.data, out.len);
		assert_int_equal(
		    s.parts[0].encoding, len == 998 ? CTE_IDENTITY : CTE_QUOTED_PRINTABLE);
		assert_false(s.parts[0].long_line);
		structure_free(&s);
		buffer_free(&out);
	}
}

static void a_label_that_promises_too_much_is_corrected(void **state)
{
	(void)state;
	assert_safe("Content-Type: text/plain\nContent-Transfer-Encoding:\n 8bit\n\nx \n",
	    "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nx \n");
	assert_copied("Content-Type: text/plain\nContent-Transfer-Encoding:\n 8bit\n\nx\n",
	    "Content-Type: text/plain\nContent-Transfer-Encoding:\n 8bit\n\nx\n");
}

/* Without an encoding to choose, what is not clear stays as unclear as it came. */
static void a_header_that_reads_in_two_ways_is_refused(void **state)
{
	static const char twice[] = "Content-Transfer-Encoding: 8bit\nContent-Type: text/plain\n"
				    "content-transfer-encoding: base64\n\nx\n";

	(void)state;
	assert_copied(twice, twice);
	assert_refused(twice, HSMIME_EFORMAT, "the mail has more than one");
}

static void a_bare_cr_in_a_header_is_never_written(void **state)
{
	static const char mail[] = "Content-Type: message/rfc822\n\nA: b\rBcc: c\n\nx\n";
	struct entity_write how = { .seven_bit = false };
	struct buffer out;
	struct error err;

	(void)state;
	assert_refused(mail, HSMIME_EFORMAT, "part 1 has a CR");
	assert_int_equal(write_entity(&out, mail, strlen(mail), &how, &err), HSMIME_EFORMAT);
	assert_non_null(strstr(err.message, "part 1 has a CR"));
	buffer_free(&out);
}

/* The new label would hide the old one, and the content be lost. */
static void content_in_an_unknown_encoding_is_refused_by_name(void **state)
{
	static const char safe[] =
	    "Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n";

	(void)state;
	assert_safe(safe, safe);
	assert_refused("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x\n"
		       "Content-Transfer-Encoding: x-uuencode\n\nFrom x\n--b--\n",
	    HSMIME_EPOLICY, "part 1 (text/x) holds a line that starts with \"From \"");
	assert_refused("Content-Type: image/x\nContent-Transfer-Encoding: x-other\n\n\xe4",
	    HSMIME_EPOLICY, "Content-Transfer-Encoding that hsmime does not know");
}

static void a_message_that_is_no_mail_is_never_encoded(void **state)
{
	static const char safe[] = "Content-Type: message/delivery-status\n\nA: b\n";

	(void)state;
	assert_safe(safe, safe);
	assert_refused("Content-Type: message/delivery-status\n\nA: \xe4\n", HSMIME_EPOLICY,
	    "(message/delivery-status) holds 8-bit octets in a message");
	assert_refused("Content-Type: message/partial\nContent-Transfer-Encoding: binary\n\nx\n",
	    HSMIME_EPOLICY, "labelled binary");
	assert_safe("Content-Type: message/x\nContent-Transfer-Encoding: base64\n\nQUJD\r RA==\n",
	    "Content-Type: message/x\nContent-Transfer-Encoding: base64\n\nQUJDRA==\n");
}

/* RFC 1428 section 3 */
static void a_body_beyond_ascii_without_a_type_says_what_it_is(void **state)
{
	(void)state;
	assert_safe("Subject: x\n\n\xe4\n", "Content-Type: text/plain; charset=unknown-8bit\n"
					    "Content-Transfer-Encoding: quoted-printable\n\n=E4\n");
	assert_copied(
	    "Subject: x\n\n\xe4\n", "Content-Type: text/plain; charset=unknown-8bit\n\n\xe4\n");
	assert_copied("Content-Transfer-Encoding: 8bit\n\n\xc3\xa4\n",
	    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
	    "\xc3\xa4\n");
	assert_copied("Content-Transfer-Encoding: base64\n\nQUJD\n",
	    "Content-Transfer-Encoding: base64\n\nQUJD\n");
}

static void what_is_encoded_already_but_unsafe_is_encoded_again(void **state)
{
	(void)state;
	assert_safe("Content-Type: text/x\nContent-Transfer-Encoding: quoted-printable\n\n"
		    "\xc3=A4=\n =3D \n",
	    "Content-Type: text/x\nContent-Transfer-Encoding: quoted-printable\n\n=C3=A4 =3D\n");
	assert_safe("Content-Type: text/x\nContent-Transfer-Encoding: base64\n\nQUJD\r RA==\n",
	    "Content-Type: text/x\nContent-Transfer-Encoding: base64\n\nQUJDRA==\n");
}

static void base64_that_is_none_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused("Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		       "Content-Type: image/x\nContent-Transfer-Encoding: base64\n\n\xff\n--b--\n",
	    HSMIME_EFORMAT, "part 1 (image/x)");
}

/* Decoded and encoded again, a quoted boundary must not become a part's end. */
static void text_that_quotes_a_boundary_stays_text(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x\n"
		    "Content-Transfer-Encoding: quoted-printable\n\n=2D-b\n\xe4\n=2D-b--\n--b--\n",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=2D-b\n=E4\n=2D-b--\n--b--\n");
}

static void line_endings_become_one_form(void **state)
{
	static const char text[] = "Content-Type: text/plain\r\n\na\nb\r\n\nc";
	struct entity_write how = { .seven_bit = true, .crlf = true };
	struct buffer out;
	struct error err;

	(void)state;
	assert_int_equal(write_entity(&out, text, strlen(text), &how, &err), 0);
	assert_text(&out, "Content-Type: text/plain\r\n\r\na\r\nb\r\n\r\nc");
	buffer_free(&out);
	assert_safe(text, "Content-Type: text/plain\n\na\nb\n\nc");
}

static void encoded_content_ends_its_lines_alike(void **state)
{
	static const char text[] = "Content-Type: text/plain\n\n\xe4\r\nb\n";
	struct entity_write how = { .seven_bit = true, .crlf = true };
	struct buffer out;
	struct error err;

	(void)state;
	assert_int_equal(write_entity(&out, text, strlen(text), &how, &err), 0);
	assert_text(&out, "Content-Type: text/plain\r\n"
			  "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\nb\r\n");
	buffer_free(&out);
}

/* RFC 2045 section 6.2: what is binary has no lines. */
static void binary_keeps_its_octets_where_nothing_is_encoded(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
				   "Content-Type: image/x\nContent-Transfer-Encoding: binary\n\n"
				   "\xff\n\r\n\r\n--b\nContent-Type: text/x\n"
				   "Content-Transfer-Encoding: binary\n\nx\ny\n--b--\n";
	struct entity_write how = { .crlf = true };
	struct buffer out;
	struct error err;

	(void)state;
	assert_int_equal(write_entity(&out, text, strlen(text), &how, &err), 0);
	assert_text(&out, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
			  "Content-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n"
			  "\xff\n\r\n\r\n--b\r\nContent-Type: text/x\r\n"
			  "Content-Transfer-Encoding: binary\r\n\r\nx\r\ny\r\n--b--\r\n");
	buffer_free(&out);
}

/* The header is read again through a window, which must see what the scanner saw. */
static void a_very_long_field_name_hides_nothing(void **state)
{
	struct entity_write how = { .seven_bit = true };
	struct buffer text, out;
	struct error err;
	const size_t len = 20000;

	(void)state;
	buffer_init(&text, MEMORY_MAX);
	buffer_add_string(&text, "Content-");
	memset(buffer_extend(&text, len), 'x', len);
	buffer_add_string(&text, ": y\nContent-Type: text/html\n\nbody\n");
	assert_int_equal(write_entity(&out, text.data, text.len, &how, &err), 0);
	assert_int_equal(out.len, text.len);
	assert_memory_equal(out.data, text.data, out.len);
	buffer_free(&text);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_safe_is_copied),
		cmocka_unit_test(outer_fields_and_an_mbox_line_are_left_out),
		cmocka_unit_test(an_entity_keeps_all_its_fields),
		cmocka_unit_test(a_mail_without_type_gets_the_one_it_implies),
		cmocka_unit_test(eight_bit_text_goes_to_quoted_printable),
		cmocka_unit_test(other_eight_bit_content_goes_to_base64_as_it_came),
		cmocka_unit_test(text_with_nul_goes_to_base64),
		cmocka_unit_test(binary_is_encoded_even_where_it_looks_safe),
		cmocka_unit_test(a_cr_that_ends_no_line_is_encoded),
		cmocka_unit_test(from_at_a_line_s_start_is_encoded),
		cmocka_unit_test(lines_over_998_octets_are_encoded),
		cmocka_unit_test(a_label_that_promises_too_much_is_corrected),
		cmocka_unit_test(a_header_that_reads_in_two_ways_is_refused),
		cmocka_unit_test(a_bare_cr_in_a_header_is_never_written),
		cmocka_unit_test(content_in_an_unknown_encoding_is_refused_by_name),
		cmocka_unit_test(a_message_that_is_no_mail_is_never_encoded),
		cmocka_unit_test(a_body_beyond_ascii_without_a_type_says_what_it_is),
		cmocka_unit_test(what_is_encoded_already_but_unsafe_is_encoded_again),
		cmocka_unit_test(base64_that_is_none_is_refused_by_name),
		cmocka_unit_test(text_that_quotes_a_boundary_stays_text),
		cmocka_unit_test(line_endings_become_one_form),
		cmocka_unit_test(encoded_content_ends_its_lines_alike),
		cmocka_unit_test(binary_keeps_its_octets_where_nothing_is_encoded),
		cmocka_unit_test(a_very_long_field_name_hides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
