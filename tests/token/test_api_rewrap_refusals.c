/*
 * hsmime_rewrap refuses: what is not encrypted on its outside, options that contradict each other,
 * and what is not proved, of which nothing tells more than decryption does.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "api_faults.h"
#include "api_rewrap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static hsmime_ctx *ctx;
static hsmime_certs *alice;
static hsmime_certs *rita;

static int set_up(void **state)
{
	peer_setup(state);
	api_setup(state);
	ctx = api_ctx();
	alice = one_cert(peer_alice.cert);
	rita = one_cert(api_rsa.cert);
	return 0;
}

static int tear_down(void **state)
{
	hsmime_ctx_free(ctx);
	hsmime_certs_free(alice);
	hsmime_certs_free(rita);
	api_teardown(state);
	return peer_teardown(state);
}

static struct original original_of(enum hsmime_form form, const char *cipher)
{
	struct original m = { .name = "original",
		.form = form,
		.format = HSMIME_FORMAT_DER,
		.cipher = cipher,
		.to = &api_rsa };

	original_make(ctx, &m, NULL);
	return m;
}

static void run_on(struct outcome *o, const struct text *text, enum hsmime_form form)
{
	struct rewrapping r = rewrapping_of(form, text, alice);

	rewrap_run(o, ctx, &r);
	assert_int_equal(calls_of(o, "C_Decrypt"), 0);
}

/* The layers that a refused message is said to have; it was not touched. */
static void expect_layers(const struct text *text, enum hsmime_form form, const char *words,
    const enum hsmime_layer_kind *kinds, size_t count)
{
	struct outcome o;

	run_on(&o, text, form);
	if (o.status != HSMIME_EFORMAT || o.result == NULL || strstr(o.words.data, words) == NULL)
		fail_msg("%d %s", o.status, o.words.data);
	assert_int_equal(o.result->layer_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(o.result->layers[i].kind, kinds[i]);
		assert_false(o.result->layers[i].opened);
	}
	outcome_clear(&o);
}

static void what_is_not_encrypted_is_told(void **state)
{
	static const enum hsmime_layer_kind beside[] = { HSMIME_LAYER_SIGNED_DETACHED };
	static const enum hsmime_layer_kind inside[] = { HSMIME_LAYER_SIGNED_OPAQUE };
	struct text mail = { 0 };

	(void)state;
	text_print(&mail, "From: a@example.com\r\n%s", rewrap_entity);
	expect_layers(&mail, HSMIME_MAIL, "not encrypted: it is text/plain", NULL, 0);
	text_free(&mail);
	text_print(&mail, "From: a@example.com\r\n\r\nno MIME\r\n");
	expect_layers(&mail, HSMIME_MAIL, "not encrypted", NULL, 0);
	text_free(&mail);
	peer_sign_clear(&mail, &peer_alice, rewrap_entity, "\r\n");
	expect_layers(&mail, HSMIME_MAIL, "not encrypted: it is multipart/signed", beside, 1);
	text_free(&mail);
	peer_sign_opaque(&mail, &peer_alice, rewrap_entity);
	expect_layers(&mail, HSMIME_MAIL, "not encrypted: it is SignedData", inside, 1);
	text_free(&mail);
}

/* The entity of a mail, with LF: its header fields that speak of the content, and its body. */
static void entity_of(struct text *entity, const struct text *mail)
{
	for (const char *p = strstr(mail->data, "Content-"); *p != '\0'; p++) {
		if (*p != '\r')
			text_add(entity, p, 1);
	}
}

static void encrypted_entity(struct text *entity, const char *cipher)
{
	struct original m = original_of(HSMIME_MAIL, cipher);

	entity_of(entity, &m.text);
	text_free(&m.text);
}

static void encryption_inside_a_signature_is_told(void **state)
{
	static const char *const ciphers[] = { "aes-256-cbc", "aes-128-gcm" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		enum hsmime_layer_kind kinds[] = { HSMIME_LAYER_SIGNED_DETACHED,
			i == 0 ? HSMIME_LAYER_ENCRYPTED : HSMIME_LAYER_AUTH_ENCRYPTED };
		struct text entity = { 0 }, mail = { 0 }, inner = { 0 }, twice = { 0 };

		encrypted_entity(&entity, ciphers[i]);
		peer_sign_clear(&mail, &peer_alice, entity.data, i == 0 ? "\n" : "\r\n");
		expect_layers(
		    &mail, HSMIME_MAIL, "inside a signature (multipart/signed)", kinds, 2);
		text_free(&mail);
		kinds[0] = HSMIME_LAYER_SIGNED_OPAQUE;
		peer_sign_opaque(&mail, &peer_alice, entity.data);
		expect_layers(&mail, HSMIME_MAIL, "inside a signature (SignedData)", kinds, 2);
		/* Signed twice: there is a signature around it, whichever. */
		entity_of(&inner, &mail);
		peer_sign_opaque(&twice, &peer_alice, inner.data);
		expect_layers(&twice, HSMIME_MAIL, "inside a signature (SignedData)", kinds, 2);
		text_free(&twice);
		kinds[0] = HSMIME_LAYER_SIGNED_DETACHED;
		peer_sign_clear(&twice, &peer_alice, inner.data, "\r\n");
		expect_layers(
		    &twice, HSMIME_MAIL, "inside a signature (multipart/signed)", kinds, 2);
		text_free(&twice);
		text_free(&inner);
		text_free(&mail);
		text_free(&entity);
	}
}

static void signed_octets_are_looked_into(void **state)
{
	struct original m = original_of(HSMIME_CMS, "aes-256-gcm");
	static const enum hsmime_layer_kind kinds[] = { HSMIME_LAYER_SIGNED_OPAQUE,
		HSMIME_LAYER_AUTH_ENCRYPTED };

	(void)state;
	for (int i = 0; i < 3; i++) {
		hsmime_sign_options options = HSMIME_SIGN_OPTIONS_INIT;
		struct text text = { 0 };
		hsmime_output *out = text_output(&text);
		hsmime_memory memory;
		hsmime_source in;

		memory_source(&in, &memory, i < 2 ? m.text.data : "octets", i < 2 ? m.text.len : 6);
		if (i == 1)
			in.size = HSMIME_SIZE_UNKNOWN;
		options.form = HSMIME_CMS;
		options.opaque = 1;
		options.key_uri = api_rsa.uri;
		assert_int_equal(hsmime_sign(ctx, out, &in, &options), 0);
		expect_layers(&text, HSMIME_CMS, i < 2 ? "inside a signature" : "not encrypted",
		    kinds, i < 2 ? 2 : 1);
		hsmime_output_free(out);
		text_free(&text);
	}
	text_free(&m.text);
}

/* Cut anywhere, a signed message is one of which less is known, and never another. */
static void a_signature_cut_anywhere_is_refused(void **state)
{
	struct text entity = { 0 }, mails[2] = { { 0 }, { 0 } };

	(void)state;
	encrypted_entity(&entity, "aes-256-gcm");
	peer_sign_clear(&mails[0], &peer_alice, entity.data, "\r\n");
	peer_sign_opaque(&mails[1], &peer_alice, entity.data);
	for (size_t i = 0; i < 2; i++) {
		for (size_t len = 0; len < mails[i].len; len += 7) {
			struct text cut = { mails[i].data, len };
			struct outcome o;

			run_on(&o, &cut, HSMIME_MAIL);
			assert_int_equal(o.status, HSMIME_EFORMAT);
			outcome_clear(&o);
		}
		text_free(&mails[i]);
	}
	text_free(&entity);
}

static void expect_usage(struct rewrapping *r, const char *words)
{
	struct outcome o;

	rewrap_run(&o, ctx, r);
	assert_int_equal(o.status, HSMIME_EUSAGE);
	assert_non_null(strstr(o.words.data, words));
	assert_null(o.result);
	assert_int_equal(calls_of(&o, "C_Decrypt"), 0);
	outcome_clear(&o);
}

static void options_that_contradict_each_other_are_refused(void **state)
{
	struct original m = original_of(HSMIME_CMS, "aes-256-gcm");
	struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, NULL);

	(void)state;
	expect_usage(&r, "no recipient");
	r.options.old = HSMIME_REWRAP_KEEP;
	expect_usage(&r, "nothing to do");
	r.options.drop = rita;
	r.options.no_check = 1;
	expect_usage(&r, "without the check");
	r = rewrapping_of(HSMIME_CMS, &m.text, alice);
	r.options.drop = rita;
	expect_usage(&r, "none is kept");
	r.options.drop = NULL;
	r.options.no_check = 1;
	expect_usage(&r, "without the check");
	r.options.no_check = 0;
	r.options.key_uri = "pkcs11:nonsense=%";
	expect_usage(&r, "");
	text_free(&m.text);
}

static void the_last_recipient_is_not_dropped(void **state)
{
	struct original m = original_of(HSMIME_CMS, "aes-256-gcm");
	struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, NULL);
	struct outcome o;

	(void)state;
	r.options.old = HSMIME_REWRAP_KEEP;
	r.options.drop = rita;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, HSMIME_EPOLICY);
	assert_non_null(o.result);
	assert_non_null(strstr(o.words.data, "no recipient left"));
	outcome_clear(&o);
	text_free(&m.text);
}

static void rewrap_text(struct outcome *o, const struct text *message)
{
	struct rewrapping r = rewrapping_of(HSMIME_CMS, message, alice);

	rewrap_run(o, NULL, &r);
}

/* The content of these begins as nothing does, so that of CBC even the right key is refused, alike. */
static void every_fault_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		const struct making *m = &making_rsa[i];
		struct text message = { 0 };
		struct outcome altered, decrypted, o;

		making_make(&message, m);
		rewrap_text(&o, &message);
		assert_int_equal(o.status, making_is_cbc(m) ? HSMIME_EINVALID : 0);
		outcome_clear(&o);
		spoil(&message, m, ALTERED_CONTENT);
		rewrap_text(&altered, &message);
		text_free(&message);
		assert_int_equal(altered.status, HSMIME_EINVALID);
		assert_int_equal(calls_of(&altered, "C_Decrypt"), 1);
		faulty(&decrypted, NULL, m, ALTERED_CONTENT);
		/* But for the line about who is added. */
		assert_string_equal(decrypted.words.data, strchr(altered.words.data, '\n') + 1);
		for (enum fault fault = WRONG_TYPE; fault < FAULTS; fault++) {
			making_make(&message, m);
			spoil(&message, m, fault);
			rewrap_text(&o, &message);
			assert_same_outcome(&altered, &o, m->name);
			outcome_clear(&o);
			text_free(&message);
		}
		outcome_clear(&altered);
		outcome_clear(&decrypted);
	}
}

/* The token answers wrongly: its answer takes the substitute's place, and nothing is written. */
static void an_answer_of_the_token_that_is_wrong_destroys_nothing(void **state)
{
	static const char *const ciphers[] = { "aes-256-cbc", "aes-256-gcm" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct original m = original_of(HSMIME_MAIL, ciphers[i % 2]);
		struct rewrapping r = rewrapping_of(HSMIME_MAIL, &m.text, alice);
		hsmime_result *result = NULL;
		hsmime_memory memory;
		hsmime_source in;
		hsmime_output *out;
		struct outcome o;
		char path[512];

		r.options.old = i / 2;
		api_proxy->refuse("C_Decrypt", CKR_GENERAL_ERROR, 0, 100);
		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, HSMIME_EINVALID);
		assert_int_equal(o.result->layers[0].status, HSMIME_EINVALID);
		assert_int_equal(o.result->layers[0].new_recipient_count, 0);
		outcome_clear(&o);
		/* Nor is there a file. */
		api_path(path, sizeof(path), "rewrapped.eml");
		assert_int_equal(hsmime_output_file(&out, path), 0);
		memory_source(&in, &memory, m.text.data, m.text.len);
		assert_int_equal(
		    hsmime_rewrap(ctx, &result, out, &in, &r.options), HSMIME_EINVALID);
		hsmime_result_free(result);
		hsmime_output_free(out);
		assert_int_not_equal(access(path, F_OK), 0);
		/* Without the check it is written, and still opens for those who stay. */
		r.options.no_check = 1;
		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, i / 2 ? 0 : HSMIME_EUSAGE);
		api_proxy->reset();
		assert_true(i / 2 == 0 || token_opens(ctx, &o.output, HSMIME_MAIL));
		assert_false(tool_opens(&peer_alice, &o.output, "SMIME"));
		outcome_clear(&o);
		text_free(&m.text);
	}
}

static void a_message_cut_or_altered_anywhere_lets_nothing_out(void **state)
{
	static const char *const ciphers[] = { "aes-256-cbc", "aes-256-gcm" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct original m = original_of(HSMIME_CMS, ciphers[i]);
		struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, alice);
		struct outcome o;

		for (size_t len = 0; len < m.text.len; len++) {
			r.len = len;
			rewrap_run(&o, ctx, &r);
			assert_int_equal(o.status, HSMIME_EFORMAT);
			outcome_clear(&o);
		}
		r.len = m.text.len;
		/* Of CBC it is no more than likely that this is noticed. */
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

static void nobodys_key_is_told_with_the_recipients(void **state)
{
	struct original m = original_of(HSMIME_CMS, "aes-256-gcm");
	struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, alice);
	struct outcome o, none;

	(void)state;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, 0);
	r = rewrapping_of(HSMIME_CMS, &o.output, rita);
	rewrap_run(&none, ctx, &r);
	assert_int_equal(none.status, HSMIME_ENOKEY);
	assert_int_equal(none.result->layer_count, 1);
	assert_int_equal(none.result->layers[0].status, HSMIME_ENOKEY);
	assert_int_equal(none.result->layers[0].recipient_count, 1);
	outcome_clear(&none);
	outcome_clear(&o);
	text_free(&m.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_encrypted_is_told),
		cmocka_unit_test(encryption_inside_a_signature_is_told),
		cmocka_unit_test(signed_octets_are_looked_into),
		cmocka_unit_test(a_signature_cut_anywhere_is_refused),
		cmocka_unit_test(options_that_contradict_each_other_are_refused),
		cmocka_unit_test(the_last_recipient_is_not_dropped),
		cmocka_unit_test(every_fault_looks_like_altered_content),
		cmocka_unit_test(an_answer_of_the_token_that_is_wrong_destroys_nothing),
		cmocka_unit_test(a_message_cut_or_altered_anywhere_lets_nothing_out),
		cmocka_unit_test(nobodys_key_is_told_with_the_recipients),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
