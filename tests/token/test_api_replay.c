/*
 * A message that can't be decrypted gives the same however often it comes: the key that takes the
 * place of the right one is that of the person and the message, never a fresh one.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_faults.h"

/*
 * A message without its key whose garbage happens to end like padding: then the
 * octets show which key took the place of the right one.
 */
static void make_garbage(struct text *message, hsmime_ctx *ctx)
{
	struct outcome o;

	making_make(message, &making_rsa[0]);
	spoil(message, &making_rsa[0], NOISE);
	for (unsigned i = 0; i < 5000; i++) {
		bool found;

		memcpy(message->data + message->len - sizeof(i), &i, sizeof(i));
		api_open(&o, ctx, message->data, message->len);
		found = o.status == 0;
		outcome_clear(&o);
		if (found)
			return;
	}
	fail_msg("no padding in 5000 tries");
}

static void assert_same_octets(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->output.len, b->output.len);
	if (a->output.len > 0)
		assert_memory_equal(a->output.data, b->output.data, a->output.len);
}

static void open_again(
    const struct text *message, const struct outcome *first, hsmime_ctx *ctx, int times)
{
	for (int i = 0; i < times; i++) {
		struct outcome again;

		api_open(&again, ctx, message->data, message->len);
		assert_same_octets(first, &again);
		assert_int_equal(strcmp(first->words.data, again.words.data), 0);
		assert_int_equal(calls_of(&again, "C_Decrypt"), 1);
		outcome_clear(&again);
	}
}

static void a_bad_message_gives_the_same_400_times(void **state)
{
	hsmime_ctx *ctx = api_ctx();
	struct text garbage = { 0 }, refused = { 0 };
	struct outcome first;

	(void)state;
	make_garbage(&garbage, ctx);
	text_add(&refused, garbage.data, garbage.len);
	spoil_content(&refused, &making_rsa[0]);
	api_open(&first, ctx, garbage.data, garbage.len);
	open_again(&garbage, &first, ctx, 399);
	outcome_clear(&first);
	api_open(&first, ctx, refused.data, refused.len);
	assert_int_equal(first.status, HSMIME_EINVALID);
	open_again(&refused, &first, ctx, 399);
	outcome_clear(&first);
	hsmime_ctx_free(ctx);
	text_free(&garbage);
	text_free(&refused);
}

static void a_later_run_gives_the_same_and_another_person_not(void **state)
{
	hsmime_ctx *ctx = api_ctx();
	struct text message = { 0 };
	struct outcome first, other;
	char folder[512];

	(void)state;
	make_garbage(&message, ctx);
	hsmime_ctx_free(ctx);
	ctx = api_ctx(); /* as the later ones: what it says of module and login counts too */
	api_open(&first, ctx, message.data, message.len);
	hsmime_ctx_free(ctx);
	for (int i = 0; i < 20; i++) {
		ctx = api_ctx();
		open_again(&message, &first, ctx, 1);
		hsmime_ctx_free(ctx);
	}
	ctx = api_ctx();
	api_path(folder, sizeof(folder), "another-state");
	assert_int_equal(hsmime_ctx_set_state_dir(ctx, folder), 0);
	api_open(&other, ctx, message.data, message.len);
	if (other.status == 0)
		assert_memory_not_equal(first.output.data, other.output.data, 16);
	hsmime_ctx_free(ctx);
	outcome_clear(&first);
	outcome_clear(&other);
	text_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_message_gives_the_same_400_times),
		cmocka_unit_test(a_later_run_gives_the_same_and_another_person_not),
	};

	return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
