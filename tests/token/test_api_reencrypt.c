/* hsmime_rewrap that encrypts the content anew: by one token operation, in each form, and nothing that is not proved. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_faults.h"
#include "api_rewrap.h"

static hsmime_ctx *ctx;
static hsmime_certs *alice; /* a software key's */
static hsmime_certs *emil;  /* of the token's EC key */

static int set_up(void **state)
{
	peer_setup(state);
	api_setup(state);
	ctx = api_ctx();
	alice = one_cert(peer_alice.cert);
	emil = one_cert(api_ec.cert);
	return 0;
}

static int tear_down(void **state)
{
	hsmime_ctx_free(ctx);
	hsmime_certs_free(alice);
	hsmime_certs_free(emil);
	api_teardown(state);
	return peer_teardown(state);
}

static const char *const ciphers[] = { "aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm" };
static const char *const labels[] = { "AES-128-CBC", "AES-256-CBC", "AES-128-GCM", "AES-256-GCM" };

static struct original original_of(size_t form, size_t cipher, const struct holder *to)
{
	struct original m = { .name = rewrap_forms[form].name,
		.form = rewrap_forms[form].form,
		.format = rewrap_forms[form].format,
		.indefinite = rewrap_forms[form].indefinite,
		.cipher = ciphers[cipher],
		.to = to };

	original_make(ctx, &m, NULL);
	return m;
}

static struct rewrapping anew_of(const struct original *m, const hsmime_certs *recipients)
{
	struct rewrapping r = rewrapping_of(m->form, &m->text, recipients);

	r.options.reencrypt = 1;
	return r;
}

static void expect_layer(const struct outcome *o, size_t from, size_t to)
{
	const hsmime_layer *l = &o->result->layers[0];

	assert_int_equal(o->result->layer_count, 1);
	assert_int_equal(calls_of(o, "C_Decrypt") + calls_of(o, "C_DeriveKey"), 1);
	assert_int_equal(l->kind, from >= 2 ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED);
	assert_string_equal(l->cipher, labels[from]);
	assert_int_equal(o->result->authenticated, from >= 2);
	assert_int_equal(
	    l->new_kind, to >= 2 ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED);
	assert_string_equal(l->new_cipher, labels[to]);
	assert_int_equal(l->new_recipient_count, 1);
	assert_true(l->opened && l->status == 0 && l->recipients[0].used);
	assert_string_equal(hsmime_ctx_made(ctx)->cipher, labels[to]);
	assert_int_equal(hsmime_ctx_made(ctx)->recipient_count, 1);
}

static void one_pair(size_t form, size_t from, size_t to, bool slow)
{
	struct original m = original_of(form, from, (from + form) % 2 ? &api_ec : &api_rsa);
	struct rewrapping r = anew_of(&m, alice);
	struct outcome o;

	r.options.cipher = ciphers[to];
	r.slow = slow;
	rewrap_run(&o, ctx, &r);
	if (from >= 2 && to < 2) {
		assert_int_equal(o.status, HSMIME_EPOLICY);
		assert_non_null(o.result);
		assert_null(o.result->layers[0].new_cipher);
		assert_int_equal(calls_of(&o, "C_Decrypt") + calls_of(&o, "C_DeriveKey"), 0);
	} else {
		if (o.status != 0)
			fail_msg("%s: %s", m.name, o.words.data);
		expect_layer(&o, from, to);
		assert_true(tool_opens(&peer_alice, &o.output, rewrap_forms[form].tool));
		assert_false(tool_opens(&peer_bob, &o.output, rewrap_forms[form].tool));
		assert_false(token_opens(ctx, &o.output, m.form));
	}
	outcome_clear(&o);
	text_free(&m.text);
}

static void each_form_and_cipher_is_encrypted_anew_by_one_token_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < 16 * REWRAP_FORMS; i++)
		one_pair(i / 16, i % 4, i / 4 % 4, i % 3 == 0);
}

static void what_came_of_it_opens_with_the_tokens_other_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < REWRAP_FORMS; i++) {
		struct original m = original_of(i, i % 4, &api_rsa);
		struct rewrapping r = anew_of(&m, emil);
		struct outcome o;

		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, 0);
		expect_layer(&o, i % 4, 3); /* AES-256-GCM where nothing else is said */
		assert_true(token_opens(ctx, &o.output, m.form));
		outcome_clear(&o);
		text_free(&m.text);
	}
}

/* *head is the header, its empty line included. */
static void split(struct text *head, const struct text *mail)
{
	const char *end = strstr(mail->data, "\r\n\r\n");

	assert_non_null(end);
	text_add(head, mail->data, (size_t)(end - mail->data) + 4);
}

static void the_header_stays_but_for_the_kind_that_it_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct original m = original_of(0, i == 2 ? 3 : 0, &api_rsa);
		struct rewrapping r = anew_of(&m, alice);
		struct text before = { 0 }, after = { 0 }, want = { 0 };
		const char *at;
		struct outcome o;

		r.options.cipher = ciphers[i == 0 ? 1 : 2];
		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, 0);
		split(&before, &m.text);
		split(&after, &o.output);
		at = strstr(before.data, "smime-type=enveloped-data");
		assert_int_equal(at != NULL, i < 2);
		if (i == 1) {
			text_add(&want, before.data, (size_t)(at - before.data));
			text_print(&want, "smime-type=authEnveloped-data%s",
			    at + strlen("smime-type=enveloped-data"));
		} else {
			text_add(&want, before.data, before.len);
		}
		assert_string_equal(after.data, want.data);
		text_free(&before);
		text_free(&after);
		text_free(&want);
		outcome_clear(&o);
		text_free(&m.text);
	}
}

static void expect_usage(const struct rewrapping *r, const char *words)
{
	struct rewrapping copy = *r;
	struct outcome o;

	rewrap_run(&o, ctx, &copy);
	assert_int_equal(o.status, HSMIME_EUSAGE);
	assert_non_null(strstr(o.words.data, words));
	assert_null(o.result);
	assert_int_equal(calls_of(&o, "C_Decrypt"), 0);
	outcome_clear(&o);
}

static void options_that_contradict_each_other_are_refused(void **state)
{
	struct original m = original_of(1, 0, &api_rsa);
	struct rewrapping r = anew_of(&m, alice);

	(void)state;
	r.options.old = HSMIME_REWRAP_KEEP;
	expect_usage(&r, "another key, which the old recipients do not have");
	r.options.old = HSMIME_REWRAP_REPLACE;
	r.options.no_check = 1;
	expect_usage(&r, "another key");
	r.options.no_check = 0;
	r.options.cipher = "des-ede3-cbc";
	expect_usage(&r, "not a cipher hsmime encrypts with");
	r = rewrapping_of(m.form, &m.text, alice);
	r.options.cipher = "aes-256-gcm";
	expect_usage(&r, "stays encrypted as it is");
	r.options.cipher = NULL;
	r.options.require_authenticated = 1;
	expect_usage(&r, "stays encrypted as it is");
	r = anew_of(&m, NULL);
	expect_usage(&r, "no recipient");
	text_free(&m.text);
}

static void unauthenticated_content_can_be_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct original m = original_of(1, i, &api_rsa);
		struct rewrapping r = anew_of(&m, alice);
		struct outcome o;

		r.options.require_authenticated = 1;
		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, i < 2 ? HSMIME_EPOLICY : 0);
		assert_int_equal(calls_of(&o, "C_Decrypt"), i >= 2);
		assert_non_null(o.result);
		outcome_clear(&o);
		text_free(&m.text);
	}
}

static void anew_text(struct outcome *o, const struct text *message)
{
	struct rewrapping r = rewrapping_of(HSMIME_CMS, message, alice);

	r.options.reencrypt = 1;
	rewrap_run(o, NULL, &r);
}

/* The content of these begins as nothing does, so that of CBC even the right key is refused, alike. */
static void every_fault_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		const struct making *m = &making_rsa[i];
		struct text message = { 0 };
		struct outcome altered, o;

		making_make(&message, m);
		anew_text(&o, &message);
		assert_int_equal(o.status, making_is_cbc(m) ? HSMIME_EINVALID : 0);
		outcome_clear(&o);
		spoil(&message, m, ALTERED_CONTENT);
		anew_text(&altered, &message);
		text_free(&message);
		assert_int_equal(altered.status, HSMIME_EINVALID);
		assert_int_equal(calls_of(&altered, "C_Decrypt"), 1);
		for (enum fault fault = WRONG_TYPE; fault < FAULTS; fault++) {
			making_make(&message, m);
			spoil(&message, m, fault);
			anew_text(&o, &message);
			assert_same_outcome(&altered, &o, m->name);
			outcome_clear(&o);
			text_free(&message);
		}
		outcome_clear(&altered);
	}
}

/* The token answers wrongly: its answer takes the substitute's place, and nothing is written. */
static void an_answer_of_the_token_that_is_wrong_writes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct original m = original_of(i / 2, i % 2 * 2, &api_rsa);
		struct rewrapping r = anew_of(&m, alice);
		struct outcome o;

		api_proxy->refuse("C_Decrypt", CKR_GENERAL_ERROR, 0, 100);
		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, HSMIME_EINVALID);
		assert_int_equal(o.output.len, 0);
		assert_int_equal(o.result->layers[0].status, HSMIME_EINVALID);
		assert_int_equal(o.result->layers[0].new_recipient_count, 0);
		assert_null(o.result->layers[0].new_cipher);
		api_proxy->reset();
		outcome_clear(&o);
		text_free(&m.text);
	}
}

static void a_message_cut_or_altered_anywhere_lets_nothing_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct original m = original_of(1, i * 3, &api_rsa);
		struct rewrapping r = anew_of(&m, alice);
		struct outcome o;

		for (size_t len = 0; len < m.text.len; len++) {
			r.len = len;
			rewrap_run(&o, ctx, &r);
			assert_int_equal(o.status, HSMIME_EFORMAT);
			outcome_clear(&o);
		}
		r.len = m.text.len;
		for (size_t back = 1; i == 1 && back < 60; back++) {
			m.text.data[r.len - back] ^= 0x11;
			rewrap_run(&o, ctx, &r);
			assert_int_not_equal(o.status, 0);
			outcome_clear(&o);
			m.text.data[r.len - back] ^= 0x11;
		}
		text_free(&m.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_and_cipher_is_encrypted_anew_by_one_token_operation),
		cmocka_unit_test(what_came_of_it_opens_with_the_tokens_other_key),
		cmocka_unit_test(the_header_stays_but_for_the_kind_that_it_tells),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(unauthenticated_content_can_be_refused),
		cmocka_unit_test(every_fault_looks_like_altered_content),
		cmocka_unit_test(an_answer_of_the_token_that_is_wrong_writes_nothing),
		cmocka_unit_test(a_message_cut_or_altered_anywhere_lets_nothing_out),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
