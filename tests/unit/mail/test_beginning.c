/* mail/beginning: what content that nothing authenticates has to begin with. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rand.h>

#include "mail/beginning.h"

static bool begins(const char *text)
{
	return beginning_is_message((const unsigned char *)text, strlen(text));
}

static void an_entity_begins_with_a_field_or_an_empty_line(void **state)
{
	(void)state;
	assert_true(begins("Content-Type: text/plain\r\n\r\nhello\r\n"));
	assert_true(begins("content-type:text/plain"));
	assert_true(begins("Subject: gr\xc3\xbc\xc3\x9f"));
	assert_true(begins("\r\nno header at all"));
	assert_true(begins("\nno header at all"));
}

static void other_octets_do_not(void **state)
{
	(void)state;
	assert_false(begins(""));
	assert_false(begins("hello, no field"));
	assert_false(begins("x: too short to be more than chance"));
	assert_false(begins(": no name"));
	assert_false(begins("Content Type: a space in the name"));
	assert_false(begins("Content-Type: text/plain\r\n\x01"));
	assert_false(begins("Content-Type"));
}

static void cms_begins_with_the_type_of_its_content(void **state)
{
	static const unsigned char definite[] = { 0x30, 0x82, 1, 2, 6, 9, 0x2a, 0x86, 0x48, 0x86,
		0xf7, 0x0d, 1, 7, 2 };
	static const unsigned char indefinite[] = { 0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7,
		0x0d, 1, 7, 3 };
	unsigned char other[sizeof(definite)];

	(void)state;
	assert_true(beginning_is_message(definite, sizeof(definite)));
	assert_true(beginning_is_message(indefinite, sizeof(indefinite)));
	for (size_t len = 0; len < 13; len++)
		assert_false(beginning_is_message(definite, len));
	memcpy(other, definite, sizeof(other));
	other[8] ^= 1;
	assert_false(beginning_is_message(other, sizeof(other)));
	other[1] = 0x89;
	assert_false(beginning_is_message(other, sizeof(other)));
}

/* A wrong key gives octets like these. */
static void what_is_random_does_not(void **state)
{
	unsigned char octets[BEGINNING_OCTETS];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(RAND_bytes(octets, sizeof(octets)), 1);
		assert_false(beginning_is_message(octets, sizeof(octets)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entity_begins_with_a_field_or_an_empty_line),
		cmocka_unit_test(other_octets_do_not),
		cmocka_unit_test(cms_begins_with_the_type_of_its_content),
		cmocka_unit_test(what_is_random_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
