/* Content-Type and its parameters: RFC 2045 section 5.1, RFC 2231. */
#include "mail_support.h"

static void assert_type(const char *body, const char *type, const char *subtype)
{
	struct content_type ct;

	assert_int_equal(content_type_parse(&ct, body), 0);
	assert_string_equal(ct.type, type);
	assert_string_equal(ct.subtype, subtype);
	content_type_free(&ct);
}

/* parameter name of body is value; NULL: it has none. */
static void assert_param(const char *body, const char *name, const char *value)
{
	struct content_type ct;
	const char *found;

	assert_int_equal(content_type_parse(&ct, body), 0);
	found = content_type_param(&ct, name);
	if (value == NULL) {
		assert_null(found);
	} else {
		assert_non_null(found);
		assert_string_equal(found, value);
	}
	content_type_free(&ct);
}

static void types_are_in_lower_case(void **state)
{
	(void)state;
	assert_type("text/plain", "text", "plain");
	assert_type("TEXT/Plain; charset=x", "text", "plain");
	assert_type("application/vnd.a-b+xml", "application", "vnd.a-b+xml");
}

static void comments_and_white_space_stand_between(void **state)
{
	(void)state;
	assert_type(
	    " (a) text (b) / (c) plain (d) ; (e) charset (f) = (g) us-ascii (h)", "text", "plain");
	assert_param("text/plain; (e) charset (f) = (g) us-ascii (h)", "charset", "us-ascii");
}

static void what_is_no_type_is_refused(void **state)
{
	static const char *const bodies[] = { "", "text", "/plain", "text/", "text/;charset=x",
		"text plain", "(text/plain)", "\"text\"/plain", "text//plain",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/plain" };
	struct content_type ct;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(content_type_parse(&ct, bodies[i]), HSMIME_EFORMAT);
		content_type_free(&ct);
	}
}

static void values_are_tokens_or_quoted(void **state)
{
	(void)state;
	assert_param("a/b; x=token", "x", "token");
	assert_param("a/b;x=\"a; b=c\"", "x", "a; b=c");
	assert_param("a/b; x=\"a\\\"b\\\\c\"", "x", "a\"b\\c");
	assert_param("a/b; x=\"\"", "x", "");
	assert_param("a/b; x=\"open", "x", "open");
	assert_param("a/b; x=\"open\\", "x", "open\\");
	assert_param("a/b; x=", "x", "");
}

static void unquoted_values_with_special_characters_are_taken(void **state)
{
	(void)state;
	assert_param("a/b; boundary=----=_Part:1/2?", "boundary", "----=_Part:1/2?");
}

static void names_have_no_case_and_values_keep_theirs(void **state)
{
	(void)state;
	assert_param("a/b; Boundary=AbC", "boundary", "AbC");
	assert_param("a/b; boundary=AbC", "BOUNDARY", "AbC");
}

static void the_first_of_a_name_counts(void **state)
{
	(void)state;
	assert_param("a/b; boundary=one; boundary=two", "boundary", "one");
}

static void stray_separators_are_read_over(void **state)
{
	(void)state;
	assert_param("a/b;;; ; x=1;", "x", "1");
	assert_param("a/b; =1; \"y\"; junk; x=1", "x", "1");
	assert_param("a/b; x", "x", NULL);
	assert_param("a/b", "x", NULL);
}

/* RFC 2231 section 3 */
static void pieces_are_joined_in_the_order_of_their_numbers(void **state)
{
	(void)state;
	assert_param("a/b; url*0=\"ftp://\"; url*1=\"cs.example\"", "url", "ftp://cs.example");
	assert_param("a/b; x*2=c; x*1=b; x*0=a", "x", "abc");
	assert_param("a/b; x*0=a; x*2=c", "x", "a");
	assert_param("a/b; x*1=b; x*2=c", "x", NULL);
}

/* RFC 2231 section 4 */
static void extended_values_are_decoded(void **state)
{
	(void)state;
	assert_param("a/b; t*=us-ascii'en-us'This%20is%20%2A%2a%2A", "t", "This is ***");
	assert_param("a/b; t*=''a%41", "t", "aA");
	assert_param("a/b; t*=a%41", "t", "aA");
	assert_param("a/b; t*=''%zz%4", "t", "%zz%4");
	assert_param("a/b; t*=''%", "t", "%");
}

/* RFC 2231 section 4.1 */
static void pieces_may_be_extended_one_by_one(void **state)
{
	(void)state;
	assert_param("application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
		     " title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
	    "title", "This is even more ***fun*** isn't it!");
	assert_param("a/b; x*0=a%41; x*1*=%42", "x", "a%41B");
	assert_param("a/b; x*0*=''%2541; x*0=b", "x", "%41");
}

static void an_encoded_nul_does_not_end_a_value(void **state)
{
	(void)state;
	assert_param("a/b; x*=''a%00b", "x", "ab");
}

static void parameters_over_the_bound_are_left_out(void **state)
{
	struct buffer body;
	struct content_type ct;

	(void)state;
	buffer_init(&body, MEMORY_MAX);
	buffer_add_string(&body, "a/b");
	for (int i = 0; i < CONTENT_TYPE_MAX_PARAMS + 5; i++)
		buffer_printf(&body, "; p%d=%d", i, i);
	assert_int_equal(content_type_parse(&ct, buffer_string(&body)), 0);
	assert_int_equal(ct.count, CONTENT_TYPE_MAX_PARAMS);
	assert_string_equal(content_type_param(&ct, "p31"), "31");
	assert_null(content_type_param(&ct, "p32"));
	content_type_free(&ct);
	buffer_free(&body);
}

static void a_name_that_is_too_long_is_left_out(void **state)
{
	(void)state;
	assert_param("a/b; aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1;"
		     " x=2",
	    "x", "2");
}

static void types_are_compared_without_case(void **state)
{
	struct content_type ct;

	(void)state;
	assert_int_equal(content_type_parse(&ct, "Multipart/Signed"), 0);
	assert_true(content_type_is(&ct, "multipart", "signed"));
	assert_true(content_type_is(&ct, "multipart", NULL));
	assert_false(content_type_is(&ct, "multipart", "mixed"));
	assert_false(content_type_is(&ct, "text", NULL));
	content_type_free(&ct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_in_lower_case),
		cmocka_unit_test(comments_and_white_space_stand_between),
		cmocka_unit_test(what_is_no_type_is_refused),
		cmocka_unit_test(values_are_tokens_or_quoted),
		cmocka_unit_test(unquoted_values_with_special_characters_are_taken),
		cmocka_unit_test(names_have_no_case_and_values_keep_theirs),
		cmocka_unit_test(the_first_of_a_name_counts),
		cmocka_unit_test(stray_separators_are_read_over),
		cmocka_unit_test(pieces_are_joined_in_the_order_of_their_numbers),
		cmocka_unit_test(extended_values_are_decoded),
		cmocka_unit_test(pieces_may_be_extended_one_by_one),
		cmocka_unit_test(an_encoded_nul_does_not_end_a_value),
		cmocka_unit_test(parameters_over_the_bound_are_left_out),
		cmocka_unit_test(a_name_that_is_too_long_is_left_out),
		cmocka_unit_test(types_are_compared_without_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
