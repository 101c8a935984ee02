/* util/ber_reader.h: what is inside: octet strings, contents, whole elements; cut short, in pieces, failing. */
#include "ber.h"

#include "util/ber_writer.h"
#include "util/sink.h"

static struct message m;

static int octets_of(struct catch *c, const char *hex)
{
	hsmime_sink sink = catch_open(c);

	message_open(&m, hex);
	return ber_octets(&m.r, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "a string");
}

static void assert_string(const char *hex, const char *expected)
{
	struct catch c;
	struct ber_header h;

	assert_int_equal(octets_of(&c, hex), 0);
	assert_octets(&c.got, expected, strlen(expected));
	assert_int_equal(ber_peek(&m.r, &h), BER_END);
	catch_close(&c);
	message_close(&m);
}

static void a_string_is_the_same_in_every_form(void **state)
{
	(void)state;
	assert_string("0400", "");
	assert_string("0403616263", "abc");
	assert_string("048103616263", "abc");
	assert_string("2400", "");
	assert_string("2480 0000", "");
	assert_string("2405 0403616263", "abc");
	assert_string("2480 0401 61 0402 6263 0000", "abc");
	assert_string("2409 0401 61 2404 0402 6263", "abc");
	assert_string("2480 0400 2480 0401 61 2480 0000 0000 2404 0402 6263 0000", "abc");
}

static void a_string_has_no_other_pieces(void **state)
{
	static const char *const table[] = {
		"2403 020105",            /* an INTEGER */
		"2402 8000",              /* an implicit tag inside */
		"2480 0401 61 3000 0000", /* a SEQUENCE */
		"0c0161", "0201 05", "",  /* no OCTET STRING at all */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct catch c;

		assert_int_equal(octets_of(&c, table[i]), HSMIME_EFORMAT);
		assert_non_null(strstr(m.err.message, "expected"));
		catch_close(&c);
		message_close(&m);
	}
}

static void an_implicit_tag_is_told_by_the_caller(void **state)
{
	static const char *const forms[] = { "8003616263", "a080 0401 61 0402 6263 0000",
		"a005 0403 616263" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);

		message_open(&m, forms[i]);
		assert_int_equal(
		    ber_octets(&m.r, BER_CONTEXT, 1, &sink, "content"), HSMIME_EFORMAT);
		assert_int_equal(ber_octets(&m.r, BER_CONTEXT, 0, &sink, "content"), 0);
		assert_octets(&c.got, "abc", 3);
		catch_close(&c);
		message_close(&m);
	}
}

static void an_element_is_collected_as_it_came(void **state)
{
	static const char *const table[] = {
		"0500",
		"020105",
		"3003 020105",
		"308103 020105",
		"bf8148 02 0500",
		"3080 0000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct buffer b;
		struct ber_header h;

		buffer_init(&b, 100);
		message_open(&m, table[i]);
		assert_int_equal(ber_collect(&m.r, &b), 0);
		assert_octets(&b, m.data, m.len);
		assert_int_equal(ber_peek(&m.r, &h), BER_END);
		assert_int_equal(ber_collect(&m.r, &b), HSMIME_EFORMAT);
		buffer_free(&b);
		message_close(&m);
	}
}

static void indefinite_elements_inside_each_other_are_collected_with_their_ends(void **state)
{
	struct buffer b;

	(void)state;
	buffer_init(&b, 100);
	message_open(&m, "a080 3080 0500 0000 2480 0401 61 0000 3004 30800000 0000 0500");
	assert_int_equal(ber_collect(&m.r, &b), 0);
	assert_octets(&b, m.data, m.len - 2);
	assert_int_equal(ber_collect(&m.r, &b), 0); /* appended */
	assert_octets(&b, m.data, m.len);
	buffer_free(&b);
	message_close(&m);
}

static void nothing_over_the_limit_is_collected(void **state)
{
	static const char *const forms[] = { "0405 6162636465", "2480 0405 6162636465 0000",
		"0488 0000000100000000 61" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct buffer b;

		message_parse(&m, forms[i]);
		for (size_t max = 0; max < (i == 2 ? 20 : m.len); max++) {
			buffer_init(&b, max);
			message_open(&m, forms[i]);
			assert_int_equal(ber_collect(&m.r, &b), HSMIME_EFORMAT);
			assert_non_null(strstr(m.err.message, "over the limit"));
			buffer_free(&b);
			message_close(&m);
		}
	}
}

static void contents_are_passed_without_the_header(void **state)
{
	static const char *const forms[] = { "3005 0500 0201 05", "3080 0500 0201 05 0000" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);
		struct ber_header h;

		message_open(&m, forms[i]);
		assert_int_equal(ber_contents(&m.r, &sink, "it"), 0);
		assert_octets(&c.got, "\5\0\2\1\5", 5);
		assert_int_equal(ber_peek(&m.r, &h), BER_END);
		assert_int_equal(ber_contents(&m.r, &sink, "it"), HSMIME_EFORMAT);
		catch_close(&c);
		message_close(&m);
	}
}

static void a_sink_that_fails_ends_it_at_every_octet(void **state)
{
	static const char message[] = "2480 0403 616263 2480 0402 6465 0000 0403 666768 0000";

	(void)state;
	for (size_t limit = 0; limit < 8; limit++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);

		c.limit = limit;
		c.status = HSMIME_EPOLICY;
		message_open(&m, message);
		assert_int_equal(
		    ber_octets(&m.r, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "it"), HSMIME_EPOLICY);
		catch_close(&c);
		message_close(&m);
	}
	for (size_t limit = 0; limit < 18; limit++) {
		struct catch c;
		hsmime_sink sink = catch_open(&c);

		c.limit = limit;
		message_open(&m, message);
		assert_int_equal(ber_contents(&m.r, &sink, "it"), HSMIME_EIO);
		catch_close(&c);
		message_close(&m);
	}
}

/* Everything that there is, in definite and indefinite form. */
static const char everything[] = "3080 020105 0403 616263 a080 2480 0402 6465 0000 0401 66 0000"
				 "3009 0603 550403 bf8148 00 3180 0000 0485 0000000002 6768 0000"
				 "8003 696a6b";
static const char everything_octets[] = "abcdefghijk";

static void octets_come_one_at_a_time_as_all_at_once(void **state)
{
	(void)state;
	message_open(&m, everything);
	for (size_t step = 0; step <= 7; step++) {
		struct walk w;

		message_reopen(&m, m.len, step);
		assert_int_equal(walk_all(&w, &m.r), 0);
		assert_octets(&w.octets, everything_octets, strlen(everything_octets));
		assert_int_equal(w.elements, 10);
		buffer_free(&w.octets);
	}
	message_close(&m);
}

static void cut_at_any_octet_it_is_malformed(void **state)
{
	size_t last = 5; /* the last element of the message is one of its own */

	(void)state;
	message_open(&m, everything);
	for (size_t len = 0; len < m.len; len++) {
		for (size_t step = 0; step <= 1; step++) {
			struct walk w;
			struct buffer b;
			int status = 0;

			message_reopen(&m, len, step);
			status = walk_all(&w, &m.r);
			assert_int_equal(
			    status, len == 0 || len == m.len - last ? 0 : HSMIME_EFORMAT);
			buffer_free(&w.octets);
			if (len == 0)
				continue;
			message_reopen(&m, len, step);
			buffer_init(&b, 200);
			status = ber_collect(&m.r, &b);
			assert_int_equal(status, len >= m.len - last ? 0 : HSMIME_EFORMAT);
			buffer_free(&b);
		}
	}
	message_close(&m);
}

static void a_source_that_fails_at_any_offset_fails_with_its_status(void **state)
{
	static const int statuses[] = { HSMIME_EIO, HSMIME_ETOKEN, HSMIME_EFORMAT };

	(void)state;
	message_open(&m, everything);
	for (size_t at = 0; at <= m.len; at++) {
		struct walk w;

		message_reopen(&m, m.len, 1);
		m.feed.fail_at = at;
		m.feed.status = statuses[at % 3];
		assert_int_equal(walk_all(&w, &m.r), statuses[at % 3]);
		assert_int_equal(m.err.code, statuses[at % 3]);
		buffer_free(&w.octets);
	}
	message_close(&m);
}

/* A source of size zeroes behind a header, none of which is in memory. */
struct zeroes {
	unsigned char header[16];
	size_t header_len;
	uint64_t size;
	uint64_t pos;
};

static ptrdiff_t zeroes_read(void *arg, void *buf, size_t len)
{
	struct zeroes *z = arg;

	if (z->pos < z->header_len) {
		*(unsigned char *)buf = z->header[z->pos++];
		return 1;
	}
	if (z->size - z->pos < len)
		len = (size_t)(z->size - z->pos);
	/* The octets that the reader's own buffer holds will do. */
	z->pos += len;
	return (ptrdiff_t)len;
}

static void content_over_4_gib_is_counted_in_full(void **state)
{
	const uint64_t size = ((uint64_t)5 << 30) + 3;
	struct zeroes z = { .header_len = 7, .header = { 4, 0x85, 1, 0x40, 0, 0, 3 } };
	hsmime_source source = { .read = zeroes_read, .arg = &z, .size = HSMIME_SIZE_UNKNOWN };
	struct sink_count count;
	hsmime_sink sink;
	struct ber_header h;
	struct ber_reader r;
	struct error err;

	(void)state;
	z.size = 7 + size;
	sink_count_open(&sink, &count, &(hsmime_sink){ .write = NULL });
	assert_int_equal(ber_open(&r, &source, &err), 0);
	memset(r.in.data, 0, WINDOW_ROOM);
	assert_int_equal(ber_octets(&r, BER_UNIVERSAL, BER_OCTET_STRING, &sink, "it"), 0);
	assert_int_equal(count.octets, size);
	assert_int_equal(ber_offset(&r), size + 7);
	assert_int_equal(ber_peek(&r, &h), BER_END);
	ber_close(&r);
	z.pos = 0;
	z.size--;
	assert_int_equal(ber_open(&r, &source, &err), 0);
	assert_int_equal(ber_skip(&r), HSMIME_EFORMAT); /* one octet is missing */
	ber_close(&r);
}

/* Whatever consumes: what was only looked at is not in it yet. */
static void the_copy_is_what_was_consumed_octet_for_octet(void **state)
{
	static const char *const table[] = { "300a 0403616263 800161 0500",
		"3080 2480 0401 61 2480 0000 0000 a080 0402 6263 0000 0000 0500" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct catch c;
		struct ber_header h;
		struct walk w;
		hsmime_sink sink = catch_open(&c);

		message_open(&m, table[i]);
		m.r.copy = &sink;
		assert_int_equal(ber_peek(&m.r, &h), 0);
		assert_int_equal(c.got.len, 0);
		assert_int_equal(walk_all(&w, &m.r), 0);
		assert_octets(&c.got, (const char *)m.data, m.len);
		buffer_free(&w.octets);
		catch_close(&c);
		message_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_string_is_the_same_in_every_form),
		cmocka_unit_test(a_string_has_no_other_pieces),
		cmocka_unit_test(an_implicit_tag_is_told_by_the_caller),
		cmocka_unit_test(an_element_is_collected_as_it_came),
		cmocka_unit_test(
		    indefinite_elements_inside_each_other_are_collected_with_their_ends),
		cmocka_unit_test(nothing_over_the_limit_is_collected),
		cmocka_unit_test(contents_are_passed_without_the_header),
		cmocka_unit_test(a_sink_that_fails_ends_it_at_every_octet),
		cmocka_unit_test(octets_come_one_at_a_time_as_all_at_once),
		cmocka_unit_test(cut_at_any_octet_it_is_malformed),
		cmocka_unit_test(a_source_that_fails_at_any_offset_fails_with_its_status),
		cmocka_unit_test(the_copy_is_what_was_consumed_octet_for_octet),
		cmocka_unit_test(content_over_4_gib_is_counted_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
