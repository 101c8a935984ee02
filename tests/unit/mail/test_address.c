/* Mailbox addresses: RFC 5322 section 3.4, and what an attacker makes of it. */
#include "mail_support.h"

#include "mail/address.h"

/* The addresses of that field in the header, joined by '|'. */
static void join(struct buffer *out, const char *header, const char *field)
{
	struct header h;
	char **list = NULL;
	size_t count = 0;

	header_of(&h, header);
	buffer_init(out, MEMORY_MAX);
	assert_int_equal(address_list(&list, &count, &h, field), 0);
	for (size_t i = 0; i < count; i++)
		buffer_printf(out, "%s%s", i > 0 ? "|" : "", list[i]);
	assert_null(list[count]);
	address_list_free(list);
	header_free(&h);
}

struct sample {
	const char *body;
	const char *expected;
};

static void assert_addresses(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buffer out;
		char header[1000];

		snprintf(header, sizeof(header), "From: %s\n\n", samples[i].body);
		join(&out, header, "From");
		assert_text(&out, samples[i].expected);
		buffer_free(&out);
	}
}

#define ASSERT_ADDRESSES(samples) assert_addresses(samples, sizeof(samples) / sizeof((samples)[0]))

static void plain_and_named_addresses_are_found(void **state)
{
	static const struct sample samples[] = {
		{ "a@b.example", "a@b.example" },
		{ "<a@b.example>", "a@b.example" },
		{ "A Person <a@b.example>", "a@b.example" },
		{ "\"Person, A\" <a@b.example>", "a@b.example" },
		{ "=?utf-8?Q?J=C3=B6rg?= <j@b.example>", "j@b.example" },
		{ "J\xc3\xb6rg <j\xc3\xb6rg@b.example>", "j\xc3\xb6rg@b.example" },
		{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
		{ "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]" },
		{ "a.b+c/d=e@x.example", "a.b+c/d=e@x.example" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

static void several_addresses_come_in_order(void **state)
{
	static const struct sample samples[] = {
		{ "a@x, B <b@y>,c@z", "a@x|b@y|c@z" },
		{ ",, a@x,,b@y,", "a@x|b@y" },
		{ "a@x,\r\n b@y,\n\tc@z", "a@x|b@y|c@z" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

static void groups_give_their_members(void **state)
{
	static const struct sample samples[] = {
		{ "Board: a@x, B <b@y>;, c@z", "a@x|b@y|c@z" },
		{ "\"A; group\": a@x;", "a@x" },
		{ "undisclosed-recipients:;", "" },
		{ "One: a@x; Two: b@y;", "a@x|b@y" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

static void comments_and_folds_are_read_over(void **state)
{
	static const struct sample samples[] = {
		{ "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
		    "pete@silly.test" },
		{ "a@x (b@y, c@z)", "a@x" },
		{ "(b@y) a@x", "a@x" },
		{ "(nested (b@y)) a@x", "a@x" },
		{ "a . b @ x . y", "a.b@x.y" },
		{ "A\r\n <a\r\n @x>", "a@x" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

static void quoted_local_parts_are_quoted_only_where_they_must(void **state)
{
	static const struct sample samples[] = {
		{ "\"a.b\"@x", "a.b@x" },
		{ "\"a b\"@x", "\"a b\"@x" },
		{ "\"a\\\"b\\\\\"@x", "\"a\\\"b\\\\\"@x" },
		{ "\"a\\b\"@x", "ab@x" },
		{ "\"\"@x", "\"\"@x" },
		{ "\".a\"@x", "\".a\"@x" },
		{ "\"a..b\"@x", "\"a..b\"@x" },
		{ "\"a\".b@x", "a.b@x" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

/* RFC 5322 section 4.4 */
static void an_obsolete_route_is_dropped(void **state)
{
	static const struct sample samples[] = {
		{ "<@one,@two:a@x>", "a@x" },
		{ "<@one,@two:a@x>, b@y", "a@x|b@y" },
		{ "A <@one:a@x>,b@y", "a@x|b@y" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

/* What a reader of the mail sees as a name is none. */
static void an_address_in_a_name_is_no_address(void **state)
{
	static const struct sample samples[] = {
		{ "\"ceo@victim.example\" <mallory@evil.example>", "mallory@evil.example" },
		{ "ceo@victim.example <mallory@evil.example>", "mallory@evil.example" },
		{ "=?utf-8?Q?ceo=40victim.example?= <mallory@evil.example>",
		    "mallory@evil.example" },
		{ "\"<ceo@victim.example>\" <mallory@evil.example>", "mallory@evil.example" },
		{ "(<ceo@victim.example>) mallory@evil.example", "mallory@evil.example" },
		{ "\"ceo@victim.example\"@evil.example", "\"ceo@victim.example\"@evil.example" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

static void what_is_no_address_is_left_out(void **state)
{
	static const struct sample samples[] = {
		{ "", "" },
		{ "nobody", "" },
		{ "Doe, John <j@x>", "j@x" },
		{ "<>", "" },
		{ "<nobody>", "" },
		{ ",;:", "" },
		{ "\"open", "" },
		{ "(open", "" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

/* Another reader of the mail may see an address in it: nobody shall overlook it. */
static void what_may_pass_for_an_address_is_given_as_it_stands(void **state)
{
	static const struct sample samples[] = {
		{ "<ceo@victim.example, mallory@evil.example",
		    "<ceo@victim.example|mallory@evil.example" },
		{ "<mallory@evil.example> <ceo@victim.example>",
		    "<mallory@evil.example> <ceo@victim.example>" },
		{ "ceo@victim.example@evil.example", "ceo@victim.example@evil.example" },
		{ "ceo@victim.example: mallory@evil.example;",
		    "ceo@victim.example|mallory@evil.example" },
		{ "@victim.example", "@victim.example" },
		{ "ceo@", "ceo@" },
		{ "a b@x", "a b@x" },
		{ "a..b@x", "a..b@x" },
		{ "a@x.", "a@x." },
		{ "a@[1", "a@[1" },
		{ "\"open@x", "\"open@x" },
		{ "a\x01@x", "a?@x" },
		{ "a@x (open, b@y", "a@x (open, b@y" },
	};

	(void)state;
	ASSERT_ADDRESSES(samples);
}

static void every_field_of_the_name_counts(void **state)
{
	struct buffer out;

	(void)state;
	join(&out, "From: a@x\nfrom: b@y\nTo: c@z\nFROM : d@w\n\n", "From");
	assert_text(&out, "a@x|b@y|d@w|" ADDRESS_REPEATED);
	buffer_free(&out);
	join(&out, "From: A Person\nfrom: b@y\n\n", "From");
	assert_text(&out, "b@y|" ADDRESS_REPEATED);
	buffer_free(&out);
	join(&out, "Cc: a@x\ncc: b@y\n\n", "Cc");
	assert_text(&out, "a@x|b@y");
	buffer_free(&out);
	join(&out, "To: c@z\nX-From: a@x\nFrom-X: b@x\n\n", "From");
	assert_text(&out, "");
	buffer_free(&out);
}

static void the_body_of_the_mail_is_not_searched(void **state)
{
	struct buffer out;

	(void)state;
	join(&out, "To: c@z\n\nFrom: a@x\n", "From");
	assert_text(&out, "");
	buffer_free(&out);
}

static void addresses_of_a_mail_are_bounded(void **state)
{
	struct buffer text;
	struct header h;
	char **list = NULL;
	size_t count = 0;

	(void)state;
	buffer_init(&text, MEMORY_MAX);
	buffer_add_string(&text, "To: a@x");
	for (int i = 0; i < ADDRESS_MAX + 10; i++)
		buffer_add_string(&text, ",\n a@x");
	buffer_add_string(&text, "\n\n");
	header_of(&h, buffer_string(&text));
	assert_int_equal(address_list(&list, &count, &h, "To"), 0);
	assert_int_equal(count, ADDRESS_MAX + 1);
	assert_string_equal(list[ADDRESS_MAX - 1], "a@x");
	assert_string_equal(list[ADDRESS_MAX], ADDRESS_MORE);
	assert_null(list[count]);
	address_list_free(list);
	header_free(&h);
	buffer_free(&text);
}

/* What address_lists says of To and Cc in err's words, or their addresses. */
static void read_strictly(struct buffer *out, const char *header)
{
	static const char *const fields[] = { "To", "Cc", NULL };
	struct error err = { 0 };
	struct header h;
	char **list = NULL;
	size_t count = 0;
	int status;

	header_of(&h, header);
	buffer_init(out, MEMORY_MAX);
	status = address_lists(&list, &count, &h, fields, &err);
	if (status != 0) {
		assert_int_equal(status, HSMIME_EFORMAT);
		assert_null(list);
		buffer_printf(out, "%s", err.message);
	}
	for (size_t i = 0; i < count; i++)
		buffer_printf(out, "%s%s", i > 0 ? "|" : "", list[i]);
	address_list_free(list);
	header_free(&h);
}

static void with_an_error_to_give_nothing_is_guessed(void **state)
{
	static const struct sample samples[] = {
		{ "a@x, B <b@y>,, (a note),\"C, D\" <c@z>", "a@x|b@y|c@z" },
		{ "Board: a@x, B <b@y>;, c@z", "a@x|b@y|c@z" },
		{ "undisclosed-recipients:;", "" },
		{ "a@x <a@x>", "a@x" },
		{ "\"../../evil\"@x", "\"../../evil\"@x" },
		{ "nobody", "the mail's To field can't be understood where it says: nobody" },
		{ "Evil One e@x",
		    "the mail's To field can't be understood where it says: Evil One e@x" },
		{ "a@x.", "the mail's To field can't be understood where it says: a@x." },
		{ "b@y <a@x>", "the mail's To field can't be understood where it says: b@y <a@x>" },
		{ "b@y: a@x;", "the mail's To field can't be understood where it says: b@y" },
		{ "a@x (, b@y",
		    "the mail's To field can't be understood where it says: a@x (, b@y" },
		{ "\"open", "the mail's To field can't be understood where it says: \"open" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct buffer out;
		char header[1000];

		snprintf(header, sizeof(header), "To: %s\n\n", samples[i].body);
		read_strictly(&out, header);
		assert_text(&out, samples[i].expected);
		buffer_free(&out);
	}
}

static void fields_of_several_names_make_one_list(void **state)
{
	struct buffer out;

	(void)state;
	read_strictly(&out, "Cc: c@z\nTo: a@x\nBcc: d@w\nTo: b@y\n\n");
	assert_text(&out, "a@x|b@y|c@z");
	buffer_free(&out);
}

static void a_certificate_may_name_a_quoted_mailbox_without_the_quotes(void **state)
{
	(void)state;
	assert_true(address_is("\"../../evil\"@x", "../../evil@X"));
	assert_true(address_is("\"../../evil\"@x", "\"../../evil\"@x"));
	assert_true(address_is("\"a\\\"b\"@x", "a\"b@x"));
	assert_true(address_is("a@x", "A@X"));
	assert_false(address_is("\"a b\"@x", "a b@y"));
	assert_false(address_is("\"a b\"@x", "a b"));
	assert_false(address_is("\"a b", "a b"));
	assert_false(address_is("\"a b\"@x", "a"));
	assert_false(address_is("a@x", "\"a\"@x"));
	assert_false(address_is(ADDRESS_REPEATED, ADDRESS_REPEATED));
	assert_false(address_is(ADDRESS_MORE, ADDRESS_MORE));
}

static void case_is_the_same_in_both_halves(void **state)
{
	(void)state;
	assert_true(address_equal("A.Person@Example.ORG", "a.person@example.org"));
	assert_true(address_equal("j\xc3\xb6rg@x", "j\xc3\xb6rg@X"));
}

static void other_addresses_are_not_equal(void **state)
{
	static const char *const others[] = { "a@example.org.", "a@example.or", "a@example.org ",
		"aa@example.org", "a@xample.org", "\"a\"@example.org", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(address_equal("a@example.org", others[i]));
	assert_false(address_equal("a@b\xc3\xbc"
				   "cher.example",
	    "a@xn--bcher-kva.example"));
	assert_false(address_equal("j\xc3\xb6@x", "j\xc3\x96@x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_and_named_addresses_are_found),
		cmocka_unit_test(several_addresses_come_in_order),
		cmocka_unit_test(groups_give_their_members),
		cmocka_unit_test(comments_and_folds_are_read_over),
		cmocka_unit_test(quoted_local_parts_are_quoted_only_where_they_must),
		cmocka_unit_test(an_obsolete_route_is_dropped),
		cmocka_unit_test(an_address_in_a_name_is_no_address),
		cmocka_unit_test(what_is_no_address_is_left_out),
		cmocka_unit_test(what_may_pass_for_an_address_is_given_as_it_stands),
		cmocka_unit_test(every_field_of_the_name_counts),
		cmocka_unit_test(the_body_of_the_mail_is_not_searched),
		cmocka_unit_test(addresses_of_a_mail_are_bounded),
		cmocka_unit_test(with_an_error_to_give_nothing_is_guessed),
		cmocka_unit_test(fields_of_several_names_make_one_list),
		cmocka_unit_test(a_certificate_may_name_a_quoted_mailbox_without_the_quotes),
		cmocka_unit_test(case_is_the_same_in_both_halves),
		cmocka_unit_test(other_addresses_are_not_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
