/* Headers that mail programs take in different ways: nothing that has one is taken at all. */
#include "mail_support.h"

#include "mail/signed_content.h"
#include "mail/signed_parts.h"

/* Reading text as the header of a mail gives status, and words of it. */
static void assert_header(const char *text, int status, const char *words)
{
	struct octets o;
	hsmime_source in;
	struct window w;
	struct header h;
	struct error err = { 0 };

	octets_string(&in, &o, text);
	assert_int_equal(window_open(&w, &in, WINDOW_ROOM), 0);
	assert_int_equal(header_read(&h, &w, &err), status);
	assert_int_equal(err.code, status);
	assert_non_null(strstr(err.message, words));
	assert_true(status == 0 || err.hint[0] != '\0');
	header_free(&h);
	window_close(&w);
}

static void assert_unclear(const char *parameters, const char *name)
{
	char text[4000], words[100];

	snprintf(text, sizeof(text), "Content-Type: multipart/signed%s\n\n", parameters);
	snprintf(words, sizeof(words), "the mail has more than one value for %s", name);
	assert_header(text, HSMIME_EFORMAT, words);
}

static void assert_clear(const char *parameters)
{
	char text[4000];

	snprintf(text, sizeof(text), "Content-Type: multipart/signed%s\n\n", parameters);
	assert_header(text, 0, "");
}

static void a_field_that_says_how_to_read_is_there_once(void **state)
{
	static const char *const names[] = { "Content-Type", "Content-Transfer-Encoding",
		"Content-Disposition" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[200];

		snprintf(
		    text, sizeof(text), "%s: text/x\nA: b\n%s: text/x\n\n", names[i], names[i]);
		assert_header(text, HSMIME_EFORMAT, names[i]);
		snprintf(text, sizeof(text), "%s: text/x\nX-%s: text/y\n\n", names[i], names[i]);
		assert_header(text, 0, "");
	}
	assert_header("content-type :a/b\nCONTENT-TYPE: c/d\n\n", HSMIME_EFORMAT, "Content-Type");
	assert_header("MIME-Version: 1.0\nMIME-Version: 1.0\nReceived: x\nReceived: y\n\n", 0, "");
}

static void a_parameter_that_says_how_to_read_is_there_once(void **state)
{
	static const char *const names[] = { "boundary", "protocol", "micalg", "charset" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "; %s=\"x\"; a=b; %s=\"y\"", names[i], names[i]);
		assert_unclear(text, names[i]);
	}
	assert_unclear("; boundary=x;BOUNDARY=x", "boundary");
	assert_clear("; name=x; name=y; name*=x; boundary=x; xboundary=y; boundaryx=z");
}

/* RFC 2231 section 3 and 4 */
static void a_parameter_comes_in_one_form(void **state)
{
	(void)state;
	assert_clear("; boundary*=''x");
	assert_clear("; boundary*1=y; boundary*0=x; boundary*2*=%7A");
	assert_unclear("; boundary*0=\"x\"; boundary=\"evil\"", "boundary");
	assert_unclear("; boundary=\"evil\"; boundary*0=\"x\"", "boundary");
	assert_unclear("; boundary=x; boundary*=''y", "boundary");
	assert_unclear("; boundary*=x; boundary*0=y", "boundary");
	assert_unclear("; boundary*0=x; boundary*0*=y", "boundary");
	assert_unclear("; boundary*0=x; boundary*1=y; boundary*1=z", "boundary");
}

static void all_pieces_of_a_parameter_are_there(void **state)
{
	(void)state;
	assert_unclear("; boundary*1=x", "boundary");
	assert_unclear("; boundary*0=x; boundary*2=y", "boundary");
	assert_unclear("; boundary*00=x", "boundary");
	assert_unclear("; boundary*0=x; boundary*01=y", "boundary");
	assert_unclear("; boundary*x=y", "boundary");
	assert_unclear("; boundary**=y", "boundary");
	assert_unclear("; boundary*99=y", "boundary");
	assert_unclear("; boundary*4294967296=y", "boundary");
}

static void no_such_parameter_is_over_the_bounds(void **state)
{
	char many[4000] = "; boundary=x", zeros[200] = "; boundary*";
	size_t at;

	(void)state;
	for (int i = 0; i < CONTENT_TYPE_MAX_PARAMS; i++) {
		at = strlen(many);
		snprintf(many + at, sizeof(many) - at, "; p%d=x", i);
	}
	assert_clear(many);
	at = strlen(many);
	snprintf(many + at, sizeof(many) - at, "; boundary=evil");
	assert_unclear(many, "boundary");
	memset(zeros + strlen(zeros), '0', 100);
	memcpy(zeros + strlen(zeros), "=evil", 6);
	assert_unclear(zeros, "boundary");
}

static void a_cr_ends_no_line_of_a_header(void **state)
{
	static const char *const texts[] = { "Subject: a\rBcc: b@x\n\nx\n",
		"Subject: a\r\rEVIL\r\n\r\nx\n", "A: b\r", "From a@x\rMon\nA: b\n\n",
		"A: b\n c\rd\n\n", "A: b\r\r\nC: d\n\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_header(texts[i], HSMIME_EFORMAT, "a CR without LF");
	assert_header("A: b\r\nC: d\r\n\r\nx\ry\n", 0, "");
}

#define CLEAR(root, content, inner)                                                                \
	"Content-Type: multipart/signed; boundary=s; "                                             \
	"protocol=\"application/pkcs7-signature\"\n" root "\n--s\n" content "\n"                   \
	"--i\n" inner                                                                              \
	"\n\nx\n--i--\n--s\nContent-Type: application/pkcs7-signature\n\nAAAA\n--s--\n"

static void assert_halves(const char *mail, int status, const char *words)
{
	struct structure s;
	struct signed_parts halves;
	struct error err = { 0 };

	scan_string(&s, mail);
	assert_int_equal(signed_parts_find(&halves, &s, 0, &err), status);
	assert_non_null(strstr(err.message, words));
	structure_free(&s);
}

#define MIXED "Content-Type: multipart/mixed; boundary=i\n"

static void every_part_of_a_signed_mail_reads_in_one_way(void **state)
{
	(void)state;
	assert_halves(CLEAR("", MIXED, "Content-Type: text/plain"), 0, "");
	assert_halves(CLEAR("Content-Type: text/html\n", MIXED, "A: b"), HSMIME_EFORMAT,
	    "the mail has more than one Content-Type field");
	assert_halves(CLEAR("",
			  MIXED "Content-Transfer-Encoding: 7bit\n"
				"Content-Transfer-Encoding: base64\n",
			  "A: b"),
	    HSMIME_EFORMAT, "part 1 has more than one Content-Transfer-Encoding field");
	assert_halves(CLEAR("", MIXED, "Content-Type: text/plain; charset=x; charset=y"),
	    HSMIME_EFORMAT, "part 1.1 has more than one value for charset");
	assert_halves(CLEAR("", MIXED, "Content-Type: text/plain\r\rEVIL"), HSMIME_EFORMAT,
	    "part 1.1 has a CR without LF");
	assert_halves(CLEAR("", MIXED, "Content-Type: message/rfc822\n\nA: b\rC: d"),
	    HSMIME_EFORMAT, "part 1.1.1 has a CR without LF");
}

static void a_part_is_judged_with_what_it_holds_alone(void **state)
{
	struct structure s;

	(void)state;
	scan_string(&s, "Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\rC\n\nx\n"
			"--b\nContent-Type: message/rfc822\n\nA: b\n\nx\n--b\nA: b\rC\n\n--b--\n");
	assert_int_equal(structure_judge(&s, 0, NULL), HSMIME_EFORMAT);
	assert_int_equal(structure_judge(&s, 1, NULL), HSMIME_EFORMAT);
	assert_int_equal(structure_judge(&s, 2, NULL), 0);
	assert_int_equal(structure_judge(&s, 3, NULL), 0);
	assert_int_equal(structure_judge(&s, 4, NULL), HSMIME_EFORMAT);
	structure_free(&s);
}

static void assert_content(const char *text, int status, const char *words)
{
	struct octets o;
	hsmime_source in;
	struct error err = { 0 };

	octets_string(&in, &o, text);
	o.pos = strlen(text) / 2;
	assert_int_equal(signed_content_judge(&in, &err), status);
	assert_int_equal(err.code, status);
	assert_non_null(strstr(err.message, words));
}

static void opaque_content_reads_in_one_way_where_it_is_a_mail(void **state)
{
	(void)state;
	assert_content("", 0, "");
	assert_content("no mail\rat all", 0, "");
	assert_content("Content-Type: text/plain\n\nx\ry", 0, "");
	assert_content("Content-Type: a/b\nContent-Type: c/d\n\nx", HSMIME_EFORMAT,
	    "the signed content has more than one Content-Type field");
	assert_content("Content-Type: a/b\rC: d\n\nx", HSMIME_EFORMAT, "a CR without LF");
	assert_content(MIXED "\n--i\n\nx\n--i--\n", 0, "");
	assert_content(MIXED "\n--i\nA: b\rC\n\nx\n--i--\n", HSMIME_EFORMAT, "part 1 has a CR");
	assert_content(
	    "Content-Type: message/rfc822\n\nA: b\rC\n\nx\n", HSMIME_EFORMAT, "part 1 has a CR");
}

static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	static const char text[] = MIXED "\n--i\nA: b\n\nx\n--i--\n";

	(void)state;
	for (size_t at = 0; at < strlen(text); at++) {
		struct octets o;
		hsmime_source in;
		struct error err = { 0 };

		octets_string(&in, &o, text);
		o.fail_at = at;
		assert_int_equal(signed_content_judge(&in, &err), HSMIME_EIO);
		assert_int_equal(err.code, HSMIME_EIO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_that_says_how_to_read_is_there_once),
		cmocka_unit_test(a_parameter_that_says_how_to_read_is_there_once),
		cmocka_unit_test(a_parameter_comes_in_one_form),
		cmocka_unit_test(all_pieces_of_a_parameter_are_there),
		cmocka_unit_test(no_such_parameter_is_over_the_bounds),
		cmocka_unit_test(a_cr_ends_no_line_of_a_header),
		cmocka_unit_test(every_part_of_a_signed_mail_reads_in_one_way),
		cmocka_unit_test(a_part_is_judged_with_what_it_holds_alone),
		cmocka_unit_test(opaque_content_reads_in_one_way_where_it_is_a_mail),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
