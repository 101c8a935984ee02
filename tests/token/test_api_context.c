/* Contexts of one family: whose callbacks are called, and that nothing is held meanwhile. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "api_faults.h"

static void remember(void *arg, int level, const char *message)
{
	text_print(arg, "%d %s\n", level, message);
}

static void log_in(hsmime_ctx *ctx)
{
	hsmime_key *keys;
	size_t count;

	assert_int_equal(hsmime_keys(&keys, &count, ctx, NULL, 1), 0);
	hsmime_keys_free(keys, count);
}

/* The context that opened the module is gone, and its log with it. */
static void what_a_token_gives_rise_to_is_told_to_who_makes_the_call(void **state)
{
	hsmime_ctx *first = api_ctx(), *second;
	struct text *early = calloc(1, sizeof(*early)), late = { 0 };
	hsmime_token *tokens;
	size_t count;

	(void)state;
	assert_non_null(early);
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	assert_int_equal(hsmime_ctx_set_pin_source(first, "env:TEST_PIN"), 0);
	hsmime_ctx_set_log(first, remember, early);
	assert_int_equal(hsmime_ctx_share(&second, first), 0);
	hsmime_ctx_set_log(second, remember, &late);
	assert_int_equal(hsmime_tokens(&tokens, &count, first), 0);
	hsmime_tokens_free(tokens, count);
	hsmime_ctx_free(first);
	text_free(early);
	memset(early, 0xff, sizeof(*early));
	free(early);
	log_in(second);
	assert_non_null(strstr(late.data, "environment"));
	hsmime_ctx_free(second);
	text_free(&late);
}

/* In the middle of a call on another context of the family. */
struct nested {
	hsmime_ctx *other;
	struct text words;
	int calls;
	int status;
	const char *on; /* the message that is answered with a call */
};

static void call_back(void *arg, int level, const char *message)
{
	struct nested *n = arg;
	hsmime_token *tokens = NULL;
	size_t count = 0;

	text_print(&n->words, "%d %s\n", level, message);
	n->calls++;
	n->status = hsmime_tokens(&tokens, &count, n->other);
	hsmime_tokens_free(tokens, count);
}

static void a_log_callback_may_call_with_another_context_of_the_family(void **state)
{
	struct nested n = { .calls = 0 };
	hsmime_ctx *ctx = api_ctx();
	hsmime_decrypt_options options = HSMIME_DECRYPT_OPTIONS_INIT;
	struct text message = { 0 }, content = { 0 };
	hsmime_result *result = NULL;
	hsmime_output *out;
	hsmime_memory memory;
	hsmime_source in;

	(void)state;
	making_make(&message, &making_rsa[0]);
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	assert_int_equal(hsmime_ctx_set_pin_source(ctx, "env:TEST_PIN"), 0);
	assert_int_equal(hsmime_ctx_set_state_dir(ctx, "/dev/null/state"), 0);
	assert_int_equal(hsmime_ctx_share(&n.other, ctx), 0);
	hsmime_ctx_set_log(ctx, call_back, &n);
	memory_source(&in, &memory, message.data, message.len);
	options.form = HSMIME_CMS;
	out = text_output(&content);
	alarm(60);
	assert_int_equal(hsmime_decrypt(ctx, &result, out, &in, &options), 0);
	alarm(0);
	/* After the calls in between the messages still come here. */
	assert_true(n.calls >= 2);
	assert_int_equal(n.status, 0);
	assert_non_null(strstr(n.words.data, "state folder"));
	assert_non_null(strstr(n.words.data, "environment"));
	hsmime_result_free(result);
	hsmime_output_free(out);
	text_free(&n.words);
	text_free(&content);
	text_free(&message);
	hsmime_ctx_free(n.other);
	hsmime_ctx_free(ctx);
}

static void call_back_with_login(void *arg, int level, const char *message)
{
	struct nested *n = arg;
	hsmime_key *keys = NULL;
	size_t count = 0;

	text_print(&n->words, "%d %s\n", level, message);
	if (strstr(message, n->on) == NULL)
		return;
	n->calls++;
	n->status = hsmime_keys(&keys, &count, n->other, NULL, 1);
	hsmime_keys_free(keys, count);
}

/* Whoever lists the tokens, or logs in, keeps others waiting meanwhile: not whom its messages reach. */
static void a_log_callback_may_list_and_log_in_while_that_is_done(void **state)
{
	static const struct {
		const char *fails;
		CK_FLAGS flags;
		const char *message;
	} cases[] = {
		{ "C_GetTokenInfo", 0, "is passed over" },
		{ NULL, CKF_USER_PIN_COUNT_LOW, "a wrong PIN was given" },
		{ NULL, CKF_USER_PIN_TO_BE_CHANGED, "has to be changed" },
	};

	(void)state;
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nested n = { .on = cases[i].message };
		hsmime_ctx *ctx = api_ctx();
		hsmime_key *keys = NULL;
		size_t count = 0;

		assert_int_equal(hsmime_ctx_set_pin_source(ctx, "env:TEST_PIN"), 0);
		assert_int_equal(hsmime_ctx_share(&n.other, ctx), 0);
		hsmime_ctx_set_log(ctx, call_back_with_login, &n);
		api_proxy->set_flags(cases[i].flags);
		if (cases[i].fails != NULL)
			api_proxy->refuse(cases[i].fails, CKR_DEVICE_ERROR, 1, 1);
		alarm(60);
		assert_int_equal(hsmime_keys(&keys, &count, ctx, NULL, 1), 0);
		alarm(0);
		assert_true(n.calls >= 1);
		assert_int_equal(n.status, 0);
		hsmime_keys_free(keys, count);
		hsmime_ctx_free(n.other);
		hsmime_ctx_free(ctx);
		text_free(&n.words);
		api_proxy->reset();
	}
}

static ptrdiff_t answer(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	static const char right[] = SOFTTOKEN_PIN;

	(void)request;
	++*(int *)arg;
	assert_true(size >= sizeof(right));
	memcpy(pin, right, sizeof(right));
	return sizeof(right) - 1;
}

/* The token is pulled out in between: its sessions, and the login, are gone. */
static void a_person_s_pin_is_kept_where_the_program_wants_it(void **state)
{
	static const struct {
		unsigned seconds;
		int asked;
	} cases[] = { { 0, 2 }, { 600, 1 } };

	(void)state;
	unsetenv("HSMIME_PIN_SOURCE");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hsmime_ctx *ctx = api_ctx();
		int asked = 0;

		assert_int_equal(hsmime_ctx_set_pin_source(ctx, NULL), 0);
		assert_int_equal(hsmime_ctx_set_pin_cache(ctx, cases[i].seconds), 0);
		hsmime_ctx_set_pin_callback(ctx, answer, &asked);
		api_proxy->reset();
		log_in(ctx);
		assert_int_equal(asked, 1);
		api_proxy->lose(NULL);
		api_proxy->bring_back();
		log_in(ctx);
		assert_int_equal(api_proxy->count("C_Login"), 2);
		assert_int_equal(asked, cases[i].asked);
		hsmime_ctx_free(ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_token_gives_rise_to_is_told_to_who_makes_the_call),
		cmocka_unit_test(a_log_callback_may_call_with_another_context_of_the_family),
		cmocka_unit_test(a_log_callback_may_list_and_log_in_while_that_is_done),
		cmocka_unit_test(a_person_s_pin_is_kept_where_the_program_wants_it),
	};

	return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
