/* Quoted-printable on the way out: RFC 2045 section 6.7. */
#include "mail_support.h"

#include "mail/qp_encoder.h"

static int encode(
    struct buffer *out, const char *text, size_t len, size_t step, const char *newline)
{
	struct qp_encoder e;
	hsmime_sink sink, next;
	int status = 0;

	buffer_init(out, MEMORY_MAX);
	sink_buffer(&next, out);
	qp_encoder_open(&sink, &e, &next, newline);
	for (size_t at = 0; at < len && status == 0; at += step)
		status = sink_write(&sink, text + at, len - at < step ? len - at : step);
	return status != 0 ? status : qp_encoder_finish(&e);
}

static void assert_encoded(const char *text, size_t len, const char *expected)
{
	for (size_t step = 1; step <= len + 1; step++) {
		struct buffer out;

		assert_int_equal(encode(&out, text, len, step, "\n"), 0);
		assert_text(&out, expected);
		buffer_free(&out);
	}
}

#define ENCODED(text, expected) assert_encoded(text, sizeof(text) - 1, expected)

static void printable_text_stays(void **state)
{
	(void)state;
	ENCODED("", "");
	ENCODED("one two!~\n", "one two!~\n");
	ENCODED(" \tx", " \tx");
}

static void everything_else_is_encoded(void **state)
{
	(void)state;
	ENCODED("\xc3\xa4=\x7f", "=C3=A4=3D=7F");
	ENCODED("\0\x01\x1f", "=00=01=1F");
}

static void line_breaks_stay_line_breaks(void **state)
{
	struct buffer out;

	(void)state;
	ENCODED("a\r\nb\nc\n\n", "a\nb\nc\n\n");
	assert_int_equal(encode(&out, "a\r\nb\nc", 6, 6, "\r\n"), 0);
	assert_text(&out, "a\r\nb\r\nc");
	buffer_free(&out);
}

static void a_cr_alone_is_encoded(void **state)
{
	(void)state;
	ENCODED("a\rb", "a=0Db");
	ENCODED("a\r\r\n", "a=0D\n");
	ENCODED("a\r", "a=0D");
	ENCODED("\r\r", "=0D=0D");
}

static void white_space_at_a_line_s_end_is_encoded(void **state)
{
	(void)state;
	ENCODED("a \nb\t\r\nc  \n", "a=20\nb=09\nc =20\n");
	ENCODED("a ", "a=20");
	ENCODED(" \n", "=20\n");
	ENCODED("a \r", "a =0D");
	ENCODED("a \rb", "a =0Db");
}

static void from_at_a_line_s_start_is_encoded(void **state)
{
	(void)state;
	ENCODED("From here\n", "=46rom here\n");
	ENCODED("x\nFrom \n", "x\n=46rom=20\n");
	ENCODED("From ", "=46rom=20");
	ENCODED("From\nFro\n", "From\nFro\n");
	ENCODED("Fro", "Fro");
	ENCODED("FFrom here\n", "FFrom here\n");
	ENCODED("x From here\n From here\n", "x From here\n From here\n");
}

/* Text that quotes a boundary, encoded again from =2D-, must not become one. */
static void no_line_starts_with_a_hyphen(void **state)
{
	(void)state;
	ENCODED("--boundary\n-x-\n", "=2D-boundary\n=2Dx-\n");
	ENCODED("a\r\n--b--", "a\n=2D-b--");
}

static void assert_lines_keep_the_rules(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		const char *lf = memchr(text + at, '\n', len - at);
		size_t line = lf == NULL ? len - at : (size_t)(lf - (text + at));

		assert_true(line <= 76);
		assert_true(
		    line == 0 || (text[at + line - 1] != ' ' && text[at + line - 1] != '\t'));
		assert_false(line >= 5 && memcmp(text + at, "From ", 5) == 0);
		assert_false(line > 0 && text[at] == '-');
		for (size_t i = 0; i < line; i++)
			assert_true(
			    (text[at + i] >= 32 || text[at + i] == '\t') && text[at + i] < 127);
		at += line + 1;
	}
}

/* The octets that decoding gives; only what the encoder makes is understood. */
static void decode(struct buffer *out, const char *text)
{
	buffer_init(out, MEMORY_MAX);
	for (const char *p = text; *p != '\0'; p++) {
		unsigned value = (unsigned char)*p;
		unsigned char octet;

		if (*p == '=' && p[1] == '\n') {
			p++;
			continue;
		}
		if (*p == '=') {
			assert_int_equal(sscanf(p + 1, "%2X", &value), 1);
			p += 2;
		}
		octet = (unsigned char)value;
		buffer_add(out, &octet, 1);
	}
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) & 0x7fff;
}

static void any_text_comes_back_and_keeps_the_rules(void **state)
{
	static const char *const bits[] = { "From ", "--", "-", " ", "\t", "\n", "\xe2\x82\xac",
		"=", "word", "F", "From", "a longer piece of text without breaks", "\n\n",
		"\nFrom ", "." };
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct buffer text, out, back;
		unsigned count = next_random(&seed) % 40;

		buffer_init(&text, MEMORY_MAX);
		for (unsigned i = 0; i < count; i++)
			buffer_add_string(
			    &text, bits[next_random(&seed) % (sizeof(bits) / sizeof(bits[0]))]);
		assert_int_equal(
		    encode(&out, (char *)text.data, text.len, 1 + next_random(&seed) % 50, "\n"),
		    0);
		assert_lines_keep_the_rules((char *)out.data, out.len);
		decode(&back, buffer_string(&out));
		assert_int_equal(back.len, text.len);
		if (text.len > 0)
			assert_memory_equal(back.data, text.data, text.len);
		buffer_free(&text);
		buffer_free(&out);
		buffer_free(&back);
	}
}

static void lines_break_at_76_characters(void **state)
{
	char text[200];
	struct buffer out;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(encode(&out, text, 75, 75, "\n"), 0);
	assert_int_equal(out.len, 75);
	buffer_free(&out);
	assert_int_equal(encode(&out, text, 151, 151, "\n"), 0);
	assert_memory_equal(out.data + 75, "=\n", 2);
	assert_memory_equal(out.data + 152, "=\nx", 3);
	buffer_free(&out);
	text[74] = '\xff';
	assert_int_equal(encode(&out, text, 75, 75, "\n"), 0);
	assert_memory_equal(out.data + 74, "=\n=FF", 5);
	buffer_free(&out);
}

static void a_failing_sink_gives_its_status_at_every_offset(void **state)
{
	char text[9000];
	struct buffer whole;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 90 == 0 ? '\n' : (char)(i % 3 == 0 ? 0xe4 : 'x');
	assert_int_equal(encode(&whole, text, sizeof(text), sizeof(text), "\n"), 0);
	for (size_t room = 0; room < whole.len; room += 97) {
		struct qp_encoder e;
		struct short_sink s;
		hsmime_sink sink, next;
		int status;

		short_sink_open(&next, &s, room);
		qp_encoder_open(&sink, &e, &next, "\n");
		status = sink_write(&sink, text, sizeof(text));
		if (status == 0)
			status = qp_encoder_finish(&e);
		assert_int_equal(status, HSMIME_EIO);
		buffer_free(&s.got);
	}
	buffer_free(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printable_text_stays),
		cmocka_unit_test(everything_else_is_encoded),
		cmocka_unit_test(line_breaks_stay_line_breaks),
		cmocka_unit_test(a_cr_alone_is_encoded),
		cmocka_unit_test(white_space_at_a_line_s_end_is_encoded),
		cmocka_unit_test(from_at_a_line_s_start_is_encoded),
		cmocka_unit_test(no_line_starts_with_a_hyphen),
		cmocka_unit_test(any_text_comes_back_and_keeps_the_rules),
		cmocka_unit_test(lines_break_at_76_characters),
		cmocka_unit_test(a_failing_sink_gives_its_status_at_every_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
