/*
 * Why a part of a mail can't be decrypted (hsmime_decrypt_options.deep) is not seen from outside either: status, words, the
 * layer and calls to the token are the same.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_faults.h"

static int decrypt(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;

	options.deep = 1;
	return hsmime_decrypt(ctx, result, out, arg, &options);
}

/* The only part of a mail, in binary. */
static void open_part(struct outcome *o, const struct text *der)
{
	struct text mail = { 0 };
	hsmime_memory memory;
	hsmime_source in;

	text_print(&mail,
	    "Content-Type: multipart/mixed; boundary=to_no_avail\r\n\r\n--to_no_avail\r\n"
	    "Content-Type: application/pkcs7-mime\r\n"
	    "Content-Transfer-Encoding: binary\r\n\r\n");
	text_add(&mail, der->data, der->len);
	text_print(&mail, "\r\n--to_no_avail--\r\n");
	memory_source(&in, &memory, mail.data, mail.len);
	api_run(o, NULL, decrypt, &in);
	text_free(&mail);
}

static void open_faulty(struct outcome *o, const struct making *m, enum fault fault)
{
	struct text message = { 0 };

	making_make(&message, m);
	spoil(&message, m, fault);
	open_part(o, &message);
	text_free(&message);
}

static void assert_same_layer(const struct outcome *a, const struct outcome *b)
{
	const hsmime_layer *x, *y;

	assert_non_null(a->result);
	assert_non_null(b->result);
	assert_int_equal(a->result->layer_count, 1);
	assert_int_equal(b->result->layer_count, 1);
	assert_int_equal(a->result->authenticated, b->result->authenticated);
	x = a->result->layers;
	y = b->result->layers;
	assert_int_equal(x->status, y->status);
	assert_string_equal(x->problem, y->problem);
	assert_string_equal(x->place, "1");
	assert_string_equal(y->place, "1");
	assert_false(x->opened || y->opened);
	assert_null(x->key_uri);
	assert_null(y->key_uri);
	assert_ptr_equal(x->cipher, y->cipher);
	assert_int_equal(x->content_size, y->content_size);
	assert_int_equal(x->recipients[0].used, y->recipients[0].used);
}

static void every_fault_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		const struct making *m = &making_rsa[i];
		struct outcome altered;

		open_faulty(&altered, m, ALTERED_CONTENT);
		assert_int_equal(altered.status, HSMIME_EINVALID);
		assert_int_equal(calls_of(&altered, "C_Decrypt"), 1);
		for (enum fault fault = WRONG_TYPE; fault < FAULTS; fault++) {
			struct outcome o;

			/* Of CBC too: what a wrong key makes of it does not begin as a mail does. */
			open_faulty(&o, m, fault);
			assert_same_outcome(&altered, &o, m->name);
			assert_same_layer(&altered, &o);
			outcome_clear(&o);
		}
		outcome_clear(&altered);
	}
}

/* What comes out is no MIME entity. Who authenticates it may be told so; of CBC that looks like what does not decrypt. */
static void what_is_no_entity_is_told_where_it_is_authenticated(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		struct text message = { 0 };
		struct outcome o;

		making_make(&message, &making_rsa[i]);
		open_part(&o, &message);
		assert_int_equal(o.status,
		    making_is_cbc(&making_rsa[i]) ? HSMIME_EINVALID : HSMIME_EUNSUPPORTED);
		assert_int_equal(calls_of(&o, "C_Decrypt"), 1);
		outcome_clear(&o);
		text_free(&message);
	}
}

/* The token's own failure is no news about the part, and does not leave it closed. */
static void the_token_s_own_failure_is_the_token_s(void **state)
{
	struct text message = { 0 };
	struct outcome o;

	(void)state;
	making_make(&message, &making_rsa[1]);
	api_proxy->refuse("C_Decrypt", CKR_DEVICE_REMOVED, 0, 100);
	open_part(&o, &message);
	api_proxy->reset();
	assert_int_equal(hsmime_exit_status(o.status), 4);
	assert_null(o.result);
	outcome_clear(&o);
	text_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_looks_like_altered_content),
		cmocka_unit_test(what_is_no_entity_is_told_where_it_is_authenticated),
		cmocka_unit_test(the_token_s_own_failure_is_the_token_s),
	};

	return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
