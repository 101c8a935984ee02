/* Keys on several tokens, by the public functions; and contexts that end while a call hangs. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rsa.h>

#include "api/ctx.h"
#include "api_token.h"
#include "softtoken_put.h"

#define ALPHA "pkcs11:token=Alpha;id=%01"
#define BETA "pkcs11:token=Beta;id=%01"
#define THREADS 4
#define AGAIN 40 /* seconds after which a place is looked at again, and more */

static hsmime_ctx *ctx;
static struct text said;

/* Seconds that the clock is ahead: while nothing hangs, as threads wait for calls by that clock too. */
static time_t later;

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int r = __real_clock_gettime(clock, t);

	if (clock == CLOCK_MONOTONIC)
		t->tv_sec += later;
	return r;
}

/* RSA key 01 is the same on both tokens, with its certificate. */
static int set_up(void **state)
{
	struct softtoken_cert c = { "Rita", "rita@example.com", NULL, -86400, 864000 };
	static const char *const labels[] = { "Alpha", "Beta" };
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = NULL;

	(void)state;
	softtoken_begin(&api_token);
	for (size_t i = 0; i < 2; i++) {
		softtoken_add(&api_token, labels[i]);
		softtoken_put(&api_token, 1, "rsa", key);
		if (cert == NULL)
			cert = softtoken_issue(&api_token, key, &c);
		softtoken_store(&api_token, cert, 1, "Rita", true, false);
	}
	softtoken_seal(&api_token);
	api_proxy = softtoken_proxy();
	X509_free(cert);
	EVP_PKEY_free(key);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	softtoken_end(&api_token);
	return 0;
}

static void remember(void *arg, int level, const char *message)
{
	text_print(arg, "%d %s\n", level, message);
}

static void open_ctx(void)
{
	static const char *const uris[] = { ALPHA, BETA };

	ctx = api_ctx();
	assert_int_equal(hsmime_ctx_set_pin_source(ctx, NULL), 0);
	hsmime_ctx_set_call_limit(ctx, 1);
	hsmime_ctx_set_log(ctx, remember, &said);
	assert_int_equal(hsmime_ctx_add_group(ctx, "office", uris, 2), 0);
}

/* A person who knows Alpha's PIN, and gives up where another token asks, while told to. */
static struct {
	atomic_int asked_alpha, asked_beta;
	int beta_known;
} person;

static ptrdiff_t answer(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	int is_alpha = strcmp(request->token_label, "Alpha") == 0;

	(void)arg;
	atomic_fetch_add(is_alpha ? &person.asked_alpha : &person.asked_beta, 1);
	if (!is_alpha && !person.beta_known)
		return HSMIME_EPIN;
	assert_true(size >= strlen(SOFTTOKEN_PIN));
	memcpy(pin, SOFTTOKEN_PIN, strlen(SOFTTOKEN_PIN));
	return (ptrdiff_t)strlen(SOFTTOKEN_PIN);
}

static int begin(void **state)
{
	(void)state;
	api_proxy->reset();
	later = 0;
	person.asked_alpha = person.asked_beta = 0;
	person.beta_known = 1;
	open_ctx();
	hsmime_ctx_set_pin_callback(ctx, answer, NULL);
	alarm(60);
	return 0;
}

static int end(void **state)
{
	(void)state;
	hsmime_ctx_free(ctx);
	ctx = NULL;
	text_free(&said);
	memset(&said, 0, sizeof(said));
	alarm(0);
	return 0;
}

static int sign_in(hsmime_ctx *in_ctx, const char *key)
{
	static const char content[] = "content";
	hsmime_sign_options options = HSMIME_SIGN_OPTIONS_INIT;
	struct text output = { 0 };
	hsmime_output *out = text_output(&output);
	hsmime_memory memory;
	hsmime_source in;
	int status;

	memory_source(&in, &memory, content, sizeof(content) - 1);
	options.form = HSMIME_CMS;
	options.key_uri = key;
	status = hsmime_sign(in_ctx, out, &in, &options);
	hsmime_output_free(out);
	if (status == 0 && output.len == 0)
		status = HSMIME_EINTERNAL;
	text_free(&output);
	return status;
}

static int sign(const char *key)
{
	return sign_in(ctx, key);
}

static void signs(const char *key)
{
	if (sign(key) != 0)
		fail_msg("%s", hsmime_ctx_error(ctx));
}

/* What was said since the last time has that in it, or has not. */
static void was_said(const char *what, bool expected)
{
	if ((said.data != NULL && strstr(said.data, what) != NULL) != expected)
		fail_msg("%s \"%s\" in: %s", expected ? "no" : "there is", what,
		    said.data != NULL ? said.data : "");
	text_free(&said);
	memset(&said, 0, sizeof(said));
}

static void release(void)
{
	api_proxy->release();
	while (hsmime_calls_hanging() > 0)
		sched_yield();
}

static void all_places_are_used(void **state)
{
	(void)state;
	signs("group:office");
	was_said("group office: 2 of 2 keys", true);
}

static void a_place_that_hangs_when_the_key_is_looked_for_is_one_that_is_not_there(void **state)
{
	(void)state;
	for (unsigned long at = 0; at < 2; at++) {
		api_proxy->hang("C_Login", at);
		signs("group:office");
		assert_int_equal(hsmime_calls_hanging(), 1);
		was_said("the group office goes on without pkcs11:token=", true);
		release();
		later += AGAIN;
		signs("group:office");
		was_said("group office: 2 of 2 keys", true);
		end(state);
		begin(state);
	}
}

static void a_place_whose_pin_fails_is_not_asked_again(void **state)
{
	(void)state;
	person.beta_known = 0;
	for (int i = 0; i < 3; i++) {
		signs("group:office");
		later += AGAIN;
	}
	was_said("goes on without " BETA " and does not ask it again", true);
	assert_int_equal(person.asked_alpha, 1);
	assert_int_equal(person.asked_beta, 1);
	/* Unless it is what was asked for. */
	person.beta_known = 1;
	signs(BETA);
	was_said("group office: 2 of 2 keys", true);
}

static void nor_is_it_when_it_comes_first(void **state)
{
	static const char *const uris[] = { BETA, ALPHA };

	(void)state;
	assert_int_equal(hsmime_ctx_add_group(ctx, "other", uris, 2), 0);
	person.beta_known = 0;
	for (int i = 0; i < 3; i++)
		signs("group:other");
	assert_int_equal(person.asked_beta, 1);
	was_said("the group other goes on without " BETA " and does not ask it again", true);
}

/* The file that it comes from is not there at first: no PIN was sent, and nobody was asked. */
static void a_place_whose_pin_is_missing_is_looked_at_again(void **state)
{
	char beta[400], path[300];
	const char *uris[] = { ALPHA, beta };
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/pin-of-beta", api_token.folder);
	snprintf(beta, sizeof(beta), "%s?pin-source=file:%s", BETA, path);
	assert_int_equal(hsmime_ctx_add_group(ctx, "late", uris, 2), 0);
	signs("group:late");
	was_said("again", false);
	later += AGAIN;
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(SOFTTOKEN_PIN "\n", file);
	assert_int_equal(fclose(file), 0);
	signs("group:late");
	was_said("group late: 2 of 2 keys", true);
}

/* A thread with a context of its own. */
struct signing {
	pthread_t thread;
	hsmime_ctx *ctx;
	int status;
};

static void *sign_beside(void *arg)
{
	struct signing *s = arg;

	s->status = sign_in(s->ctx, "group:office");
	return NULL;
}

static void several_threads_ask_for_each_pin_once(void **state)
{
	struct signing signing[THREADS];

	(void)state;
	hsmime_ctx_set_log(ctx, NULL, NULL);
	person.beta_known = 0;
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(hsmime_ctx_share(&signing[i].ctx, ctx), 0);
		assert_int_equal(
		    pthread_create(&signing[i].thread, NULL, sign_beside, &signing[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(signing[i].thread, NULL);
		assert_int_equal(signing[i].status, 0);
		hsmime_ctx_free(signing[i].ctx);
	}
	assert_int_equal(person.asked_alpha, 1);
	assert_int_equal(person.asked_beta, 1);
}

static hsmime_ctx *beside;
static int signed_beside = -1;

/* Who is told that a place is missing knows its PIN after all, and names it. */
static void sign_when_told(void *arg, int level, const char *message)
{
	remember(arg, level, message);
	if (beside == NULL || strstr(message, "goes on without") == NULL)
		return;
	person.beta_known = 1;
	signed_beside = sign_in(beside, BETA);
}

static void who_is_told_of_a_place_may_use_it(void **state)
{
	(void)state;
	assert_int_equal(hsmime_ctx_share(&beside, ctx), 0);
	hsmime_ctx_set_log(ctx, sign_when_told, &said);
	person.beta_known = 0;
	signs("group:office");
	assert_int_equal(signed_beside, 0);
	was_said("goes on without " BETA, true);
	hsmime_ctx_free(beside);
	beside = NULL;
}

/* The module is open before a token goes: only then does it know which one that is. */
static void lose_beta(void)
{
	hsmime_token *tokens = NULL;
	size_t count = 0;

	assert_int_equal(hsmime_tokens(&tokens, &count, ctx), 0);
	hsmime_tokens_free(tokens, count);
	api_proxy->lose("Beta");
}

static void a_place_that_comes_later_is_used(void **state)
{
	(void)state;
	lose_beta();
	signs("group:office");
	was_said("group office: 1 of 2 keys", true);
	api_proxy->bring_back();
	signs("group:office");
	was_said("group office: 1 of 2 keys", true);
	later += AGAIN;
	signs("group:office");
	was_said("group office: 2 of 2 keys", true);
}

static void it_is_used_at_once_where_the_key_was_found_there(void **state)
{
	(void)state;
	lose_beta();
	signs("group:office");
	was_said("group office: 1 of 2 keys", true);
	api_proxy->bring_back();
	signs(BETA);
	was_said("group office: 2 of 2 keys", true);
}

static void a_context_may_end_while_a_call_hangs(void **state)
{
	static const unsigned char zeros[CTX_SUBSTITUTE_SIZE];
	const unsigned char *secret;

	assert_int_equal(ctx_substitute(&secret, ctx), 0);
	assert_memory_not_equal(secret, zeros, sizeof(zeros));
	api_proxy->hang("C_Sign", 0);
	assert_int_equal(sign(ALPHA), 0);
	assert_int_equal(hsmime_calls_hanging(), 1);
	end(state);
	assert_int_equal(api_proxy->count("C_Finalize"), 0);
	/* Its page is kept for the next secret (util/secret.c). */
	assert_memory_equal(secret, zeros, sizeof(zeros));
	assert_int_equal(hsmime_calls_hanging(), 1);
	release();
	begin(state);
	signs("group:office");
	was_said("group office: 2 of 2 keys", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_places_are_used, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_place_that_hangs_when_the_key_is_looked_for_is_one_that_is_not_there, begin,
		    end),
		cmocka_unit_test_setup_teardown(
		    a_place_whose_pin_fails_is_not_asked_again, begin, end),
		cmocka_unit_test_setup_teardown(nor_is_it_when_it_comes_first, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_place_whose_pin_is_missing_is_looked_at_again, begin, end),
		cmocka_unit_test_setup_teardown(several_threads_ask_for_each_pin_once, begin, end),
		cmocka_unit_test_setup_teardown(who_is_told_of_a_place_may_use_it, begin, end),
		cmocka_unit_test_setup_teardown(a_place_that_comes_later_is_used, begin, end),
		cmocka_unit_test_setup_teardown(
		    it_is_used_at_once_where_the_key_was_found_there, begin, end),
		cmocka_unit_test_setup_teardown(a_context_may_end_while_a_call_hangs, begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
