/* util/ber_reader.h: headers, and going into elements and out again. */
#include "ber.h"

#include "util/sink.h"

static struct message m;

static void a_header_says_what_it_is(void **state)
{
	struct ber_header h;

	(void)state;
	message_open(&m, "3003 020105");
	assert_int_equal(ber_peek(&m.r, &h), 0);
	assert_true(ber_is(&h, BER_UNIVERSAL, BER_SEQUENCE));
	assert_false(ber_is(&h, BER_CONTEXT, BER_SEQUENCE));
	assert_false(ber_is(&h, BER_UNIVERSAL, BER_SET));
	assert_true(h.constructed);
	assert_false(h.indefinite);
	assert_int_equal(h.length, 3);
	assert_int_equal(h.raw_len, 2);
	assert_memory_equal(h.raw, m.data, 2);
	assert_int_equal(ber_offset(&m.r), 0);
	assert_int_equal(ber_peek(&m.r, &h), 0); /* looking takes nothing */
	assert_int_equal(h.length, 3);
	message_close(&m);
}

static void every_class_and_form_of_tag_is_read(void **state)
{
	static const struct {
		const char *hex;
		enum ber_class cls;
		uint32_t tag;
		bool constructed;
	} table[] = {
		{ "0400", BER_UNIVERSAL, 4, false },
		{ "6000", BER_APPLICATION, 0, true },
		{ "8000", BER_CONTEXT, 0, false },
		{ "be00", BER_CONTEXT, 30, true },
		{ "ff1f00", BER_PRIVATE, 31, true },
		{ "9f7f00", BER_CONTEXT, 127, false },
		{ "9f810000", BER_CONTEXT, 128, false },
		{ "9fffffff7f00", BER_CONTEXT, 0x0fffffff, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ber_header h;

		message_open(&m, table[i].hex);
		assert_int_equal(ber_peek(&m.r, &h), 0);
		assert_true(ber_is(&h, table[i].cls, table[i].tag));
		assert_int_equal(h.constructed, table[i].constructed);
		assert_int_equal(h.raw_len, m.len);
		assert_int_equal(ber_skip(&m.r), 0);
		assert_int_equal(ber_peek(&m.r, &h), BER_END);
		message_close(&m);
	}
}

static void a_tag_over_28_bits_is_malformed(void **state)
{
	struct ber_header h;

	(void)state;
	message_open(&m, "9f8180808000 00");
	assert_int_equal(ber_peek(&m.r, &h), HSMIME_EFORMAT);
	assert_non_null(strstr(m.err.message, "offset 0"));
	message_close(&m);
}

static void every_form_of_length_is_read(void **state)
{
	static const struct {
		const char *hex;
		uint64_t length;
	} table[] = {
		{ "0400", 0 },
		{ "047f", 127 },
		{ "048180", 128 },
		{ "04817f", 127 }, /* BER: longer than it has to be */
		{ "0488 0000000000000005", 5 },
		{ "0482ffff", 65535 },
		{ "0484ffffffff", UINT32_MAX },
		{ "04850100000000", (uint64_t)UINT32_MAX + 1 },
		{ "0485ffffffffff", 0xffffffffffU },
		{ "0488 7fffffffffffffff", INT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ber_header h;

		message_open(&m, table[i].hex);
		assert_int_equal(ber_peek(&m.r, &h), 0);
		assert_int_equal(h.length, table[i].length);
		assert_false(h.indefinite);
		assert_int_equal(h.raw_len, m.len);
		message_close(&m);
	}
}

static void impossible_lengths_are_malformed(void **state)
{
	static const char *const table[] = {
		"0488 8000000000000000", /* over 2^63 - 1 */
		"0488 ffffffffffffffff",
		"0489 000000000000000005", /* nine octets */
		"04ff 00",
		"0480", /* indefinite needs a constructed element */
		"8080 0000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct ber_header h;

		message_open(&m, table[i]);
		assert_int_equal(ber_peek(&m.r, &h), HSMIME_EFORMAT);
		assert_int_equal(m.err.code, HSMIME_EFORMAT);
		message_close(&m);
	}
}

static void an_element_is_entered_and_left(void **state)
{
	static const char *const forms[] = { "3006 020105 020106", "3080 020105 020106 0000",
		"308106 020105 020106" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ber_header h;

		message_open(&m, forms[i]);
		assert_int_equal(ber_enter(&m.r, BER_UNIVERSAL, BER_SEQUENCE, "it"), 0);
		assert_int_equal(ber_skip(&m.r), 0);
		assert_int_equal(ber_leave(&m.r, "it"), HSMIME_EFORMAT); /* one is left */
		assert_int_equal(ber_skip(&m.r), 0);
		assert_int_equal(ber_peek(&m.r, &h), BER_END);
		assert_int_equal(ber_leave(&m.r, "it"), 0);
		assert_int_equal(ber_peek(&m.r, &h), BER_END);
		assert_int_equal(ber_offset(&m.r), m.len);
		message_close(&m);
	}
}

static void another_element_than_expected_is_named(void **state)
{
	static const char *const others[] = { "3100", "a000", "1000", "" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		message_open(&m, others[i]);
		assert_int_equal(
		    ber_enter(&m.r, BER_UNIVERSAL, BER_SEQUENCE, "SignedData"), HSMIME_EFORMAT);
		assert_string_equal(m.err.message, "offset 0: SignedData expected");
		message_close(&m);
	}
}

static void a_child_may_not_be_longer_than_its_parent(void **state)
{
	static const char *const table[] = {
		"3003 020205 06",         /* its content */
		"3001 0201 05",           /* its header */
		"3005 3080 020105 0000",  /* its end-of-contents octets */
		"3004 a080 0401 00 0000", /* of a grandparent */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct walk w;

		message_open(&m, table[i]);
		assert_int_equal(walk_all(&w, &m.r), HSMIME_EFORMAT);
		buffer_free(&w.octets);
		message_close(&m);
	}
}

static void end_of_contents_belongs_to_indefinite_elements_only(void **state)
{
	static const char *const table[] = {
		"0000",                /* outside */
		"3002 0000",           /* in a definite element */
		"3080 000100",         /* with content */
		"3080 2000 0000",      /* constructed */
		"3080 008100",         /* its length in a longer form */
		"3080 1f0000 0000",    /* its tag in a longer form */
		"3080 3002 0000 0000", /* in the definite child of an indefinite one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct walk w;

		message_open(&m, table[i]);
		assert_int_equal(walk_all(&w, &m.r), HSMIME_EFORMAT);
		buffer_free(&w.octets);
		message_close(&m);
	}
}

/* depth SEQUENCEs inside each other, indefinite. */
static void nest(size_t depth)
{
	m.len = 0;
	for (size_t i = 0; i < depth; i++) {
		m.data[m.len++] = 0x30;
		m.data[m.len++] = 0x80;
	}
	memset(m.data + m.len, 0, 2 * depth);
	m.len += 2 * depth;
	message_reopen(&m, m.len, 0);
}

static void depth_is_bounded(void **state)
{
	struct walk w;
	struct ber_header h;

	(void)state;
	message_open(&m, "");
	nest(BER_MAX_DEPTH);
	assert_int_equal(walk_all(&w, &m.r), 0);
	assert_int_equal(w.elements, BER_MAX_DEPTH);
	buffer_free(&w.octets);
	nest(BER_MAX_DEPTH + 1);
	assert_int_equal(walk_all(&w, &m.r), HSMIME_EFORMAT);
	buffer_free(&w.octets);
	nest(BER_MAX_DEPTH);
	assert_int_equal(ber_skip(&m.r), 0);
	assert_int_equal(ber_peek(&m.r, &h), BER_END);
	nest(BER_MAX_DEPTH + 1);
	assert_int_equal(ber_skip(&m.r), HSMIME_EFORMAT);
	message_close(&m);
}

static void offsets_count_from_the_start_of_the_source(void **state)
{
	struct ber_header h;

	(void)state;
	message_open(&m, "3080 0402 6162 0500 0000 0500");
	assert_int_equal(ber_offset(&m.r), 0);
	assert_int_equal(ber_enter(&m.r, BER_UNIVERSAL, BER_SEQUENCE, "it"), 0);
	assert_int_equal(ber_offset(&m.r), 2);
	assert_int_equal(ber_peek(&m.r, &h), 0);
	assert_int_equal(ber_offset(&m.r), 2);
	assert_int_equal(ber_skip(&m.r), 0);
	assert_int_equal(ber_offset(&m.r), 6);
	assert_int_equal(ber_skip(&m.r), 0);
	assert_int_equal(ber_leave(&m.r, "it"), 0);
	assert_int_equal(ber_offset(&m.r), 10);
	message_close(&m);
}

static void closing_nothing_is_nothing(void **state)
{
	struct ber_reader r = { .depth = 0 };

	(void)state;
	ber_close(NULL);
	ber_close(&r);
	message_open(&m, "0500");
	message_close(&m);
	message_close(&m);
	assert_null(m.r.in.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_says_what_it_is),
		cmocka_unit_test(every_class_and_form_of_tag_is_read),
		cmocka_unit_test(a_tag_over_28_bits_is_malformed),
		cmocka_unit_test(every_form_of_length_is_read),
		cmocka_unit_test(impossible_lengths_are_malformed),
		cmocka_unit_test(an_element_is_entered_and_left),
		cmocka_unit_test(another_element_than_expected_is_named),
		cmocka_unit_test(a_child_may_not_be_longer_than_its_parent),
		cmocka_unit_test(end_of_contents_belongs_to_indefinite_elements_only),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(offsets_count_from_the_start_of_the_source),
		cmocka_unit_test(closing_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
