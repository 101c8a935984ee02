/* Making nested mails 7-bit safe: only what needs it changes. */
#include "entity_support.h"

static void only_the_parts_that_need_it_change(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\npre\n"
		    "--b\nContent-Type: text/plain\nX:  y\n\nsafe \n"
		    "--b\nContent-Type: text/plain\nX:  y\n\n\xe4\n"
		    "--b\n\nsafe\n--b--\nepi\n",
	    "Content-Type: multipart/mixed; boundary=b\n\npre\n"
	    "--b\nContent-Type: text/plain\nX:  y\n\nsafe \n"
	    "--b\nContent-Type: text/plain\nX:  y\nContent-Transfer-Encoding: "
	    "quoted-printable\n\n=E4\n"
	    "--b\n\nsafe\n--b--\nepi\n");
}

/* RFC 2045 section 6.4: a multipart says 7bit, 8bit or binary, as its parts are. */
static void multiparts_around_say_7bit(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n"
		    "--b\nContent-Type: multipart/mixed; boundary=i\n"
		    "Content-Transfer-Encoding: binary\n\n--i\n\n\xe4\n--i--\n--b--\n",
	    "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 7bit\n\n"
	    "--b\nContent-Type: multipart/mixed; boundary=i\n"
	    "Content-Transfer-Encoding: 7bit\n\n--i\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4\n--i--\n--b--\n");
}

static void parts_inside_a_message_are_encoded_too(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\n"
		    "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n"
		    "From a@x Mon\nSubject: \xc3\xa4\nReceived: x\n\n\xc3\xa4\n--b--\n",
	    "Content-Type: multipart/mixed; boundary=b\n\n"
	    "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 7bit\n\n"
	    "Subject: \xc3\xa4\nReceived: x\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=C3=A4\n--b--\n");
}

/* A mailbox would make it ">From ". */
static void an_mbox_line_of_a_message_inside_goes(void **state)
{
	static const char mail[] =
	    "Content-Type: message/rfc822\n\nFrom a@x Mon\nSubject: x\n\ny\n";

	(void)state;
	assert_safe(mail, "Content-Type: message/rfc822\n\nSubject: x\n\ny\n");
	assert_copied(mail, mail);
	assert_safe("Content-Type: message/rfc822\n\nPOST /x HTTP/1.1\nA: b\n\n\xe4",
	    "Content-Type: message/rfc822\n\nPOST /x HTTP/1.1\nA: b\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4");
}

static void a_message_that_is_the_mail_s_content_is_encoded_inside(void **state)
{
	(void)state;
	assert_safe("Content-Type: message/rfc822\n\nSubject: x\nContent-Type: image/x\n\n\xff",
	    "Content-Type: message/rfc822\n\nSubject: x\nContent-Type: image/x\n"
	    "Content-Transfer-Encoding: base64\n\n/w==\n");
}

#define SIGNED(protocol, content)                                                                  \
	"Content-Type: multipart/mixed; boundary=o\n\n--o\n\nfirst\n--o\n"                         \
	"Content-Type: multipart/signed; boundary=s; protocol=\"" protocol "\"\n\n--s\n" content   \
	"\n--s\nContent-Type: application/pkcs7-signature\n\nAAAA\n--s--\n--o--\n"

static void signed_content_is_never_touched(void **state)
{
	static const char safe[] =
	    SIGNED("application/pkcs7-signature", "Content-Transfer-Encoding: 8bit\n\nFrom x \n");

	(void)state;
	assert_safe(safe, safe);
}

static void unsafe_signed_content_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused(SIGNED("application/pkcs7-signature", "\n\xe4"), HSMIME_EPOLICY,
	    "part 2.1 (text/plain)");
	assert_refused(
	    SIGNED("application/pgp-signature", "\n\xe4"), HSMIME_EPOLICY, "part 2.1 (text/plain)");
	assert_refused(SIGNED("application/pkcs7-signature",
			   "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n"
			   "--i\nContent-Type: image/x\n\na\rb\n--i--"),
	    HSMIME_EPOLICY, "part 2.1.2 (image/x)");
	assert_refused(SIGNED("application/pkcs7-signature",
			   "Content-Type: message/rfc822\n\nSubject: x\n\n\xe4"),
	    HSMIME_EPOLICY, "part 2.1.1 (text/plain)");
}

static void unsafe_signed_content_is_copied_where_nothing_is_encoded(void **state)
{
	static const char mail[] = SIGNED("application/pkcs7-signature", "\n\xe4");

	(void)state;
	assert_copied(mail, mail);
}

/* It is not what was signed. */
static void the_signature_beside_it_may_be_encoded(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/signed; boundary=s\n\n--s\n\nx\n--s\n"
		    "Content-Type: application/pkcs7-signature\n\n\x30\x80\n--s--\n",
	    "Content-Type: multipart/signed; boundary=s\n\n--s\n\nx\n--s\n"
	    "Content-Type: application/pkcs7-signature\n"
	    "Content-Transfer-Encoding: base64\n\nMIA=\n\n--s--\n");
}

/* RFC 2046 section 5.1.1: they are to be ignored. */
static void an_unsafe_preamble_and_epilogue_are_left_out(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\npr\xe4\n--b\n\nx\n--b--\nepi\n",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n");
	assert_safe("Content-Type: multipart/mixed; boundary=o\n\n--o\n"
		    "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--i--\n\xe4\n--o--\n",
	    "Content-Type: multipart/mixed; boundary=o\n\n--o\n"
	    "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nx\n--i--\n--o--\n");
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\nFrom x\n--b\n\nx\n--b--\n",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n");
}

static void a_multipart_without_parts_can_t_be_encoded(void **state)
{
	static const char safe[] = "Content-Type: multipart/mixed; boundary=b\n\nno part\n";

	(void)state;
	assert_safe(safe, safe);
	assert_refused("Content-Type: multipart/mixed; boundary=b\n\nno p\xe4rt\n", HSMIME_EPOLICY,
	    "the mail (multipart/mixed)");
	assert_refused(
	    "Content-Type: multipart/mixed\n\nno p\xe4rt\n", HSMIME_EPOLICY, "8-bit octets");
	assert_refused("Content-Type: multipart/mixed; boundary=b\n\nFrom x\n", HSMIME_EPOLICY,
	    "\"From \" but no parts that could be encoded");
	assert_refused("Content-Type: multipart/mixed\n\nFrom x\n", HSMIME_EPOLICY,
	    "\"From \" but no parts that could be encoded");
	assert_refused("Content-Type: multipart/mixed\nContent-Transfer-Encoding: binary\n\nx\n",
	    HSMIME_EPOLICY, "labelled binary but no parts that could be encoded");
}

static void a_part_without_an_empty_line_gets_one_where_it_is_encoded(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n\xe4\n--b--\n",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4\n--b--\n");
}

static void an_unclosed_multipart_is_copied_as_far_as_it_goes(void **state)
{
	(void)state;
	assert_safe("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\xe4",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n=E4");
}

static void ten_thousand_parts_are_encoded(void **state)
{
	struct entity_write how = { .seven_bit = true };
	struct buffer text, out;
	struct structure s;
	struct error err;

	(void)state;
	buffer_init(&text, MEMORY_MAX);
	buffer_add_string(&text, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 1; i < STRUCTURE_MAX_PARTS; i++)
		buffer_add_string(&text, "--b\n\n\xe4\n");
	buffer_add_string(&text, "--b--\n");
	assert_int_equal(write_entity(&out, text.data, text.len, &how, &err), 0);
	scan_octets(&s, out.data, out.len);
	assert_int_equal(s.count, STRUCTURE_MAX_PARTS);
	for (size_t i = 1; i < s.count; i++)
		assert_int_equal(s.parts[i].encoding, CTE_QUOTED_PRINTABLE);
	structure_free(&s);
	buffer_free(&text);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_parts_that_need_it_change),
		cmocka_unit_test(multiparts_around_say_7bit),
		cmocka_unit_test(parts_inside_a_message_are_encoded_too),
		cmocka_unit_test(an_mbox_line_of_a_message_inside_goes),
		cmocka_unit_test(a_message_that_is_the_mail_s_content_is_encoded_inside),
		cmocka_unit_test(signed_content_is_never_touched),
		cmocka_unit_test(unsafe_signed_content_is_refused_by_name),
		cmocka_unit_test(unsafe_signed_content_is_copied_where_nothing_is_encoded),
		cmocka_unit_test(the_signature_beside_it_may_be_encoded),
		cmocka_unit_test(an_unsafe_preamble_and_epilogue_are_left_out),
		cmocka_unit_test(a_multipart_without_parts_can_t_be_encoded),
		cmocka_unit_test(a_part_without_an_empty_line_gets_one_where_it_is_encoded),
		cmocka_unit_test(an_unclosed_multipart_is_copied_as_far_as_it_goes),
		cmocka_unit_test(ten_thousand_parts_are_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
