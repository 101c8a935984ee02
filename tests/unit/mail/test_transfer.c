/* Content transfer encodings on the way in, wrong labels included. */
#include "mail_support.h"

#include "mail/transfer.h"

static int decode_from(
    struct buffer *out, const hsmime_source *in, enum transfer_encoding encoding, size_t chunk)
{
	struct transfer_decoder d;
	hsmime_source decoded;
	unsigned char buf[512];
	struct window w;
	ptrdiff_t got;

	buffer_init(out, MEMORY_MAX);
	assert_int_equal(window_open(&w, in, 1024), 0);
	transfer_open(&decoded, &d, &w, encoding);
	while ((got = decoded.read(decoded.arg, buf, chunk)) > 0)
		buffer_add(out, buf, (size_t)got);
	window_close(&w);
	return (int)got;
}

static void assert_decoded(enum transfer_encoding encoding, const void *data, size_t len,
    const void *expected, size_t expected_len)
{
	static const size_t chunks[] = { 1, 3, 512 };

	for (size_t step = 0; step < 3; step++) {
		struct octets o;
		hsmime_source in;
		struct buffer out;

		octets_open(&in, &o, data, len);
		o.step = step;
		assert_int_equal(decode_from(&out, &in, encoding, chunks[step]), 0);
		assert_int_equal(out.len, expected_len);
		if (expected_len > 0)
			assert_memory_equal(out.data, expected, expected_len);
		buffer_free(&out);
	}
}

#define DECODED(encoding, data, expected)                                                          \
	assert_decoded(encoding, data, sizeof(data) - 1, expected, sizeof(expected) - 1)

static const char der[] = "\x30\x82\x01\x00 and some more of it";
static const char der_base64[] = "MIIBACBhbmQgc29t\r\nZSBtb3JlIG9mIGl0\r\n";

static void each_encoding_is_decoded(void **state)
{
	(void)state;
	DECODED(CTE_IDENTITY, "a=41\r\n", "a=41\r\n");
	DECODED(CTE_UNKNOWN, "a=41\r\n", "a=41\r\n");
	DECODED(CTE_QUOTED_PRINTABLE, "a=41\r\n", "aA\r\n");
	DECODED(CTE_BASE64, "QUJD\r\nRA==\r\n", "ABCD");
	DECODED(CTE_BASE64, der_base64, der);
}

static void nothing_decodes_to_nothing(void **state)
{
	(void)state;
	DECODED(CTE_IDENTITY, "", "");
	DECODED(CTE_BASE64, "", "");
	DECODED(CTE_QUOTED_PRINTABLE, "", "");
}

static void base64_of_cms_is_decoded_whatever_its_label(void **state)
{
	(void)state;
	DECODED(CTE_IDENTITY, der_base64, der);
	DECODED(CTE_UNKNOWN, der_base64, der);
	DECODED(CTE_IDENTITY, "\r\n  MIIBACBhbmQgc29tZSBtb3JlIG9mIGl0", der);
}

static void octets_of_cms_are_left_whatever_their_label(void **state)
{
	(void)state;
	DECODED(CTE_BASE64, der, der);
	DECODED(CTE_QUOTED_PRINTABLE, der, der);
	DECODED(CTE_IDENTITY, "\x30\x80\x06", "\x30\x80\x06");
}

static void what_only_looks_like_base64_is_left(void **state)
{
	(void)state;
	DECODED(CTE_IDENTITY, "MIIBACBhbmQ", "MIIBACBhbmQ");
	DECODED(CTE_IDENTITY, "MIME is not base64, is it", "MIME is not base64, is it");
	DECODED(CTE_IDENTITY, "ABCDEFGHIJKLMNOPQRST", "ABCDEFGHIJKLMNOPQRST");
}

static void malformed_base64_is_refused(void **state)
{
	static const char *const texts[] = { "QUJD!", "QUJDR", "QUI=QQ==", "\xe4\xf6" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct octets o;
		hsmime_source in;
		struct buffer out;

		octets_string(&in, &o, texts[i]);
		assert_int_equal(decode_from(&out, &in, CTE_BASE64, 512), HSMIME_EFORMAT);
		buffer_free(&out);
	}
}

static void a_failing_source_gives_its_status_at_every_offset(void **state)
{
	static const enum transfer_encoding encodings[] = { CTE_IDENTITY, CTE_BASE64,
		CTE_QUOTED_PRINTABLE };

	(void)state;
	for (size_t e = 0; e < 3; e++) {
		for (size_t at = 0; at <= strlen(der_base64); at++) {
			struct octets o;
			hsmime_source in;
			struct buffer out;

			octets_string(&in, &o, der_base64);
			o.fail_at = at;
			assert_int_equal(decode_from(&out, &in, encodings[e], 512), HSMIME_EIO);
			buffer_free(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_encoding_is_decoded),
		cmocka_unit_test(nothing_decodes_to_nothing),
		cmocka_unit_test(base64_of_cms_is_decoded_whatever_its_label),
		cmocka_unit_test(octets_of_cms_are_left_whatever_their_label),
		cmocka_unit_test(what_only_looks_like_base64_is_left),
		cmocka_unit_test(malformed_base64_is_refused),
		cmocka_unit_test(a_failing_source_gives_its_status_at_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
