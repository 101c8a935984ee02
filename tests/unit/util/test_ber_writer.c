/* util/ber_writer.h */
#include "ber.h"

#include "util/ber_writer.h"
#include "util/sink.h"

static const uint64_t lengths[] = { 0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffff,
	0x1000000, UINT32_MAX, (uint64_t)UINT32_MAX + 1, 0xffffffffffU, 0x10000000000U,
	(uint64_t)1 << 48, ((uint64_t)1 << 56) - 1, (uint64_t)1 << 56, INT64_MAX };

static void a_header_has_the_size_that_was_told_and_is_read_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);
		struct feed f;
		hsmime_source source;
		struct ber_reader r;
		struct ber_header h;
		struct error err;

		assert_int_equal(ber_put_header(&sink, BER_CONTEXT, 3, true, lengths[i]), 0);
		assert_int_equal(c.got.len, ber_header_size(lengths[i]));
		assert_int_equal(ber_element_size(lengths[i]), c.got.len + lengths[i]);
		source = feed_open(&f, c.got.data, c.got.len);
		assert_int_equal(ber_open(&r, &source, &err), 0);
		assert_int_equal(ber_peek(&r, &h), 0);
		assert_true(ber_is(&h, BER_CONTEXT, 3) && h.constructed && !h.indefinite);
		assert_int_equal(h.length, lengths[i]);
		ber_close(&r);
		catch_close(&c);
	}
}

static void lengths_are_as_short_as_can_be(void **state)
{
	static const struct {
		uint64_t length;
		const char *hex;
	} table[] = {
		{ 0, "0400" },
		{ 127, "047f" },
		{ 128, "048180" },
		{ 255, "0481ff" },
		{ 256, "04820100" },
		{ 65536, "0483010000" },
		{ (uint64_t)5 << 30, "04850140000000" },
		{ INT64_MAX, "04887fffffffffffffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);
		struct message m;

		message_parse(&m, table[i].hex);
		assert_int_equal(
		    ber_put_header(&sink, BER_UNIVERSAL, BER_OCTET_STRING, false, table[i].length),
		    0);
		assert_octets(&c.got, m.data, m.len);
		catch_close(&c);
	}
}

static void classes_and_the_indefinite_form_are_written(void **state)
{
	struct catch c;
	hsmime_sink sink = catch_open(&c);

	(void)state;
	assert_int_equal(
	    ber_put_header(&sink, BER_UNIVERSAL, BER_SEQUENCE, true, HSMIME_SIZE_UNKNOWN), 0);
	assert_int_equal(ber_put_header(&sink, BER_APPLICATION, 1, true, 0), 0);
	assert_int_equal(ber_put_header(&sink, BER_CONTEXT, 0, false, 0), 0);
	assert_int_equal(ber_put_header(&sink, BER_PRIVATE, 30, true, 0), 0);
	assert_int_equal(ber_put_end(&sink), 0);
	assert_octets(&c.got, "\x30\x80\x61\0\x80\0\xfe\0\0\0", 10);
	catch_close(&c);
}

/* data as a constructed OCTET STRING of chunks, step octets in a write. */
static int chop(
    const hsmime_sink *next, const unsigned char *data, size_t len, size_t step, size_t chunk)
{
	struct ber_chunks c;
	hsmime_sink sink;
	int status =
	    ber_put_header(next, BER_UNIVERSAL, BER_OCTET_STRING, true, HSMIME_SIZE_UNKNOWN);

	assert_int_equal(ber_chunks_open(&sink, &c, next, chunk), 0);
	for (size_t at = 0; status == 0 && at < len;) {
		size_t n = len - at < step ? len - at : step;

		status = sink_write(&sink, data + at, n);
		at += n;
	}
	if (status == 0)
		status = ber_chunks_finish(&c);
	ber_chunks_close(&c);
	ber_chunks_close(&c);
	return status == 0 ? ber_put_end(next) : status;
}

static void chunks_are_the_same_for_every_step_and_read_back(void **state)
{
	unsigned char *data = octets(50);

	(void)state;
	for (size_t len = 0; len <= 50; len++) {
		for (size_t step = 1; step <= 51; step += 5) {
			struct catch c, back;
			hsmime_sink sink = catch_open(&c), to = catch_open(&back);
			struct feed f;
			hsmime_source source;
			struct ber_reader r;
			struct error err;

			assert_int_equal(chop(&sink, data, len, step, 16), 0);
			assert_int_equal(c.got.len, 4 + len + 2 * ((len + 15) / 16));
			source = feed_open(&f, c.got.data, c.got.len);
			assert_int_equal(ber_open(&r, &source, &err), 0);
			assert_int_equal(
			    ber_octets(&r, BER_UNIVERSAL, BER_OCTET_STRING, &to, "it"), 0);
			assert_octets(&back.got, data, len);
			ber_close(&r);
			catch_close(&c);
			catch_close(&back);
		}
	}
	free(data);
}

static void a_failure_at_any_octet_comes_back(void **state)
{
	unsigned char *data = octets(50);

	(void)state;
	for (size_t limit = 0; limit < 4 + 50 + 8; limit++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);

		c.limit = limit;
		c.status = HSMIME_EPOLICY;
		assert_int_equal(chop(&sink, data, 50, 7, 16), HSMIME_EPOLICY);
		catch_close(&c);
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_has_the_size_that_was_told_and_is_read_back),
		cmocka_unit_test(lengths_are_as_short_as_can_be),
		cmocka_unit_test(classes_and_the_indefinite_form_are_written),
		cmocka_unit_test(chunks_are_the_same_for_every_step_and_read_back),
		cmocka_unit_test(a_failure_at_any_octet_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
