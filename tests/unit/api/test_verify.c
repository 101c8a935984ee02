/* hsmime_verify on messages that OpenSSL signed; no token is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "peer.h"
#include "verdict.h"

static const char entity[] = "Content-Type: text/plain\n\nHello Bob,\n\nthis is signed.\n";

static void assert_signed_by_alice(const struct verdict *v, size_t layer)
{
	const hsmime_signer *s = &v->result->layers[layer].signers[0];

	assert_int_equal(v->result->layers[layer].signer_count, 1);
	assert_int_equal(s->signature_status, 0);
	assert_int_equal(s->trusted, HSMIME_YES);
	assert_string_equal(s->emails[0], "alice@example.com");
}

static void clear_signed_mail_is_valid_in_lf_and_crlf(void **state)
{
	static const char *const newlines[] = { "\n", "\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct text mail = { 0 };
		struct verdict v;

		peer_sign_clear(&mail, &peer_alice, entity, newlines[i]);
		verify_text(&v, mail.data, mail.len, false);
		assert_int_equal(v.status, 0);
		assert_int_equal(v.result->layer_count, 1);
		assert_signed_by_alice(&v, 0);
		assert_int_equal(v.result->layers[0].kind, HSMIME_LAYER_SIGNED_DETACHED);
		assert_int_equal(v.result->layers[0].signers[0].from_matches, HSMIME_YES);
		assert_int_equal(v.result->layers[0].signers[0].crlf_form, i == 0);
		assert_string_equal(v.result->from, "alice@example.com");
		verdict_free(&v);
		text_free(&mail);
	}
}

static void opaque_mail_gives_its_content(void **state)
{
	struct text mail = { 0 };
	struct verdict v;

	(void)state;
	peer_sign_opaque(&mail, &peer_alice, entity);
	verify_text(&v, mail.data, mail.len, true);
	assert_int_equal(v.status, 0);
	assert_signed_by_alice(&v, 0);
	assert_string_equal(
	    v.output.data, "Content-Type: text/plain\r\n\r\nHello Bob,\r\n\r\nthis is signed.\r\n");
	verdict_free(&v);
	text_free(&mail);
}

static void another_from_address_is_reported(void **state)
{
	struct text mail = { 0 };
	struct verdict v;

	(void)state;
	peer_sign_clear(&mail, &peer_bob, entity, "\n");
	verify_text(&v, mail.data, mail.len, false);
	assert_int_equal(v.status, 0);
	assert_int_equal(v.result->layers[0].signers[0].from_matches, HSMIME_NO);
	verdict_free(&v);
	text_free(&mail);
}

static void an_expired_certificate_is_not_valid_now_but_was_then(void **state)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	struct text mail = { 0 };
	hsmime_memory memory;
	hsmime_source in;
	struct verdict v;

	(void)state;
	peer_sign_clear(&mail, &peer_old, entity, "\n");
	verify_text(&v, mail.data, mail.len, false);
	assert_int_equal(v.status, HSMIME_EINVALID);
	assert_int_equal(v.result->layers[0].signers[0].signature_status, 0);
	assert_int_equal(v.result->layers[0].signers[0].trusted, HSMIME_NO);
	verdict_free(&v);
	options.at = (int64_t)time(NULL) - 5 * 86400;
	memory_source(&in, &memory, mail.data, mail.len);
	verify_source(&v, &in, &options, false);
	assert_int_equal(v.status, 0);
	verdict_free(&v);
	text_free(&mail);
}

static void an_unknown_ca_is_not_trusted_unless_no_chain_is_asked(void **state)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	hsmime_certs *others = one_cert(peer_bob.cert);
	struct text mail = { 0 };
	hsmime_memory memory;
	hsmime_source in;
	struct verdict v;

	(void)state;
	peer_sign_clear(&mail, &peer_alice, entity, "\n");
	options.anchors = others;
	memory_source(&in, &memory, mail.data, mail.len);
	verify_source(&v, &in, &options, false);
	assert_int_equal(v.status, HSMIME_EINVALID);
	verdict_free(&v);
	options.no_chain = 1;
	memory_source(&in, &memory, mail.data, mail.len);
	verify_source(&v, &in, &options, false);
	assert_int_equal(v.status, 0);
	assert_int_equal(v.result->no_chain, 1);
	assert_int_equal(v.result->layers[0].signers[0].trusted, HSMIME_NOT_CHECKED);
	verdict_free(&v);
	hsmime_certs_free(others);
	text_free(&mail);
}

static void a_changed_octet_of_the_content_is_never_valid(void **state)
{
	struct text mail = { 0 };
	const char *start, *end;

	(void)state;
	peer_sign_clear(&mail, &peer_alice, entity, "\n");
	start = strstr(mail.data, "Content-Type: text/plain");
	end = strstr(start, "\n--outermost");
	for (size_t at = (size_t)(start - mail.data); at < (size_t)(end - mail.data); at++) {
		struct verdict v;

		mail.data[at] ^= 1;
		verify_text(&v, mail.data, mail.len, true);
		assert_int_not_equal(v.status, 0);
		assert_int_equal(v.output.len, 0);
		mail.data[at] ^= 1;
		verdict_free(&v);
	}
	text_free(&mail);
}

static void a_truncated_mail_is_never_valid_and_gives_nothing(void **state)
{
	struct text mails[2] = { 0 };

	(void)state;
	peer_sign_clear(&mails[0], &peer_alice, entity, "\n");
	peer_sign_opaque(&mails[1], &peer_alice, entity);
	for (size_t m = 0; m < 2; m++) {
		/* The last lines hold only the closing boundary or base64 padding. */
		size_t last = mails[m].len - (m == 0 ? 40 : 70);

		for (size_t len = 0; len < last; len++) {
			struct verdict v;

			verify_text(&v, mails[m].data, len, true);
			assert_int_not_equal(v.status, 0);
			assert_int_equal(v.output.len, 0);
			verdict_free(&v);
		}
		text_free(&mails[m]);
	}
}

static void one_octet_reads_give_the_same(void **state)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	struct text mails[2] = { 0 };

	(void)state;
	peer_sign_clear(&mails[0], &peer_alice, entity, "\r\n");
	peer_sign_opaque(&mails[1], &peer_alice, entity);
	for (size_t m = 0; m < 2; m++) {
		hsmime_memory memory;
		hsmime_source base, in;
		struct verdict v;

		memory_source(&base, &memory, mails[m].data, mails[m].len);
		slow_source(&in, &base);
		verify_source(&v, &in, &options, true);
		assert_int_equal(v.status, 0);
		assert_true(v.output.len > 0);
		verdict_free(&v);
		text_free(&mails[m]);
	}
}

static void a_mail_signed_twice_has_two_layers(void **state)
{
	struct text inner = { 0 }, mail = { 0 };
	struct verdict v;

	(void)state;
	peer_sign_clear(&inner, &peer_alice, entity, "\n");
	peer_sign_opaque(&mail, &peer_bob, strstr(inner.data, "Content-Type: multipart/signed"));
	verify_text(&v, mail.data, mail.len, true);
	assert_int_equal(v.status, 0);
	assert_int_equal(v.result->layer_count, 2);
	assert_signed_by_alice(&v, 1);
	assert_non_null(strstr(v.output.data, "this is signed"));
	assert_null(strstr(v.output.data, "outermost"));
	verdict_free(&v);
	text_free(&inner);
	text_free(&mail);
}

static void a_mail_signed_in_part_says_so_and_is_not_valid(void **state)
{
	struct text inner = { 0 }, mail = { 0 };
	struct verdict v;

	(void)state;
	peer_sign_clear(&inner, &peer_alice, entity, "\n");
	text_print(&mail,
	    "From: alice@example.com\nMIME-Version: 1.0\n"
	    "Content-Type: multipart/mixed; boundary=list\n\n--list\n%s\n--list\n"
	    "Content-Type: text/plain\n\na footer of the list\n--list--\n",
	    strstr(inner.data, "Content-Type: multipart/signed"));
	verify_text(&v, mail.data, mail.len, true);
	assert_int_equal(v.status, HSMIME_EINVALID);
	assert_int_equal(v.result->layer_count, 1);
	assert_int_equal(v.result->layers[0].partial, 1);
	assert_int_equal(v.result->layers[0].signers[0].signature_status, 0);
	assert_int_equal(v.output.len, 0);
	verdict_free(&v);
	text_free(&inner);
	text_free(&mail);
}

static void an_unsigned_mail_is_not_valid(void **state)
{
	static const char mail[] = "From: a@example.com\nSubject: x\n\nhello\n";
	struct verdict v;

	(void)state;
	verify_text(&v, mail, strlen(mail), true);
	assert_int_equal(v.status, HSMIME_EINVALID);
	assert_int_equal(v.result->layer_count, 0);
	assert_int_equal(v.output.len, 0);
	verdict_free(&v);
}

static void what_is_no_mail_is_malformed(void **state)
{
	static const char junk[] = "\x01\x02\x03 this is nothing";
	struct verdict v;

	(void)state;
	verify_text(&v, junk, strlen(junk), false);
	assert_int_equal(v.status, HSMIME_EFORMAT);
	assert_null(v.result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clear_signed_mail_is_valid_in_lf_and_crlf),
		cmocka_unit_test(opaque_mail_gives_its_content),
		cmocka_unit_test(another_from_address_is_reported),
		cmocka_unit_test(an_expired_certificate_is_not_valid_now_but_was_then),
		cmocka_unit_test(an_unknown_ca_is_not_trusted_unless_no_chain_is_asked),
		cmocka_unit_test(a_changed_octet_of_the_content_is_never_valid),
		cmocka_unit_test(a_truncated_mail_is_never_valid_and_gives_nothing),
		cmocka_unit_test(one_octet_reads_give_the_same),
		cmocka_unit_test(a_mail_signed_twice_has_two_layers),
		cmocka_unit_test(a_mail_signed_in_part_says_so_and_is_not_valid),
		cmocka_unit_test(an_unsigned_mail_is_not_valid),
		cmocka_unit_test(what_is_no_mail_is_malformed),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
