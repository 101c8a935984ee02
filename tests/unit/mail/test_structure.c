/* The tree of a mail's parts as offsets: RFC 2046. */
#include "mail_support.h"

#include "mail/part_table.h"

/* What a part is expected to be, in the words of the mail itself. */
static void assert_part(
    const char *text, const struct structure *s, size_t part, const char *header, const char *body)
{
	assert_true(part < s->count);
	assert_slice(text, s->parts[part].start, s->parts[part].body, header);
	assert_slice(text, s->parts[part].body, s->parts[part].end, body);
}

static void a_mail_without_mime_is_one_part(void **state)
{
	static const char text[] = "Subject: x\n\none\ntwo\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 1);
	assert_part(text, &s, 0, "Subject: x\n\n", "one\ntwo\n");
	assert_string_equal(s.parts[0].type, "text");
	assert_string_equal(s.parts[0].subtype, "plain");
	assert_int_equal(s.parts[0].kind, ENTITY_OTHER);
	structure_free(&s);
}

static void parts_lie_between_boundaries(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\npreamble\n"
				   "--b\nA: 1\n\none\n--b\n\ntwo\n\n--b--\nepilogue\n";
	struct structure s;
	const struct part *p;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 3);
	assert_part(text, &s, 1, "A: 1\n\n", "one");
	assert_part(text, &s, 2, "\n", "two\n");
	p = &s.parts[0];
	assert_slice(text, p->body, p->preamble_end, "preamble\n");
	assert_slice(text, p->epilogue, p->end, "\nepilogue\n");
	assert_true(p->closed);
	assert_int_equal(p->kind, ENTITY_MULTIPART);
	assert_string_equal(p->boundary, "b");
	structure_free(&s);
}

static void the_line_ending_before_a_boundary_belongs_to_it(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
				   "--b\r\n\r\ncr\r\r\n--b\n\nlf\n--b\n\r\ncrlf\r\n--b--\r\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 4);
	assert_part(text, &s, 1, "\r\n", "cr\r");
	assert_part(text, &s, 2, "\n", "lf");
	assert_part(text, &s, 3, "\r\n", "crlf");
	assert_int_equal(s.lf_lines, 4);
	assert_int_equal(s.crlf_lines, 8);
	structure_free(&s);
}

static void multiparts_nest(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=outer\n\n--outer\n"
				   "Content-Type: multipart/alternative; boundary=inner\n\n"
				   "--inner\n\none\n--inner\n\ntwo\n--inner--\nafter\n"
				   "--outer\n\nthree\n--outer--\n";
	struct structure s;
	size_t children[3];

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 5);
	assert_part(text, &s, 2, "\n", "one");
	assert_part(text, &s, 3, "\n", "two");
	assert_part(text, &s, 4, "\n", "three");
	assert_slice(text, s.parts[1].epilogue, s.parts[1].end, "\nafter");
	assert_int_equal(s.parts[3].depth, 2);
	assert_int_equal(s.parts[3].parent, 1);
	assert_int_equal(s.parts[4].parent, 0);
	assert_int_equal(structure_children(&s, 0, children, 3), 2);
	assert_int_equal(children[1], 4);
	assert_int_equal(structure_children(&s, 1, children, 1), 2);
	assert_int_equal(children[0], 2);
	assert_int_equal(structure_children(&s, 2, NULL, 0), 0);
	structure_free(&s);
}

static void an_outer_boundary_ends_what_is_open_inside(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=outer\n\n--outer\n"
				   "Content-Type: multipart/mixed; boundary=inner\n\n"
				   "--inner\n\none\n--outer\n\n--inner\ntwo\n--outer--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 4);
	assert_part(text, &s, 2, "\n", "one");
	assert_false(s.parts[1].closed);
	assert_part(text, &s, 3, "\n", "--inner\ntwo");
	structure_free(&s);
}

static void a_boundary_that_starts_another_does_not_end_it(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
				   "Content-Type: multipart/mixed; boundary=bb\n\n"
				   "--bb\n\none\n--bb--\n--b--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 3);
	assert_part(text, &s, 2, "\n", "one");
	assert_true(s.parts[0].closed && s.parts[1].closed);
	structure_free(&s);
}

static void of_equal_boundaries_the_inner_one_counts(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
				   "Content-Type: multipart/mixed; boundary=b\n\n"
				   "--b\n\none\n--b--\n--b\n\ntwo\n--b--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 4);
	assert_int_equal(s.parts[2].parent, 1);
	assert_int_equal(s.parts[3].parent, 0);
	assert_part(text, &s, 3, "\n", "two");
	structure_free(&s);
}

static void a_message_holds_a_mail(void **state)
{
	static const char text[] =
	    "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n"
	    "From a@x Mon\nSubject: inner\nContent-Type: multipart/mixed; boundary=i\n\n"
	    "--i\n\none\n--i--\n--o--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 4);
	assert_true(s.parts[1].message);
	assert_int_equal(s.parts[2].parent, 1);
	assert_int_equal(s.parts[2].start, s.parts[1].body);
	assert_int_equal(s.parts[2].end, s.parts[1].end);
	assert_string_equal(s.parts[2].subtype, "mixed");
	assert_part(text, &s, 3, "\n", "one");
	structure_free(&s);
}

static void an_encoded_message_is_a_leaf(void **state)
{
	struct structure s;

	(void)state;
	scan_string(
	    &s, "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgo=\n");
	assert_int_equal(s.count, 1);
	assert_false(s.parts[0].message);
	structure_free(&s);
}

/* RFC 2046 section 5.1.5 */
static void parts_of_a_digest_are_messages(void **state)
{
	static const char text[] = "Content-Type: multipart/digest; boundary=b\n\n"
				   "--b\n\nSubject: x\n\none\n"
				   "--b\nContent-Type: text/html\n\ntwo\n--b--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 4);
	assert_true(s.parts[1].message);
	assert_part(text, &s, 2, "Subject: x\n\n", "one");
	assert_false(s.parts[3].message);
	assert_string_equal(s.parts[3].subtype, "html");
	structure_free(&s);
}

static void without_a_closing_boundary_the_last_part_reaches_to_the_end(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b-";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 2);
	assert_false(s.parts[0].closed);
	assert_int_equal(s.parts[0].epilogue, strlen(text));
	assert_part(text, &s, 1, "\n", "one\n--b-");
	structure_free(&s);
}

static void a_multipart_without_boundary_lines_is_all_preamble(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\none\n--c\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 1);
	assert_slice(text, s.parts[0].body, s.parts[0].preamble_end, "one\n--c\n");
	structure_free(&s);
}

static void a_multipart_without_a_usable_boundary_is_a_leaf(void **state)
{
	static const char *const texts[] = { "Content-Type: multipart/mixed\n\n--\n--\n",
		"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n--\n",
		"Content-Type: multipart/signed; boundary=\" \"\n\n-- \n--\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct structure s;

		scan_string(&s, texts[i]);
		assert_int_equal(s.count, 1);
		assert_null(s.parts[0].boundary);
		assert_int_equal(s.parts[0].kind, ENTITY_OTHER);
		structure_free(&s);
	}
}

static void parts_may_be_empty_or_have_no_body(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n"
				   "--b\n--b\n\n--b\nA: 1\n--b\nA: 1\n\n--b\nno header\n--b--";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 6);
	assert_part(text, &s, 1, "", "");
	assert_part(text, &s, 2, "", "");
	assert_part(text, &s, 3, "A: 1", "");
	assert_part(text, &s, 4, "A: 1\n", "");
	assert_part(text, &s, 5, "", "no header");
	assert_true(s.parts[0].closed);
	structure_free(&s);
}

static void a_header_ends_before_what_is_no_field(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n"
				   "--b\nContent-Type: text/html\n<p>\n--b\n folded\n--b--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 3);
	assert_part(text, &s, 1, "Content-Type: text/html\n", "<p>");
	assert_string_equal(s.parts[1].subtype, "html");
	assert_part(text, &s, 2, "", " folded");
	structure_free(&s);
}

static void a_nul_in_an_inner_header_ends_it(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=b\n\n"
				   "--b\nA: 1\nContent-Type: text/html\0\n\nx\n--b--\n";
	struct structure s;

	(void)state;
	scan_octets(&s, text, sizeof(text) - 1);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.parts[1].subtype, "plain");
	assert_true(s.parts[1].nul);
	structure_free(&s);
}

static void boundaries_inside_a_header_end_the_part(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=\"b: x\"\n\n"
				   "--b: x\nA: 1\n--b: x--\n";
	struct structure s;

	(void)state;
	scan_string(&s, text);
	assert_int_equal(s.count, 2);
	assert_part(text, &s, 1, "A: 1", "");
	assert_true(s.parts[0].closed);
	structure_free(&s);
}

/* Inside a mail a signature is a part beside another, and no layer. */
static void a_signature_part_is_no_cms_layer(void **state)
{
	struct structure s;

	(void)state;
	scan_string(&s, "Content-Type: multipart/mixed; boundary=b\n\n"
			"--b\nContent-Type: application/pkcs7-signature\n\nAAAA\n"
			"--b\nContent-Type: application/pkcs7-mime\n\nAAAA\n--b--\n");
	assert_int_equal(s.parts[1].kind, ENTITY_OTHER);
	assert_true(s.parts[1].signature);
	assert_int_equal(s.parts[2].kind, ENTITY_CMS);
	structure_free(&s);
	scan_string(&s, "Content-Type: application/pkcs7-signature\n\nAAAA\n");
	assert_int_equal(s.parts[0].kind, ENTITY_CMS);
	structure_free(&s);
}

static void a_part_is_named_by_its_place(void **state)
{
	struct structure s;
	char name[100];

	(void)state;
	scan_string(&s, "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nx\n--o\n"
			"Content-Type: multipart/mixed; boundary=i\n\n--i\n\ny\n--i\n"
			"Content-Type: text/html\n\nz\n--i--\n--o--\n");
	part_name(name, sizeof(name), &s, 0);
	assert_string_equal(name, "the mail (multipart/mixed)");
	part_name(name, sizeof(name), &s, 1);
	assert_string_equal(name, "part 1 (text/plain)");
	part_name(name, sizeof(name), &s, 4);
	assert_string_equal(name, "part 2.2 (text/html)");
	structure_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_without_mime_is_one_part),
		cmocka_unit_test(parts_lie_between_boundaries),
		cmocka_unit_test(the_line_ending_before_a_boundary_belongs_to_it),
		cmocka_unit_test(multiparts_nest),
		cmocka_unit_test(an_outer_boundary_ends_what_is_open_inside),
		cmocka_unit_test(a_boundary_that_starts_another_does_not_end_it),
		cmocka_unit_test(of_equal_boundaries_the_inner_one_counts),
		cmocka_unit_test(a_message_holds_a_mail),
		cmocka_unit_test(an_encoded_message_is_a_leaf),
		cmocka_unit_test(parts_of_a_digest_are_messages),
		cmocka_unit_test(without_a_closing_boundary_the_last_part_reaches_to_the_end),
		cmocka_unit_test(a_multipart_without_boundary_lines_is_all_preamble),
		cmocka_unit_test(a_multipart_without_a_usable_boundary_is_a_leaf),
		cmocka_unit_test(parts_may_be_empty_or_have_no_body),
		cmocka_unit_test(a_header_ends_before_what_is_no_field),
		cmocka_unit_test(a_nul_in_an_inner_header_ends_it),
		cmocka_unit_test(boundaries_inside_a_header_end_the_part),
		cmocka_unit_test(a_signature_part_is_no_cms_layer),
		cmocka_unit_test(a_part_is_named_by_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
