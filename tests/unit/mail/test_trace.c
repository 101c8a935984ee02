/* Fields that tell what became of a mail: RFC 5322 section 2.2.3, RFC 2231, RFC 8601. */
#include "mail_support.h"

#include "mail/trace.h"

/* One field of one parameter or property. */
static void write_one(struct trace *t, void (*write)(struct trace *, const char *, const char *),
    const char *name, const char *value)
{
	trace_init(t, "\n");
	trace_begin(t, "X");
	write(t, name, value);
	trace_end(t);
	assert_int_equal(t->text.status, 0);
}

static void expect(void (*write)(struct trace *, const char *, const char *), const char *value,
    const char *expected)
{
	struct trace t;

	write_one(&t, write, "n", value);
	assert_text(&t.text, expected);
	trace_free(&t);
}

static void a_parameter_is_a_token_quoted_or_extended(void **state)
{
	(void)state;
	expect(trace_parameter, "a-b.c_1", "X: n=a-b.c_1\n");
	expect(trace_parameter, "pkcs11:id=%01", "X: n=\"pkcs11:id=%01\"\n");
	expect(trace_parameter, "", "X: n=\"\"\n");
	expect(trace_parameter, "a b", "X: n*=utf-8''a%20b\n");
	expect(trace_parameter, "\"\\%*'", "X: n*=utf-8''%22%5C%25%2A%27\n");
	expect(trace_parameter, "\xe2\x82\xac", "X: n*=utf-8''%E2%82%AC\n");
	expect(trace_parameter, "\xff", "X: n*=''%FF\n");
	expect(trace_parameter, NULL, "X:\n");
	/* As much as goes into one piece, and one more. */
	expect(trace_parameter, "mailbox:/23456789012345678901234567890123456789",
	    "X: n*0=\"mailbox:/2345678901234567890123456789012345678\"; n*1=\"9\"\n");
	expect(trace_parameter, "mailbox:/2345678901234567890123456789012345678",
	    "X: n=\"mailbox:/2345678901234567890123456789012345678\"\n");
	expect(trace_parameter, "mail box/234567890123456789012345678901234",
	    "X: n*=utf-8''mail%20box%2F234567890123456789012345678901234\n");
}

static void nothing_in_a_value_makes_a_line_or_a_field(void **state)
{
	static const char *const hostile[] = { "a\r\nBcc: eve@example.test\r\n\r\nbody", "\n\n",
		"\r", "a;b=c", "x\"; y=\"z", "\x01\x7f", "a\tb" };

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		struct trace t;

		write_one(&t, trace_parameter, "n", hostile[i]);
		assert_ptr_equal(
		    memchr(t.text.data, '\n', t.text.len), t.text.data + t.text.len - 1);
		assert_null(memchr(t.text.data, '\r', t.text.len));
		trace_free(&t);
		write_one(&t, trace_property, "n", hostile[i]);
		assert_ptr_equal(
		    memchr(t.text.data, '\n', t.text.len), t.text.data + t.text.len - 1);
		assert_null(memchr(t.text.data, '\r', t.text.len));
		trace_free(&t);
	}
	expect(trace_property, "a\r\nBcc: \"eve\"", "X: n=\"a??Bcc: \\\"eve\\\"\"\n");
}

static void a_property_keeps_its_words(void **state)
{
	(void)state;
	expect(trace_property, "CN=Eve  Adams,O=A\\,B", "X: n=\"CN=Eve Adams,O=A\\\\,B\"\n");
	expect(trace_property, "CN=\xc3\x89ve", "X: n=\"CN=\\\\C3\\\\89ve\"\n");
	expect(trace_property, "", "X: n=\"\"\n");
	expect(trace_property, NULL, "X:\n");
}

/* What is in the pieces, together; value is all of one octet. */
static void check_lines(const char *value)
{
	struct trace t;
	size_t line = 0;

	write_one(&t, trace_parameter, "name", value);
	for (size_t i = 0; i < t.text.len; i++) {
		line = t.text.data[i] == '\n' ? 0 : line + 1;
		assert_true(line <= TRACE_LINE);
		/* A fold is followed by a blank and something. */
		if (t.text.data[i] == '\n' && i + 1 < t.text.len) {
			assert_int_equal(t.text.data[i + 1], ' ');
			assert_int_not_equal(t.text.data[i + 2], '\n');
		}
	}
	assert_non_null(buffer_string(&t.text));
	assert_non_null(strstr((char *)t.text.data, "name*0"));
	assert_non_null(strstr((char *)t.text.data, "name*1"));
	trace_free(&t);
}

static void a_long_parameter_comes_in_pieces_of_a_line(void **state)
{
	char value[2000];

	(void)state;
	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	check_lines(value);
	memset(value, '\n', sizeof(value) - 1);
	check_lines(value);
}

static void a_long_word_is_no_line_over_998(void **state)
{
	char value[4000];
	struct trace t;
	size_t line = 0;

	(void)state;
	memset(value, '"', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	write_one(&t, trace_property, "n", value);
	for (size_t i = 0; i < t.text.len; i++) {
		line = t.text.data[i] == '\n' ? 0 : line + 1;
		assert_true(line <= 998);
	}
	trace_free(&t);
}

static void an_id_is_a_token(void **state)
{
	static const char *const no[] = { "", "a b", "a;b", "a\nb", "\"a\"", "a/b", "\xc3\xa9" };

	(void)state;
	assert_true(trace_is_id("mx-1.example_x.test"));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(trace_is_id(no[i]));
}

static bool is_own(const char *field)
{
	char text[256];
	struct header h;
	bool own = false;

	snprintf(text, sizeof(text), "%s\n\n", field);
	header_of(&h, text);
	assert_int_equal(trace_is_results_of(&own, &h.fields[0], "mx.example"), 0);
	header_free(&h);
	return own;
}

static void results_that_claim_to_be_ours_are_told(void **state)
{
	static const char *const yes[] = { "Authentication-Results: mx.example; smime=pass",
		"authentication-results : MX.Example 1;\n none",
		"Authentication-Results: (a (b)) mx.example",
		"Authentication-Results:\n \"mx.\\example\"; none",
		"Authentication-Results:", "Authentication-Results: ; smime=pass",
		"Authentication-Results: (open mx.example" };
	static const char *const no[] = { "Authentication-Results: mx.example.test; none",
		"Authentication-Results: mx.exampl; none",
		"Authentication-Results: other; smime=pass",
		"Authentication-Results: \"mx.example x\"; none",
		"X-Authentication-Results: mx.example",
		"Original-Authentication-Results: mx.example; none" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(is_own(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(is_own(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parameter_is_a_token_quoted_or_extended),
		cmocka_unit_test(nothing_in_a_value_makes_a_line_or_a_field),
		cmocka_unit_test(a_property_keeps_its_words),
		cmocka_unit_test(a_long_parameter_comes_in_pieces_of_a_line),
		cmocka_unit_test(a_long_word_is_no_line_over_998),
		cmocka_unit_test(an_id_is_a_token),
		cmocka_unit_test(results_that_claim_to_be_ours_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
