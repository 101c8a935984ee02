/* Parts that are CMS of their own: where they are, and what is around them. */
#include "mail_support.h"

#include "mail/inner_parts.h"

#define CMS "Content-Type: application/pkcs7-mime\n\nAAAA\n"

static void find(struct inner_parts *parts, const char *text, size_t max)
{
	struct structure s;

	scan_string(&s, text);
	assert_int_equal(inner_parts_find(parts, &s, max), 0);
	structure_free(&s);
}

static void they_are_found_at_any_depth(void **state)
{
	static const char text[] =
	    "Content-Type: multipart/mixed; boundary=a\n\n--a\n\ntext\n--a\n" CMS
	    "--a\nContent-Type: message/rfc822\n\nSubject: x\nContent-Type: multipart/mixed; "
	    "boundary=b\n\n--b\nX: y\n" CMS "--b--\n--a--\n";
	struct inner_parts parts;

	(void)state;
	find(&parts, text, 10);
	assert_int_equal(parts.count, 2);
	assert_false(parts.more);
	assert_string_equal(parts.list[0].place, "2");
	assert_slice(text, parts.list[0].start, parts.list[0].end,
	    "Content-Type: application/pkcs7-mime\n\nAAAA");
	assert_memory_equal(parts.list[0].boundaries, "a\0", 3);
	assert_string_equal(parts.list[1].place, "3.1.1");
	assert_slice(text, parts.list[1].start, parts.list[1].end,
	    "X: y\nContent-Type: application/pkcs7-mime\n\nAAAA");
	assert_memory_equal(parts.list[1].boundaries, "b\0a\0", 5);
	for (size_t i = 0; i < 2; i++)
		assert_false(parts.list[i].is_signed || parts.list[i].unclear);
	inner_parts_free(&parts);
}

static void the_mail_itself_may_be_one(void **state)
{
	struct inner_parts parts;

	(void)state;
	find(&parts, "Subject: x\n" CMS, 10);
	assert_int_equal(parts.count, 1);
	assert_string_equal(parts.list[0].place, "");
	assert_memory_equal(parts.list[0].boundaries, "", 1);
	inner_parts_free(&parts);
}

static void a_signature_around_them_is_told(void **state)
{
	static const char *const types[] = { "signed; protocol=\"application/pkcs7-signature\"",
		"Signed; protocol=\"application/pgp-signature\"", "mixed" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct inner_parts parts;
		char text[512];

		snprintf(text, sizeof(text),
		    "Content-Type: multipart/%s; boundary=s\n\n--s\n"
		    "Content-Type: multipart/mixed; boundary=a\n\n--a\n" CMS
		    "--a--\n--s\n\nsignature\n--s--\n",
		    types[i]);
		find(&parts, text, 10);
		assert_int_equal(parts.count, 1);
		assert_int_equal(parts.list[0].is_signed, i < 2);
		inner_parts_free(&parts);
	}
}

static void what_reads_in_two_ways_is_told_to_those_inside(void **state)
{
	static const char text[] =
	    "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
	    "Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n" CMS "--b--\n--a\n" CMS
	    "--a\nContent-Type: text/plain\n" CMS "--a--\n";
	struct inner_parts parts;

	(void)state;
	find(&parts, text, 10);
	assert_int_equal(parts.count, 2);
	assert_true(parts.list[0].unclear);
	assert_false(parts.list[1].unclear);
	inner_parts_free(&parts);
}

/* What such a file holds is nobody's to know here; a message as MIME has it is gone into. */
static void a_mail_that_is_attached_as_a_file_is_told(void **state)
{
	static const struct {
		const char *header, *place;
	} parts[] = {
		{ "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n", "1" },
		{ "Content-Type: message/global\nContent-Transfer-Encoding: quoted-printable\n",
		    "1" },
		{ "Content-Type: application/octet-stream; name=x.EML\n", "1" },
		{ "Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a "
		  "b.eml\"\n",
		    "1" },
		{ "Content-Type: message/rfc822; name=x.eml\n", NULL },
		{ "Content-Type: application/octet-stream; name=x.eml.txt\n", NULL },
		{ "Content-Type: application/octet-stream; name=eml\n", NULL },
		{ "Content-Type: application/pkcs7-mime; name=x.eml\n", NULL },
		{ "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n",
		    NULL },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct inner_parts found;

		snprintf(text, sizeof(text),
		    "Content-Type: multipart/mixed; boundary=a\n\n--a\n%s\nAAAA\n--a--\n",
		    parts[i].header);
		find(&found, text, 10);
		assert_int_equal(found.attached != NULL, parts[i].place != NULL);
		if (found.attached != NULL)
			assert_string_equal(found.attached, parts[i].place);
		inner_parts_free(&found);
	}
}

static void no_more_than_asked_for(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=a\n\n--a\n" CMS
				   "--a\n" CMS "--a\n\ntext\n--a--\n";

	(void)state;
	for (size_t max = 0; max < 4; max++) {
		struct inner_parts parts;

		find(&parts, text, max);
		assert_int_equal(parts.count, max < 2 ? max : 2);
		assert_int_equal(parts.more, max < 2);
		inner_parts_free(&parts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_found_at_any_depth),
		cmocka_unit_test(the_mail_itself_may_be_one),
		cmocka_unit_test(a_signature_around_them_is_told),
		cmocka_unit_test(what_reads_in_two_ways_is_told_to_those_inside),
		cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(a_mail_that_is_attached_as_a_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
