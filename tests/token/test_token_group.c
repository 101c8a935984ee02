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

#include "engine/key.h"
#include "engine/log.h"
#include "engine/probe.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "engine/zone.h"
#include "operate.h"
#include "softtoken_put.h"

#define LIMIT 500 /* milliseconds that a call may take here */
#define THREADS 8

/* RSA 01 and EC 02 are the same on both tokens; RSA 03 is not. */
static struct softtoken st;
static const struct proxy *proxy;
static struct engine *e;
static struct token_key *alpha, *beta, *group;
static unsigned char data[512];
static size_t data_len;
static char logged[8192];

static int set_up(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
	static const char *const labels[] = { "Alpha", "Beta" };

	(void)state;
	softtoken_begin(&st);
	for (size_t i = 0; i < 2; i++) {
		softtoken_add(&st, labels[i]);
		softtoken_put(&st, 1, "rsa", rsa);
		softtoken_put(&st, 2, "ec", ec);
		EVP_PKEY_free(softtoken_ec(&st, 3, "own", "P-256", KEY_SIGN));
	}
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	softtoken_end(&st);
	return 0;
}

static void note(void *arg, int level, const char *message)
{
	size_t len = strlen(logged);

	(void)arg;
	(void)level;
	snprintf(logged + len, sizeof(logged) - len, "%s\n", message);
}

/* Key id of both tokens, as one. */
static void open_group(const char *id)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_source = "env:TEST_PIN", .call_limit = LIMIT
	};
	struct error err = { 0 };
	char uri[64];
	struct token_key *keys[2] = { NULL };

	assert_int_equal(engine_new(&e, &options, &err), 0);
	snprintf(uri, sizeof(uri), "pkcs11:token=Alpha;id=%s", id);
	keys[0] = alpha = operate_key(e, uri, ENGINE_SIGN);
	snprintf(uri, sizeof(uri), "pkcs11:token=Beta;id=%s", id);
	keys[1] = beta = operate_key(e, uri, ENGINE_SIGN);
	assert_int_equal(token_key_group(&group, keys, 2, &err), 0);
}

static int begin(void **state)
{
	(void)state;
	proxy->reset();
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	logged[0] = '\0';
	log_to((struct log_target){ note, NULL });
	alarm(120);
	return 0;
}

static int end(void **state)
{
	(void)state;
	token_key_free(group);
	token_key_free(alpha);
	token_key_free(beta);
	engine_free(e);
	group = alpha = beta = NULL;
	e = NULL;
	zone_end();
	log_to((struct log_target){ NULL, NULL });
	alarm(0);
	return 0;
}

static void was_logged(const char *what)
{
	if (strstr(logged, what) == NULL)
		fail_msg("no \"%s\" in: %s", what, logged);
}

static atomic_int wrong;

static void *sign_often(void *arg)
{
	struct error err = { 0 };

	for (int i = *(int *)arg; i > 0; i--)
		if (operate_sign(group, &err) != 0)
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

static void sign_in_threads(int times)
{
	pthread_t threads[THREADS];

	wrong = 0;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &times), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
}

static void work_is_spread_over_the_tokens(void **state)
{
	(void)state;
	open_group("%02");
	proxy->delay("C_Sign", 2000);
	sign_in_threads(10);
	/* Each token has opened sessions of its own for the threads that it served. */
	assert_in_range(alpha->token->pool.open, 2, THREADS);
	assert_in_range(beta->token->pool.open, 2, THREADS);
}

static void a_token_that_goes_is_set_aside_and_its_work_done_elsewhere(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_group("%02");
	for (int i = 0; i < 4; i++)
		assert_int_equal(operate_sign(group, &err), 0);
	proxy->lose("Alpha");
	for (int i = 0; i < 4; i++)
		assert_int_equal(operate_sign(group, &err), 0);
	was_logged("token \"Alpha\"");
	was_logged("is set aside");
	was_logged("may exist twice");
	assert_int_not_equal(operate_sign(alpha, &err), 0);
}

static void it_is_tried_out_and_taken_back(void **state)
{
	struct error err = { 0 };
	const struct timespec moment = { 0, 50000000 };

	(void)state;
	open_group("%02");
	proxy->lose("Alpha");
	for (int i = 0; i < 2; i++)
		assert_int_equal(operate_sign(group, &err), 0);
	was_logged("is set aside");
	proxy->bring_back();
	/* The first pause is a second. */
	while (strstr(logged, "is back") == NULL) {
		assert_int_equal(operate_sign(group, &err), 0);
		nanosleep(&moment, NULL);
	}
	was_logged("token \"Alpha\"");
}

static void a_token_that_hangs_does_not_hold_the_work_up(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_group("%02");
	proxy->hang("C_Sign", 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(operate_sign(group, &err), 0);
	assert_int_equal(watch_hanging(), 1);
	was_logged("does not answer");
	proxy->release();
	while (watch_hanging() > 0)
		sched_yield();
}

static CK_RV spoil_alpha(const char *name, void *arg)
{
	atomic_int *times = arg;

	return strcmp(name, "C_Decrypt") == 0 && atomic_fetch_sub(times, 1) > 0 ? CKR_DEVICE_REMOVED
										: CKR_OK;
}

static void a_decryption_moves_on_for_codes_of_the_closed_list_only(void **state)
{
	struct error err = { 0 };
	atomic_int times = 2;

	(void)state;
	open_group("%01");
	data_len = operate_encrypt(data, group);
	proxy->judge(spoil_alpha, &times);
	assert_int_equal(operate_decrypt(group, data, data_len, &err), 0);
	was_logged("is set aside");
	proxy->judge(NULL, NULL);
	proxy->refuse("C_Decrypt", CKR_GENERAL_ERROR, 0, 1);
	assert_int_equal(operate_decrypt(group, data, data_len, &err), HSMIME_EINVALID);
	assert_int_equal(proxy->count("C_Decrypt"), 4);
}

/* As if a's pause were over. */
static void end_pause(struct token_key *a)
{
	assert_true(a->token->health.failures > 0);
	atomic_store(&a->token->health.again, 1);
}

static void sign_twice(void)
{
	struct error err = { 0 };

	for (int i = 0; i < 2; i++)
		assert_int_equal(operate_sign(group, &err), 0);
}

static void one_whose_pin_fails_is_not_asked_again_until_it_is_put_in_again(void **state)
{
	hsmime_token *tokens = NULL;
	struct error err = { 0 };
	size_t count = 0;

	(void)state;
	open_group("%02");
	proxy->lose("Beta");
	sign_twice();
	proxy->bring_back();
	setenv("TEST_PIN", "99999", 1);
	for (int i = 0; i < 3; i++) {
		end_pause(beta);
		sign_twice();
	}
	assert_int_equal(proxy->wrong_pins(), 1);
	/* It was gone once, and its PIN failed once. */
	assert_int_equal(beta->token->health.failures, 2);
	was_logged("is set aside until it is put in again");
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			proxy->lose("Beta");
		else
			proxy->bring_back();
		assert_int_equal(engine_tokens(&tokens, &count, e, &err), 0);
		engine_tokens_free(tokens, count);
	}
	end_pause(beta);
	sign_twice();
	was_logged("is back");
}

static void a_key_is_tried_out_by_what_it_may_do(void **state)
{
	static const CK_MECHANISM_TYPE hidden[] = { CKM_RSA_X_509, CKM_RSA_PKCS };
	struct error err = { 0 };

	(void)state;
	open_group("%01");
	for (size_t i = 0; i < 2; i++) {
		proxy->hide_mechanism(hidden[i]);
		if (probe_run(alpha, PROBE_SIGN, &err) != 0)
			fail_msg("%s", err.message);
		if (probe_run(alpha, PROBE_DECRYPT, &err) != 0)
			fail_msg("%s", err.message);
	}
	proxy->hide_mechanism(CKM_RSA_PKCS_PSS);
	proxy->hide_mechanism(CKM_RSA_PKCS_OAEP);
	assert_int_equal(probe_run(alpha, PROBE_SIGN, &err), HSMIME_ETOKEN);
	assert_int_equal(probe_run(alpha, PROBE_DECRYPT, &err), HSMIME_ETOKEN);
}

static void a_wrong_answer_is_no_reason_to_ask_in_another_way(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_group("%01");
	proxy->lie("C_Decrypt", 31, 1);
	assert_int_equal(probe_run(alpha, PROBE_DECRYPT, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.message, "answers wrongly"));
	assert_int_equal(proxy->count("C_Decrypt"), 1);
}

static void all_tokens_gone_is_an_error(void **state)
{
	struct error err = { 0 };

	(void)state;
	open_group("%02");
	proxy->lose(NULL);
	assert_int_equal(operate_sign(group, &err), HSMIME_ETOKEN);
	assert_true(err.message[0] != '\0');
}

static void different_keys_are_no_group(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	struct token_key *keys[2];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(engine_new(&e, &options, &err), 0);
	keys[0] = alpha = operate_key(e, "pkcs11:token=Alpha;id=%03", ENGINE_SIGN);
	keys[1] = beta = operate_key(e, "pkcs11:token=Beta;id=%03", ENGINE_SIGN);
	assert_int_equal(token_key_group(&group, keys, 2, &err), HSMIME_EUSAGE);
	assert_non_null(strstr(err.message, "are not the same key"));
	assert_null(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(work_is_spread_over_the_tokens, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_token_that_goes_is_set_aside_and_its_work_done_elsewhere, begin, end),
		cmocka_unit_test_setup_teardown(it_is_tried_out_and_taken_back, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_token_that_hangs_does_not_hold_the_work_up, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_decryption_moves_on_for_codes_of_the_closed_list_only, begin, end),
		cmocka_unit_test_setup_teardown(
		    one_whose_pin_fails_is_not_asked_again_until_it_is_put_in_again, begin, end),
		cmocka_unit_test_setup_teardown(a_key_is_tried_out_by_what_it_may_do, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_wrong_answer_is_no_reason_to_ask_in_another_way, begin, end),
		cmocka_unit_test_setup_teardown(all_tokens_gone_is_an_error, begin, end),
		cmocka_unit_test_setup_teardown(different_keys_are_no_group, begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
