/* hsmime_rewrap with a key that unwraps only: where the token shows the content key, and where it keeps it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_rewrap.h"

static hsmime_certs *alice;

static int set_up(void **state)
{
	peer_setup(state);
	api_setup_unwrap(state);
	alice = one_cert(peer_alice.cert);
	return 0;
}

static int tear_down(void **state)
{
	hsmime_certs_free(alice);
	api_teardown(state);
	return peer_teardown(state);
}

static struct original original_of(const char *cipher)
{
	struct original m = { .name = cipher,
		.form = HSMIME_CMS,
		.format = HSMIME_FORMAT_DER,
		.cipher = cipher,
		.to = &api_rsa };
	hsmime_ctx *ctx = api_ctx();

	original_make(ctx, &m, NULL);
	hsmime_ctx_free(ctx);
	return m;
}

static void a_content_key_that_can_be_read_is_given_to_others(void **state)
{
	static const char *const ciphers[] = { "aes-256-cbc", "aes-128-gcm" };

	(void)state;
	api_proxy->reset();
	for (size_t i = 0; i < 2; i++) {
		struct original m = original_of(ciphers[i]);
		struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, alice);
		struct outcome o;

		rewrap_run(&o, NULL, &r);
		assert_int_equal(o.status, 0);
		assert_true(tool_opens(&peer_alice, &o.output, "DER"));
		outcome_clear(&o);
		text_free(&m.text);
	}
}

static void a_content_key_that_stays_on_the_token_is_told(void **state)
{
	static const char *const ciphers[] = { "aes-256-cbc", "aes-128-gcm" };

	(void)state;
	api_proxy->reset();
	api_proxy->unwrap_sensitive(1);
	for (size_t i = 0; i < 4; i++) {
		struct original m = original_of(ciphers[i % 2]);
		struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, alice);
		struct outcome o;

		r.options.old = HSMIME_REWRAP_KEEP;
		r.options.no_check = i / 2;
		rewrap_run(&o, NULL, &r);
		assert_int_equal(o.status, HSMIME_EUNSUPPORTED);
		assert_non_null(strstr(o.words.data, "does not show the content key"));
		assert_non_null(strstr(o.words.data, "CKA_DECRYPT"));
		assert_int_equal(o.result->layers[0].recipient_count, 1);
		outcome_clear(&o);
		/* The structure is judged first. */
		r.len--;
		rewrap_run(&o, NULL, &r);
		assert_int_equal(o.status, HSMIME_EFORMAT);
		outcome_clear(&o);
		text_free(&m.text);
	}
	api_proxy->reset();
}

static void content_whose_key_stays_on_the_token_is_encrypted_anew_all_the_same(void **state)
{
	static const char *const ciphers[] = { "aes-256-cbc", "aes-128-gcm" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct original m = original_of(ciphers[i % 2]);
		struct rewrapping r = rewrapping_of(HSMIME_CMS, &m.text, alice);
		struct outcome o;

		api_proxy->reset();
		api_proxy->unwrap_sensitive(i / 2);
		r.options.reencrypt = 1;
		rewrap_run(&o, NULL, &r);
		if (o.status != 0)
			fail_msg("%s: %s", m.name, o.words.data);
		assert_true(tool_opens(&peer_alice, &o.output, "DER"));
		outcome_clear(&o);
		/* Its tag, or padding, is proved there too. */
		m.text.data[m.text.len - (i % 2 ? 1 : 17)] ^= 1;
		rewrap_run(&o, NULL, &r);
		assert_int_equal(o.status, HSMIME_EINVALID);
		assert_int_equal(o.output.len, 0);
		outcome_clear(&o);
		text_free(&m.text);
	}
	api_proxy->reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_content_key_that_can_be_read_is_given_to_others),
		cmocka_unit_test(a_content_key_that_stays_on_the_token_is_told),
		cmocka_unit_test(
		    content_whose_key_stays_on_the_token_is_encrypted_anew_all_the_same),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
