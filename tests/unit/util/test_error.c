/* util/error.h */
#include "streams.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "util/error.h"

static void the_code_comes_back_with_the_words(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	assert_int_equal(
	    error_set(&err, HSMIME_EFORMAT, "part %d of %s", 3, "mail"), HSMIME_EFORMAT);
	assert_int_equal(err.code, HSMIME_EFORMAT);
	assert_string_equal(err.message, "part 3 of mail");
	assert_string_equal(err.hint, "");
}

static void nobody_has_to_listen(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, HSMIME_EIO, "%s", "x"), HSMIME_EIO);
	assert_int_equal(error_nomem(NULL), HSMIME_ENOMEM);
	assert_int_equal(error_errno(NULL, "reading", "x"), HSMIME_EIO);
	assert_int_equal(error_openssl(NULL, HSMIME_EINVALID, "x"), HSMIME_EINVALID);
	assert_int_equal(error_hint(NULL, "x"), HSMIME_EINVALID);
	assert_int_equal(error_set(NULL, HSMIME_EPIN, "%s", "x"), HSMIME_EPIN);
	assert_int_equal(error_hint(NULL, "x"), HSMIME_EPIN);
	assert_int_equal(error_prefix(NULL, "x"), HSMIME_EPIN);
	error_clear(NULL);
}

static void longer_text_is_cut_at_the_end_of_the_field(void **state)
{
	struct error err = { .code = 0 };
	char text[2000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	error_set(&err, HSMIME_EIO, "%s", text);
	error_hint(&err, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	assert_int_equal(strlen(err.hint), sizeof(err.hint) - 1);
	assert_int_equal(error_prefix(&err, "%s", text), HSMIME_EIO);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	error_set(&err, HSMIME_EIO, "a%sb", "\n\r\t\x1b[2J\x7f");
	assert_string_equal(err.message, "a????[2J?b");
	error_hint(&err, "%s", "\x1b]0;x\a");
	assert_string_equal(err.hint, "?]0;x?");
	error_prefix(&err, "%s", "\b");
	assert_string_equal(err.message, "?: a????[2J?b");
	error_set(&err, HSMIME_EIO, "%s",
	    "\xc2\x9b"
	    "2J \xc2\x80\xc2");
	assert_string_equal(err.message, "??2J ??\xc2");
}

static void words_in_utf8_stay(void **state)
{
	static const char text[] = "K\xc3\xb6ln \xc2\xa0 \xe2\x82\xac \xf0\x9f\x94\x91";
	struct error err = { .code = 0 };

	(void)state;
	error_set(&err, HSMIME_EIO, "%s", text);
	assert_string_equal(err.message, text);
}

static void a_hint_keeps_the_message_and_a_new_message_drops_the_hint(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	error_set(&err, HSMIME_EPIN, "wrong PIN");
	assert_int_equal(error_hint(&err, "try %s", "again"), HSMIME_EPIN);
	assert_string_equal(err.message, "wrong PIN");
	assert_string_equal(err.hint, "try again");
	assert_int_equal(error_prefix(&err, "token %s", "Demo"), HSMIME_EPIN);
	assert_string_equal(err.message, "token Demo: wrong PIN");
	assert_string_equal(err.hint, "try again");
	error_set(&err, HSMIME_EIO, "gone");
	assert_string_equal(err.hint, "");
	error_clear(&err);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.message, "");
}

static void openssl_gives_its_newest_reason_and_its_queue_is_emptied(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	ERR_raise(ERR_LIB_EVP, EVP_R_INVALID_KEY_LENGTH);
	assert_int_equal(error_openssl(&err, HSMIME_EINVALID, "deciphering"), HSMIME_EINVALID);
	assert_string_equal(err.message, "deciphering: invalid key length");
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(error_openssl(&err, HSMIME_EIO, "deciphering"), HSMIME_EIO);
	assert_string_equal(err.message, "deciphering failed");
}

static void what_a_program_left_in_openssl_s_queue_stays_and_is_no_reason(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	ERR_raise(ERR_LIB_EVP, EVP_R_BAD_DECRYPT);
	ERR_set_mark();
	assert_int_equal(error_openssl(&err, HSMIME_EIO, "deciphering"), HSMIME_EIO);
	assert_string_equal(err.message, "deciphering failed");
	for (int i = 0; i < 2; i++) {
		ERR_raise(ERR_LIB_EVP, EVP_R_INVALID_KEY_LENGTH);
		assert_int_equal(error_openssl(&err, HSMIME_EIO, "deciphering"), HSMIME_EIO);
		assert_string_equal(err.message, "deciphering: invalid key length");
		assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), EVP_R_BAD_DECRYPT);
	}
	assert_int_equal(ERR_pop_to_mark(), 1);
	assert_int_equal(ERR_GET_REASON(ERR_get_error()), EVP_R_BAD_DECRYPT);
	assert_int_equal(ERR_peek_error(), 0);
}

static void openssl_out_of_memory_is_out_of_memory(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	assert_int_equal(error_openssl(&err, HSMIME_EINVALID, "deciphering"), HSMIME_ENOMEM);
	assert_int_equal(err.code, HSMIME_ENOMEM);
	assert_string_equal(err.message, "out of memory");
}

static void errno_is_put_in_words_with_and_without_a_name(void **state)
{
	struct error err = { .code = 0 };

	(void)state;
	errno = ENOENT;
	assert_int_equal(error_errno(&err, "reading", "mail.eml"), HSMIME_EIO);
	assert_string_equal(err.message, "reading mail.eml: No such file or directory");
	errno = ENOSPC;
	assert_int_equal(error_errno(&err, "writing", NULL), HSMIME_EIO);
	assert_string_equal(err.message, "writing: No space left on device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_comes_back_with_the_words),
		cmocka_unit_test(nobody_has_to_listen),
		cmocka_unit_test(longer_text_is_cut_at_the_end_of_the_field),
		cmocka_unit_test(control_characters_do_not_reach_a_terminal),
		cmocka_unit_test(words_in_utf8_stay),
		cmocka_unit_test(a_hint_keeps_the_message_and_a_new_message_drops_the_hint),
		cmocka_unit_test(openssl_gives_its_newest_reason_and_its_queue_is_emptied),
		cmocka_unit_test(what_a_program_left_in_openssl_s_queue_stays_and_is_no_reason),
		cmocka_unit_test(openssl_out_of_memory_is_out_of_memory),
		cmocka_unit_test(errno_is_put_in_words_with_and_without_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
