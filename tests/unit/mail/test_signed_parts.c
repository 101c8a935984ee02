/* The two halves of a multipart/signed: RFC 8551 section 3.5.3. */
#include "mail_support.h"

#include "mail/signed_parts.h"

#define SIGNED                                                                                     \
	"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=s\n\n"
#define CONTENT "--s\nContent-Type: text/plain\n\nsigned\n\n"
#define SIGNATURE                                                                                  \
	"--s\nContent-Type: application/pkcs7-signature\n"                                         \
	"Content-Transfer-Encoding: base64\n\nAAAA\n"

static int find(struct signed_parts *halves, const char *text, size_t part)
{
	struct structure s;
	struct error err = { 0 };
	int status;

	scan_string(&s, text);
	memset(halves, 0xff, sizeof(*halves));
	status = signed_parts_find(halves, &s, part, &err);
	assert_int_equal(status, err.code);
	structure_free(&s);
	return status;
}

static void content_and_signature_are_found(void **state)
{
	static const char text[] = SIGNED "preamble\n" CONTENT SIGNATURE "--s--\nepilogue\n";
	struct signed_parts h;

	(void)state;
	assert_int_equal(find(&h, text, 0), 0);
	assert_slice(text, h.content_start, h.content_end, "Content-Type: text/plain\n\nsigned\n");
	assert_slice(text, h.signature_start, h.signature_end, "AAAA");
	assert_int_equal(h.signature_encoding, CTE_BASE64);
	assert_int_equal(h.content_part, 1);
}

static void parts_inside_the_content_are_not_counted(void **state)
{
	static const char text[] = SIGNED "--s\nContent-Type: multipart/mixed; boundary=i\n\n"
					  "--i\n\none\n--i\n\ntwo\n--i--\n" SIGNATURE "--s--\n";
	struct signed_parts h;

	(void)state;
	assert_int_equal(find(&h, text, 0), 0);
	assert_slice(text, h.signature_start, h.signature_end, "AAAA");
}

static void it_may_be_a_part_of_a_mail(void **state)
{
	static const char text[] = "Content-Type: multipart/mixed; boundary=o\n\n--o\n\nunsigned\n"
				   "--o\n" SIGNED CONTENT SIGNATURE "--s--\n--o--\n";
	struct signed_parts h;

	(void)state;
	assert_int_equal(find(&h, text, 2), 0);
	assert_slice(text, h.content_start, h.content_end, "Content-Type: text/plain\n\nsigned\n");
	assert_int_equal(find(&h, text, 0), HSMIME_EFORMAT);
	assert_int_equal(find(&h, text, 1), HSMIME_EFORMAT);
}

static void a_signature_without_type_but_with_its_name_is_one(void **state)
{
	struct signed_parts h;

	(void)state;
	assert_int_equal(find(&h,
			     SIGNED CONTENT
			     "--s\nContent-Type: application/octet-stream; name=smime.p7s\n\nAA\n",
			     0),
	    0);
	assert_int_equal(h.signature_encoding, CTE_IDENTITY);
}

static void other_numbers_of_parts_are_refused(void **state)
{
	static const char *const texts[] = { SIGNED, SIGNED CONTENT "--s--\n",
		SIGNED CONTENT SIGNATURE SIGNATURE "--s--\n",
		SIGNED CONTENT SIGNATURE "--s\n\nunsigned\n--s--\n",
		SIGNED "--s\n\nunsigned\n" CONTENT SIGNATURE "--s--\n" };
	struct signed_parts h;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(find(&h, texts[i], 0), HSMIME_EFORMAT);
		assert_int_equal(h.content_end, 0);
		assert_int_equal(h.signature_end, 0);
	}
}

static void the_second_part_has_to_be_a_signature(void **state)
{
	struct signed_parts h;

	(void)state;
	assert_int_equal(find(&h, SIGNED SIGNATURE CONTENT "--s--\n", 0), HSMIME_EFORMAT);
	assert_int_equal(
	    find(&h, SIGNED CONTENT "--s\nContent-Type: application/pgp-signature\n\nx\n", 0),
	    HSMIME_EFORMAT);
}

static void what_is_not_signed_is_refused(void **state)
{
	struct signed_parts h;

	(void)state;
	assert_int_equal(find(&h, "Subject: x\n\nbody\n", 0), HSMIME_EFORMAT);
	assert_int_equal(find(&h, "Subject: x\n\nbody\n", 1), HSMIME_EFORMAT);
	assert_int_equal(
	    find(
		&h, "Content-Type: multipart/mixed; boundary=s\n\n" CONTENT SIGNATURE "--s--\n", 0),
	    HSMIME_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_and_signature_are_found),
		cmocka_unit_test(parts_inside_the_content_are_not_counted),
		cmocka_unit_test(it_may_be_a_part_of_a_mail),
		cmocka_unit_test(a_signature_without_type_but_with_its_name_is_one),
		cmocka_unit_test(other_numbers_of_parts_are_refused),
		cmocka_unit_test(the_second_part_has_to_be_a_signature),
		cmocka_unit_test(what_is_not_signed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
