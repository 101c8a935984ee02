/* Layers inside each other, and what is told of those that were not opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verdict.h"

static const char entity[] = "Content-Type: text/plain\n\nHello Bob,\n\nthis is signed.\n";

/* The entity of the mail, with the line endings that another signature around it takes. */
static char *entity_of(struct text *mail)
{
	size_t kept = 0;

	for (size_t i = 0; i <= mail->len; i++) {
		if (mail->data[i] != '\r')
			mail->data[kept++] = mail->data[i];
	}
	mail->len = kept - 1;
	return strstr(mail->data, "Content-Type: ");
}

static void sign_again(struct text *mail)
{
	struct text outer = { 0 };

	peer_sign_opaque(&outer, &peer_alice, entity_of(mail));
	text_free(mail);
	*mail = outer;
}

static void eight_layers_are_valid_and_the_ninth_is_not_opened(void **state)
{
	struct text mail = { 0 };
	struct verdict v;

	(void)state;
	peer_sign_clear(&mail, &peer_alice, entity, "\n");
	for (int i = 1; i < 8; i++)
		sign_again(&mail);
	verify_text(&v, mail.data, mail.len, true);
	assert_int_equal(v.status, 0);
	assert_int_equal(v.result->layer_count, 8);
	verdict_free(&v);
	sign_again(&mail);
	verify_text(&v, mail.data, mail.len, true);
	assert_int_equal(v.status, HSMIME_EFORMAT);
	assert_int_equal(v.output.len, 0);
	assert_int_equal(v.result->status, HSMIME_EFORMAT);
	assert_int_equal(v.result->layer_count, 9);
	for (size_t i = 0; i < 9; i++) {
		assert_int_equal(v.result->layers[i].opened, i < 8);
		assert_int_equal(v.result->layers[i].status, i < 8 ? 0 : HSMIME_EFORMAT);
	}
	assert_non_null(v.result->layers[8].problem);
	verdict_free(&v);
	text_free(&mail);
}

static void a_layer_that_is_cut_off_is_told_with_those_outside(void **state)
{
	struct text inner = { 0 }, mail = { 0 };
	struct verdict v;
	char *cut;

	(void)state;
	peer_sign_opaque(&inner, &peer_alice, entity);
	cut = entity_of(&inner);
	inner.data[inner.len - 400] = '\0';
	peer_sign_clear(&mail, &peer_bob, cut, "\n");
	verify_text(&v, mail.data, mail.len, false);
	assert_int_equal(v.status, HSMIME_EFORMAT);
	assert_int_equal(v.result->layer_count, 2);
	assert_int_equal(v.result->layers[0].status, 0);
	assert_int_equal(v.result->layers[1].kind, HSMIME_LAYER_SIGNED_OPAQUE);
	assert_int_equal(v.result->layers[1].opened, 0);
	verdict_free(&v);
	text_free(&inner);
	text_free(&mail);
}

static void what_no_chain_leaves_out_is_named(void **state)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;
	struct text mail = { 0 };
	hsmime_memory memory;
	hsmime_source in;
	struct verdict v;

	(void)state;
	options.no_chain = 1;
	peer_sign_clear(&mail, &peer_alice, entity, "\n");
	memory_source(&in, &memory, mail.data, mail.len);
	verify_source(&v, &in, &options, false);
	assert_string_equal(v.result->not_checked[0], "chain");
	verdict_free(&v);
	verify_text(&v, mail.data, mail.len, false);
	assert_string_equal(v.result->not_checked[0], "revocation");
	verdict_free(&v);
	text_free(&mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_layers_are_valid_and_the_ninth_is_not_opened),
		cmocka_unit_test(a_layer_that_is_cut_off_is_told_with_those_outside),
		cmocka_unit_test(what_no_chain_leaves_out_is_named),
	};

	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
