/* util/base64.h: decoding. */
#include "streams.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "util/base64.h"

/* How a decoding goes. */
struct run {
	bool pem;
	size_t step; /* octets that the source gives at a time; 0: all */
	size_t ask;  /* octets that are asked for at a time */
	size_t fail_at;
	struct buffer got;
	char rest[64]; /* what stayed in the window */
};

static int decode(struct run *run, const char *text, size_t len)
{
	struct feed f;
	hsmime_source in = feed_open(&f, text, len), out;
	struct base64_decoder d;
	struct window w;
	unsigned char buf[512];
	ptrdiff_t got;

	f.step = run->step;
	f.fail_at = run->fail_at > 0 ? run->fail_at - 1 : NEVER;
	f.status = HSMIME_ETOKEN;
	buffer_init(&run->got, SIZE_MAX / 2);
	assert_int_equal(window_open(&w, &in, 1024), 0);
	base64_decoder_open(&out, &d, &w, run->pem);
	assert_null(out.seek);
	while ((got = out.read(out.arg, buf, run->ask)) > 0)
		assert_int_equal(buffer_add(&run->got, buf, (size_t)got), 0);
	assert_int_equal(out.read(out.arg, buf, 1), got); /* as before */
	if (got == 0 && (len = (size_t)window_need(&w, 40)) > 0)
		snprintf(run->rest, sizeof(run->rest), "%.*s", (int)len, w.data + w.start);
	else
		run->rest[0] = '\0';
	window_close(&w);
	return (int)got;
}

/* Decode in all speeds; expected NULL: HSMIME_EFORMAT. */
static void assert_decoded(const char *text, bool pem, const char *expected, const char *rest)
{
	static const size_t asks[] = { 1, 2, 3, 4, 7, 512 };

	for (size_t step = 0; step <= 5; step++) {
		for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
			struct run run = { .pem = pem, .step = step, .ask = asks[i] };
			int status = decode(&run, text, strlen(text));

			assert_int_equal(status, expected != NULL ? 0 : HSMIME_EFORMAT);
			if (expected != NULL) {
				assert_octets(&run.got, expected, strlen(expected));
				assert_string_equal(run.rest, rest);
			}
			buffer_free(&run.got);
		}
	}
}

static void the_vectors_of_rfc_4648_hold(void **state)
{
	(void)state;
	assert_decoded("", false, "", "");
	assert_decoded("Zg==", false, "f", "");
	assert_decoded("Zm8=", false, "fo", "");
	assert_decoded("Zm9v", false, "foo", "");
	assert_decoded("Zm9vYg==", false, "foob", "");
	assert_decoded("Zm9vYmE=", false, "fooba", "");
	assert_decoded("Zm9vYmFy", false, "foobar", "");
}

static void white_space_may_be_anywhere(void **state)
{
	(void)state;
	assert_decoded("Zm9v\r\nYmFy\r\n", false, "foobar", "");
	assert_decoded(" Z m\t9\nv\r\n\v\fY\n\n\nm F y ", false, "foobar", "");
	assert_decoded("Zm9vYg=\n=\n\n", false, "foob", "");
	assert_decoded("\n \r\n", false, "", "");
}

static void missing_padding_at_the_end_is_tolerated(void **state)
{
	(void)state;
	assert_decoded("Zg", false, "f", "");
	assert_decoded("Zg=", false, "f", "");
	assert_decoded("Zm8\r\n", false, "fo", "");
	assert_decoded("Zm9vYg\n", false, "foob", "");
	assert_decoded("Zm9vYg\n-----END", true, "foob", "-----END");
}

static void a_single_character_left_over_is_malformed(void **state)
{
	(void)state;
	assert_decoded("Z", false, NULL, NULL);
	assert_decoded("Zm9vY", false, NULL, NULL);
	assert_decoded("Zm9vY\n", false, NULL, NULL);
	assert_decoded("Zm9vY=", false, NULL, NULL);
	assert_decoded("Zm9vY===", false, NULL, NULL);
	assert_decoded("Zm9vY\n-----END", true, NULL, NULL);
}

static void padding_belongs_behind_two_or_three_characters(void **state)
{
	(void)state;
	assert_decoded("=", false, NULL, NULL);
	assert_decoded("====", false, NULL, NULL);
	assert_decoded("Zm9v=", false, NULL, NULL);
	assert_decoded("Zm9v====", false, NULL, NULL);
}

static void data_behind_the_padding_is_malformed(void **state)
{
	(void)state;
	assert_decoded("Zg==Zg==", false, NULL, NULL);
	assert_decoded("Zg==\nZ", false, NULL, NULL);
	assert_decoded("Zm8=\r\n\r\n*", false, NULL, NULL);
	assert_decoded("Zm8=\nZm8=\n-----END", true, NULL, NULL);
}

static void every_other_character_is_malformed(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[] = "Zm9vY?Fy";

		if (strchr("\n\r \t\f\v=+/", c) != NULL || (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
			continue;
		text[5] = (char)c;
		assert_decoded(text, false, NULL, NULL);
		text[4] = '\0';
		assert_decoded(text, false, "foo", "");
	}
}

static void nul_is_no_end(void **state)
{
	struct run run = { .ask = 512 };

	(void)state;
	assert_int_equal(decode(&run, "Zm9v\0YmFy", 9), HSMIME_EFORMAT);
	buffer_free(&run.got);
}

static void pem_ends_at_a_dash_which_stays(void **state)
{
	(void)state;
	assert_decoded("Zm9v\nYmFy\n-----END X-----\n", true, "foobar", "-----END X-----\n");
	assert_decoded("Zm9vYg==\r\n-----END X-----\n", true, "foob", "-----END X-----\n");
	assert_decoded("-----END X-----\n", true, "", "-----END X-----\n");
	assert_decoded("Zm9v-YmFy\n", true, "foo", "-YmFy\n");
	assert_decoded("Zm9v\n", true, "foo", "");
	assert_decoded("Zm9v\n-----END X-----\n", false, NULL, NULL);
	assert_decoded("Zm9vYg==\n-----END X-----\n", false, NULL, NULL);
}

static void what_came_before_the_fault_is_given(void **state)
{
	struct run run = { .ask = 512 };

	(void)state;
	assert_int_equal(decode(&run, "Zm9vYmFy*", 9), HSMIME_EFORMAT);
	assert_octets(&run.got, "foobar", 6);
	buffer_free(&run.got);
	assert_int_equal(decode(&run, "Zm9vYg==Z", 9), HSMIME_EFORMAT);
	assert_octets(&run.got, "foob", 4);
	buffer_free(&run.got);
}

static void a_failing_source_fails_at_every_offset(void **state)
{
	static const char text[] = "Zm9vYmFy\r\nZm9vYg==\r\n";

	(void)state;
	for (size_t at = 0; at <= strlen(text); at++) {
		struct run run = { .ask = 5, .step = 3, .fail_at = at + 1 };

		assert_int_equal(decode(&run, text, strlen(text)), HSMIME_ETOKEN);
		assert_true(run.got.len <= 10);
		assert_memory_equal(
		    "foobarfoob", run.got.len > 0 ? (char *)run.got.data : "f", run.got.len);
		buffer_free(&run.got);
	}
}

static void large_text_comes_out_whole(void **state)
{
	unsigned char *data = octets(100000);
	char *text = malloc(140000);
	int len = EVP_EncodeBlock((unsigned char *)text, data, 100000);

	(void)state;
	for (size_t step = 0; step < 2000; step += 999) {
		struct run run = { .ask = 511, .step = step };

		assert_int_equal(decode(&run, text, (size_t)len), 0);
		assert_octets(&run.got, data, 100000);
		buffer_free(&run.got);
	}
	free(data);
	free(text);
}

static void what_is_there_is_given_without_another_read(void **state)
{
	struct feed f;
	hsmime_source in = feed_open(&f, "Zm9vYmFyYmF6", 12), out;
	struct base64_decoder d;
	struct window w;
	char buf[100];

	(void)state;
	f.step = 8;
	assert_int_equal(window_open(&w, &in, 1024), 0);
	base64_decoder_open(&out, &d, &w, false);
	assert_int_equal(out.read(out.arg, buf, sizeof(buf)), 6);
	assert_int_equal(f.reads, 1);
	assert_int_equal(out.read(out.arg, buf, sizeof(buf)), 3);
	window_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_4648_hold),
		cmocka_unit_test(white_space_may_be_anywhere),
		cmocka_unit_test(missing_padding_at_the_end_is_tolerated),
		cmocka_unit_test(a_single_character_left_over_is_malformed),
		cmocka_unit_test(padding_belongs_behind_two_or_three_characters),
		cmocka_unit_test(data_behind_the_padding_is_malformed),
		cmocka_unit_test(every_other_character_is_malformed),
		cmocka_unit_test(nul_is_no_end),
		cmocka_unit_test(pem_ends_at_a_dash_which_stays),
		cmocka_unit_test(what_came_before_the_fault_is_given),
		cmocka_unit_test(a_failing_source_fails_at_every_offset),
		cmocka_unit_test(large_text_comes_out_whole),
		cmocka_unit_test(what_is_there_is_given_without_another_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
