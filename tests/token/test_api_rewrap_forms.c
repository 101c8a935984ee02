/* hsmime_rewrap: header, line ends, line lengths and armour stay what they were. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/rearmor.h"
#include "api_rewrap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static hsmime_ctx *ctx;
static hsmime_certs *alice;
static struct text der; /* rewrap_entity encrypted for Rita, long enough for several lines */

static int set_up(void **state)
{
	struct original m = { .name = "DER",
		.form = HSMIME_CMS,
		.format = HSMIME_FORMAT_DER,
		.cipher = "aes-256-gcm",
		.to = &api_rsa };

	peer_setup(state);
	api_setup(state);
	ctx = api_ctx();
	alice = one_cert(peer_alice.cert);
	original_make(ctx, &m, NULL);
	der = m.text;
	return 0;
}

static int tear_down(void **state)
{
	hsmime_ctx_free(ctx);
	hsmime_certs_free(alice);
	text_free(&der);
	api_teardown(state);
	return peer_teardown(state);
}

static int add_text(void *arg, const void *buf, size_t len)
{
	text_add(arg, buf, len);
	return 0;
}

static void add_base64(struct text *to, const struct text *from, unsigned line, const char *newline)
{
	hsmime_sink next = { add_text, to }, sink;
	struct base64_encoder e;

	assert_int_equal(base64_encoder_open(&sink, &e, &next, line, newline), 0);
	assert_int_equal(sink.write(sink.arg, from->data, from->len), 0);
	assert_int_equal(base64_encoder_finish(&e), 0);
	base64_encoder_close(&e);
}

static const char head[] =
    "From: rita@example.com%sSubject:  folded%s\tand\xfc%sMIME-Version: 1.0%s"
    "Content-Type: application/x-pkcs7-mime; name=smime.p7m%s"
    "Content-Transfer-Encoding: %s%s%s";

static void add_head(struct text *mail, const char *newline, const char *encoding)
{
	text_print(
	    mail, head, newline, newline, newline, newline, newline, encoding, newline, newline);
}

static void rewrapped(struct outcome *o, const struct text *text, enum hsmime_form form)
{
	struct rewrapping r = rewrapping_of(form, text, alice);

	rewrap_run(o, ctx, &r);
	if (o->status != 0)
		fail_msg("%s", o->words.data);
}

/* What follows the first at octets is base64 in lines as given, the last of them shorter. */
static void expect_lines(const struct text *text, size_t at, unsigned line, const char *newline)
{
	size_t n = strlen(newline);
	size_t lines = 0;

	assert_true(at < text->len);
	while (at < text->len) {
		size_t len = strcspn(text->data + at, "\r\n");

		if (len != line)
			assert_true(len < line && at + len + n == text->len);
		assert_memory_equal(text->data + at + len, newline, n);
		at += len + n;
		lines++;
	}
	assert_true(lines > 1);
}

static void a_mail_keeps_header_line_ends_and_line_length(void **state)
{
	static const char *const newlines[] = { "\r\n", "\n" };
	static const unsigned lines[] = { 76, 64, 72, 4, 400 };
	/* What an encoding's name says does not count where the octets say another. */
	static const char *const encodings[] = { "base64", "7bit", "BASE64" };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(lines) * 3; i++) {
		const char *newline = newlines[i % 2];
		struct text mail = { 0 };
		struct outcome o;
		size_t head_len;

		add_head(&mail, newline, encodings[i / 2 / COUNT(lines)]);
		head_len = mail.len;
		add_base64(&mail, &der, lines[i / 2 % COUNT(lines)], newline);
		rewrapped(&o, &mail, HSMIME_MAIL);
		assert_memory_equal(o.output.data, mail.data, head_len);
		expect_lines(&o.output, head_len, lines[i / 2 % COUNT(lines)], newline);
		assert_true(lines[i / 2 % COUNT(lines)] > 76 || i >= 2 * COUNT(lines) ||
			    tool_opens(&peer_alice, &o.output, "SMIME"));
		outcome_clear(&o);
		text_free(&mail);
	}
}

static void header_and_body_may_have_other_line_ends(void **state)
{
	struct text mail = { 0 };
	struct outcome o;
	size_t head_len;

	(void)state;
	add_head(&mail, "\r\n", "base64");
	head_len = mail.len;
	add_base64(&mail, &der, 60, "\n");
	rewrapped(&o, &mail, HSMIME_MAIL);
	assert_memory_equal(o.output.data, mail.data, head_len);
	expect_lines(&o.output, head_len, 60, "\n");
	outcome_clear(&o);
	text_free(&mail);
}

/* One line without an end says neither how long lines are nor how they end. */
static void without_lines_they_are_those_of_the_header_and_of_mail(void **state)
{
	static const char *const newlines[] = { "\r\n", "\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct text mail = { 0 };
		struct outcome o;
		size_t head_len;

		add_head(&mail, newlines[i], "base64");
		head_len = mail.len;
		add_base64(&mail, &der, 40000, "\n");
		mail.data[--mail.len] = '\0';
		rewrapped(&o, &mail, HSMIME_MAIL);
		assert_memory_equal(o.output.data, mail.data, head_len);
		expect_lines(&o.output, head_len, 76, newlines[i]);
		outcome_clear(&o);
		text_free(&mail);
	}
}

static void octets_stay_octets(void **state)
{
	struct text mail = { 0 };
	struct outcome o;
	size_t head_len;

	(void)state;
	add_head(&mail, "\r\n", "binary");
	head_len = mail.len;
	text_add(&mail, der.data, der.len);
	rewrapped(&o, &mail, HSMIME_MAIL);
	assert_memory_equal(o.output.data, mail.data, head_len);
	assert_int_equal((unsigned char)o.output.data[head_len], 0x30);
	outcome_clear(&o);
	text_free(&mail);
}

static void quoted_printable_is_told(void **state)
{
	struct text mail = { 0 };
	struct rewrapping r;
	struct outcome o;

	(void)state;
	add_head(&mail, "\r\n", "quoted-printable");
	for (size_t i = 0; i < der.len; i++)
		text_print(&mail, "=%02X%s", (unsigned char)der.data[i], i % 20 ? "" : "=\r\n");
	r = rewrapping_of(HSMIME_MAIL, &mail, alice);
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, HSMIME_EUNSUPPORTED);
	assert_non_null(strstr(o.words.data, "quoted-printable"));
	outcome_clear(&o);
	text_free(&mail);
}

static void pem_keeps_its_text_and_labels(void **state)
{
	static const char before[] = "What follows was found in a drawer.\nIt is PEM.\n"
				     "-----BEGIN PKCS7-----\n";
	static const char after[] = "-----END PKCS7-----\n";
	static const unsigned lines[] = { 64, 76 };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct text pem = { 0 };
		struct outcome o;

		text_print(&pem, "%s", before);
		add_base64(&pem, &der, lines[i], "\n");
		text_print(&pem, "%s", after);
		rewrapped(&o, &pem, HSMIME_CMS);
		assert_memory_equal(o.output.data, before, strlen(before));
		assert_string_equal(o.output.data + o.output.len - strlen(after), after);
		o.output.len -= strlen(after);
		expect_lines(&o.output, strlen(before), lines[i], "\n");
		outcome_clear(&o);
		text_free(&pem);
	}
}

static void bare_base64_stays_bare(void **state)
{
	struct text text = { 0 };
	struct outcome o;

	(void)state;
	add_base64(&text, &der, 48, "\r\n");
	rewrapped(&o, &text, HSMIME_CMS);
	expect_lines(&o.output, 0, 48, "\r\n");
	outcome_clear(&o);
	text_free(&text);
}

/* What is no part of the message is counted, and not copied. */
static void octets_behind_the_message_are_told(void **state)
{
	struct text more = { 0 };
	struct outcome o, plain;

	(void)state;
	text_add(&more, der.data, der.len);
	text_add(&more, "\0\0\0", 3);
	rewrapped(&o, &more, HSMIME_CMS);
	rewrapped(&plain, &der, HSMIME_CMS);
	assert_int_equal(o.result->layers[0].trailing_octets, 3);
	assert_int_equal(o.output.len, plain.output.len);
	outcome_clear(&o);
	outcome_clear(&plain);
	text_free(&more);
}

static void expect_layout(const char *text, unsigned length, bool crlf)
{
	unsigned found = 1;
	bool found_crlf = false;

	rearmor_lines(&found, &found_crlf, (const unsigned char *)text, strlen(text));
	assert_int_equal(found, length);
	assert_int_equal(found_crlf, crlf);
}

static void lines_count_where_they_are_alike(void **state)
{
	(void)state;
	expect_layout("", 1, false);
	expect_layout("AAAAAAAA", 1, false);
	expect_layout("AAAAAAAA\r\n", 1, true);
	expect_layout("AAAAAAAA\r\nAAAA", 1, true);
	expect_layout("AAAAAAAA\r\nAAAAAAAA\r\n", 8, true);
	expect_layout("AAAAAAAA\nAAAAAAAA\nAA==\n", 8, false);
	expect_layout("AAAAAAAA\r\nAA==\r\n\r\n", 8, true);
	expect_layout("AAAAAAAA\r\nAA==\r\n-----END CMS-----\r\n", 8, true);
	expect_layout("AAAAAAAA\r\nAAAAAAAA\r\nAAA", 8, true);
	expect_layout("AAAAAAAA\r\nAAAA\r\nAAAAAAAA\r\n", 1, false);
	expect_layout("AAAA\r\nAAAAAAAA\r\n", 1, false);
	expect_layout("AAAAAAAA\r\nAAAAAAAA\nAAAAAAAA\r\n", 1, false);
	expect_layout("AAAAA\r\nAAAAA\r\n", 1, true);
	expect_layout("no base64\r\n", 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_keeps_header_line_ends_and_line_length),
		cmocka_unit_test(header_and_body_may_have_other_line_ends),
		cmocka_unit_test(without_lines_they_are_those_of_the_header_and_of_mail),
		cmocka_unit_test(octets_stay_octets),
		cmocka_unit_test(quoted_printable_is_told),
		cmocka_unit_test(pem_keeps_its_text_and_labels),
		cmocka_unit_test(bare_base64_stays_bare),
		cmocka_unit_test(octets_behind_the_message_are_told),
		cmocka_unit_test(lines_count_where_they_are_alike),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
