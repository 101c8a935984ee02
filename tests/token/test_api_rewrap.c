/* hsmime_rewrap: one token operation gives a message other recipients, in the form in which it was. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_rewrap.h"

static hsmime_ctx *ctx;
static hsmime_certs *alice; /* a software key's */
static hsmime_certs *emil;  /* of the token's EC key */
static hsmime_certs *both;

static int set_up(void **state)
{
	peer_setup(state);
	api_setup(state);
	ctx = api_ctx();
	alice = one_cert(peer_alice.cert);
	emil = one_cert(api_ec.cert);
	both = one_cert(peer_bob.cert);
	assert_int_equal(hsmime_certs_add(both, api_ec.cert), 0);
	return 0;
}

static int tear_down(void **state)
{
	hsmime_ctx_free(ctx);
	hsmime_certs_free(alice);
	hsmime_certs_free(emil);
	hsmime_certs_free(both);
	api_teardown(state);
	return peer_teardown(state);
}

static const char *const ciphers[] = { "aes-128-cbc", "aes-256-gcm" };

static struct original original_of(size_t i)
{
	struct original m = { .name = rewrap_forms[i / 4].name,
		.form = rewrap_forms[i / 4].form,
		.format = rewrap_forms[i / 4].format,
		.indefinite = rewrap_forms[i / 4].indefinite,
		.cipher = ciphers[i % 2],
		.to = i / 2 % 2 ? &api_ec : &api_rsa };

	original_make(ctx, &m, NULL);
	return m;
}

static void check_result(const struct outcome *o, const struct original *m)
{
	const hsmime_layer *l = &o->result->layers[0];
	bool gcm = strstr(m->cipher, "gcm") != NULL;

	assert_int_equal(calls_of(o, "C_Decrypt") + calls_of(o, "C_DeriveKey"), 1);
	assert_int_equal(o->result->layer_count, 1);
	assert_int_equal(l->kind, gcm ? HSMIME_LAYER_AUTH_ENCRYPTED : HSMIME_LAYER_ENCRYPTED);
	assert_int_equal(o->result->authenticated, gcm);
	assert_true(l->opened && l->status == 0);
	assert_non_null(l->key_uri);
	assert_int_equal(l->recipient_count, 1);
	assert_true(l->recipients[0].used);
}

static void every_form_is_rewrapped_by_one_token_operation(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4 * REWRAP_FORMS; i++) {
		struct original m = original_of(i);
		struct rewrapping r = rewrapping_of(m.form, &m.text, alice);
		struct outcome o;

		for (int slow = 0; slow < 2; slow++) {
			r.slow = slow;
			rewrap_run(&o, ctx, &r);
			if (o.status != 0)
				fail_msg("%s: %s", m.name, o.words.data);
			check_result(&o, &m);
			assert_int_equal(o.result->layers[0].new_recipient_count, 1);
			assert_true(tool_opens(&peer_alice, &o.output, rewrap_forms[i / 4].tool));
			/* And for the other key of the token, and one who has none there. */
			if (!slow) {
				struct rewrapping again = rewrapping_of(m.form, &m.text, both);
				struct outcome next;

				rewrap_run(&next, ctx, &again);
				assert_int_equal(next.status, 0);
				assert_int_equal(next.result->layers[0].new_recipient_count, 2);
				assert_true(token_opens(ctx, &next.output, m.form));
				assert_true(
				    tool_opens(&peer_bob, &next.output, rewrap_forms[i / 4].tool));
				assert_false(tool_opens(
				    &peer_alice, &next.output, rewrap_forms[i / 4].tool));
				outcome_clear(&next);
			}
			outcome_clear(&o);
		}
		text_free(&m.text);
	}
}

static void a_context_of_its_own_makes_no_difference(void **state)
{
	struct original m = original_of(4);
	struct rewrapping r = rewrapping_of(m.form, &m.text, alice);
	struct outcome o;

	(void)state;
	rewrap_run(&o, NULL, &r);
	assert_int_equal(o.status, 0);
	check_result(&o, &m);
	outcome_clear(&o);
	text_free(&m.text);
}

/* What the result says of the new recipients is what decryption says of the message. */
static void the_new_recipients_are_those_that_decryption_finds(void **state)
{
	struct original m = { .name = "two",
		.form = HSMIME_CMS,
		.format = HSMIME_FORMAT_DER,
		.cipher = "aes-256-gcm",
		.to = &api_rsa };
	const hsmime_made_recipient *made;
	struct outcome o, opened;
	struct rewrapping r;

	(void)state;
	original_make(ctx, &m, alice);
	r = rewrapping_of(m.form, &m.text, emil);
	r.options.old = HSMIME_REWRAP_KEEP;
	r.options.drop = alice;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.result->layers[0].recipient_count, 2);
	assert_int_equal(o.result->layers[0].new_recipient_count, 2);
	api_open(&opened, ctx, o.output.data, o.output.len);
	assert_int_equal(opened.status, 0);
	assert_int_equal(opened.result->layers[0].recipient_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const hsmime_recipient *a = &o.result->layers[0].new_recipients[i];
		const hsmime_recipient *b = &opened.result->layers[0].recipients[i];

		assert_string_equal(a->issuer, b->issuer);
		assert_string_equal(a->serial_number, b->serial_number);
		assert_string_equal(a->algorithm, b->algorithm);
		assert_false(a->used);
	}
	assert_int_equal(hsmime_ctx_made(ctx)->recipient_count, 0); /* of the decryption */
	assert_false(tool_opens(&peer_alice, &o.output, "DER"));
	outcome_clear(&opened);
	outcome_clear(&o);
	rewrap_run(&o, ctx, &r);
	assert_int_equal(hsmime_ctx_made(ctx)->recipient_count, 1);
	made = &hsmime_ctx_made(ctx)->recipients[0];
	assert_string_equal(made->algorithm, "ECDH");
	assert_non_null(strstr(made->subject, "Emil"));
	outcome_clear(&o);
	text_free(&m.text);
}

static size_t count_after(struct original *m, const hsmime_certs *add, int no_check)
{
	struct rewrapping r = rewrapping_of(m->form, &m->text, add);
	struct outcome o;
	size_t count;

	r.options.old = HSMIME_REWRAP_KEEP;
	r.options.no_check = no_check;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, 0);
	count = o.result->layers[0].new_recipient_count;
	assert_true(token_opens(ctx, &o.output, m->form));
	text_free(&m->text);
	text_add(&m->text, o.output.data, o.output.len);
	outcome_clear(&o);
	return count;
}

static void who_is_added_again_is_named_anew(void **state)
{
	struct original m = original_of(5);

	(void)state;
	assert_int_equal(count_after(&m, alice, 0), 2);
	assert_int_equal(count_after(&m, alice, 0), 2);
	assert_int_equal(count_after(&m, both, 0), 4);
	assert_int_equal(count_after(&m, both, 0), 4);
	/* Nothing proves the new one, so that the old one stays. */
	assert_int_equal(count_after(&m, both, 1), 6);
	assert_true(tool_opens(&peer_alice, &m.text, "DER"));
	text_free(&m.text);
}

static void the_transport_is_the_one_that_was_asked_for(void **state)
{
	static const char *const names[] = { "RSA PKCS#1 v1.5", "RSA-OAEP", "RSA PKCS#1 v1.5" };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct original m = original_of(1);
		struct rewrapping r = rewrapping_of(m.form, &m.text, alice);
		const hsmime_recipient *n;
		struct outcome o;

		r.options.key_transport = i / 2;
		r.options.recipient_key_id = i % 2;
		rewrap_run(&o, ctx, &r);
		assert_int_equal(o.status, 0);
		n = &o.result->layers[0].new_recipients[0];
		assert_string_equal(n->algorithm, names[i / 2]);
		assert_int_equal(n->key_id != NULL, i % 2);
		assert_true(tool_opens(&peer_alice, &o.output, "SMIME"));
		outcome_clear(&o);
		text_free(&m.text);
	}
}

/* A mail's sender and addresses say nothing of who reads the archive. */
static void a_new_recipient_is_checked_but_for_addresses(void **state)
{
	struct original m = original_of(0);
	hsmime_certs *old = one_cert(peer_old.cert);
	hsmime_certs *ca = anchors();
	struct rewrapping r = rewrapping_of(m.form, &m.text, old);
	struct outcome o;

	(void)state;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, HSMIME_EPOLICY);
	assert_int_equal(calls_of(&o, "C_Decrypt"), 0);
	outcome_clear(&o);
	r.options.force_recipient = 1;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, 0);
	outcome_clear(&o);
	r = rewrapping_of(m.form, &m.text, alice);
	r.options.anchors = ca;
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, 0);
	outcome_clear(&o);
	r.options.recipients = emil; /* of another CA */
	rewrap_run(&o, ctx, &r);
	assert_int_equal(o.status, HSMIME_EPOLICY);
	outcome_clear(&o);
	hsmime_certs_free(old);
	hsmime_certs_free(ca);
	text_free(&m.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_rewrapped_by_one_token_operation),
		cmocka_unit_test(a_context_of_its_own_makes_no_difference),
		cmocka_unit_test(the_new_recipients_are_those_that_decryption_finds),
		cmocka_unit_test(who_is_added_again_is_named_anew),
		cmocka_unit_test(the_transport_is_the_one_that_was_asked_for),
		cmocka_unit_test(a_new_recipient_is_checked_but_for_addresses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
