/* util/base64.h: encoding. */
#include "streams.h"

#include <openssl/evp.h>

#include "util/base64.h"
#include "util/sink.h"

/* Encode data, step octets in a write. */
static int encode(const hsmime_sink *next, const void *data, size_t len, size_t step, unsigned line,
    const char *newline)
{
	struct base64_encoder e;
	hsmime_sink sink;
	int status = base64_encoder_open(&sink, &e, next, line, newline);

	for (size_t at = 0; status == 0 && at < len;) {
		size_t n = len - at < step ? len - at : step;

		status = sink_write(&sink, (const unsigned char *)data + at, n);
		at += n;
	}
	if (status == 0)
		status = base64_encoder_finish(&e);
	base64_encoder_close(&e);
	return status;
}

static void assert_encoded(const char *data, const char *text)
{
	struct catch c;
	hsmime_sink next = catch_open(&c);

	assert_int_equal(encode(&next, data, strlen(data), 1, BASE64_LINE, "\n"), 0);
	assert_octets(&c.got, text, strlen(text));
	catch_close(&c);
}

static void the_vectors_of_rfc_4648_hold(void **state)
{
	(void)state;
	assert_encoded("", "");
	assert_encoded("f", "Zg==\n");
	assert_encoded("fo", "Zm8=\n");
	assert_encoded("foo", "Zm9v\n");
	assert_encoded("foob", "Zm9vYg==\n");
	assert_encoded("fooba", "Zm9vYmE=\n");
	assert_encoded("foobar", "Zm9vYmFy\n");
}

/* What OpenSSL makes of it in one piece, cut into lines. */
static void expect(
    struct buffer *out, const unsigned char *data, size_t len, unsigned line, const char *newline)
{
	unsigned char *text = malloc(len * 2 + 8);
	size_t n = (size_t)EVP_EncodeBlock(text, data, (int)len);

	buffer_init(out, SIZE_MAX / 2);
	for (size_t at = 0; at < n; at += line) {
		buffer_add(out, text + at, n - at < line ? n - at : line);
		buffer_add_string(out, newline);
	}
	assert_int_equal(out->status, 0);
	free(text);
}

static void lines_are_of_that_length_for_every_size_and_step(void **state)
{
	static const unsigned lines[] = { 4, BASE64_PEM_LINE, BASE64_LINE };
	unsigned char *data = octets(240);

	(void)state;
	for (size_t len = 0; len <= 240; len++) {
		for (size_t i = 0; i < 3; i++) {
			const char *newline = i == 1 ? "\r\n" : "\n";
			struct buffer expected;

			expect(&expected, data, len, lines[i], newline);
			for (size_t step = 1; step <= 64; step = step * 2 + 1) {
				struct catch c;
				hsmime_sink next = catch_open(&c);

				assert_int_equal(
				    encode(&next, data, len, step, lines[i], newline), 0);
				assert_octets(&c.got, expected.data, expected.len);
				catch_close(&c);
			}
			buffer_free(&expected);
		}
	}
	free(data);
}

static void more_than_a_buffer_is_the_same_in_one_write_and_in_many(void **state)
{
	unsigned char *data = octets(200001);
	struct buffer expected;
	struct catch c;
	hsmime_sink next;

	(void)state;
	expect(&expected, data, 200001, BASE64_LINE, "\r\n");
	next = catch_open(&c);
	assert_int_equal(encode(&next, data, 200001, SIZE_MAX, BASE64_LINE, "\r\n"), 0);
	assert_octets(&c.got, expected.data, expected.len);
	catch_close(&c);
	next = catch_open(&c);
	assert_int_equal(encode(&next, data, 200001, 77777, BASE64_LINE, "\r\n"), 0);
	assert_octets(&c.got, expected.data, expected.len);
	catch_close(&c);
	buffer_free(&expected);
	free(data);
}

static void a_failure_at_any_octet_comes_back(void **state)
{
	unsigned char *data = octets(100);
	struct buffer expected;

	(void)state;
	expect(&expected, data, 100, BASE64_LINE, "\n");
	for (size_t limit = 0; limit < expected.len; limit++) {
		struct catch c;
		hsmime_sink next = catch_open(&c);

		c.limit = limit;
		c.status = HSMIME_EPOLICY;
		assert_int_equal(encode(&next, data, 100, 7, BASE64_LINE, "\n"), HSMIME_EPOLICY);
		catch_close(&c);
	}
	buffer_free(&expected);
	free(data);
}

static void closing_nothing_is_nothing(void **state)
{
	struct base64_encoder e = { .line = 0 };

	(void)state;
	base64_encoder_close(NULL);
	base64_encoder_close(&e);
	base64_encoder_close(&e);
	assert_null(e.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_4648_hold),
		cmocka_unit_test(lines_are_of_that_length_for_every_size_and_step),
		cmocka_unit_test(more_than_a_buffer_is_the_same_in_one_write_and_in_many),
		cmocka_unit_test(a_failure_at_any_octet_comes_back),
		cmocka_unit_test(closing_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
