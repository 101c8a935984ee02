/* The lexical ground of structured fields. */
#include "mail_support.h"

#include "mail/text.h"

static void white_space_is_space_tab_cr_and_lf(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++)
		assert_int_equal(text_is_space((char)c), c != 0 && strchr(" \t\r\n", c) != NULL);
}

static void comments_nest(void **state)
{
	(void)state;
	assert_string_equal(text_skip_comment("(a(b)c)d"), "d");
	assert_string_equal(text_skip_comment("()x"), "x");
}

static void quoted_pairs_do_not_close_a_comment(void **state)
{
	(void)state;
	assert_string_equal(text_skip_comment("(a\\)b)c"), "c");
	assert_string_equal(text_skip_comment("(a\\(b)c"), "c");
	assert_string_equal(text_skip_comment("(a\\\\)c"), "c");
}

static void an_open_comment_reaches_to_the_end(void **state)
{
	(void)state;
	assert_string_equal(text_skip_comment("(a(b)c"), "");
	assert_string_equal(text_skip_comment("(a\\"), "");
}

static void white_space_and_comments_are_skipped_together(void **state)
{
	(void)state;
	assert_string_equal(text_skip_space(" \t(one) (two)\r\n three"), "three");
	assert_string_equal(text_skip_space(")"), ")");
	assert_string_equal(text_skip_space(""), "");
}

static void lower_case_changes_ascii_letters_alone(void **state)
{
	char out[32];

	(void)state;
	assert_true(text_lower(out, sizeof(out), "AZaz@[\xc4", 7));
	assert_string_equal(out, "azaz@[\xc4");
}

static void lower_case_needs_room_and_something_to_do(void **state)
{
	char out[4];

	(void)state;
	assert_true(text_lower(out, sizeof(out), "ABC", 3));
	assert_false(text_lower(out, sizeof(out), "ABCD", 4));
	assert_false(text_lower(out, sizeof(out), "", 0));
}

static void equal_texts_differ_in_ascii_case_at_most(void **state)
{
	(void)state;
	assert_true(text_equal("Content-Type", "CONTENT-TYPE"));
	assert_false(text_equal("Content-Type", "Content-Typ"));
	assert_false(text_equal("Content-Typ", "Content-Type"));
	assert_false(text_equal("\xc3\xa4", "\xc3\x84"));
	assert_false(text_equal("@", "`"));
	assert_true(text_equal_len("PGP-sha1", "pgp-md5", 4));
	assert_false(text_equal_len("pg", "pgp-", 4));
}

static void hexadecimal_digits_have_values(void **state)
{
	static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

	(void)state;
	for (int i = 0; i < 16; i++) {
		assert_int_equal(text_hex_digit(digits[i]), i);
		assert_int_equal(text_hex_digit(upper[i]), i);
	}
	for (const char *p = "/:@G`g \t="; *p != '\0'; p++)
		assert_int_equal(text_hex_digit(*p), -1);
	assert_int_equal(text_hex_digit('\0'), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_space_is_space_tab_cr_and_lf),
		cmocka_unit_test(comments_nest),
		cmocka_unit_test(quoted_pairs_do_not_close_a_comment),
		cmocka_unit_test(an_open_comment_reaches_to_the_end),
		cmocka_unit_test(white_space_and_comments_are_skipped_together),
		cmocka_unit_test(lower_case_changes_ascii_letters_alone),
		cmocka_unit_test(lower_case_needs_room_and_something_to_do),
		cmocka_unit_test(equal_texts_differ_in_ascii_case_at_most),
		cmocka_unit_test(hexadecimal_digits_have_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
