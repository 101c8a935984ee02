#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "engine/key.h"
#include "engine/probe.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "group_rig.h"
#include "operate.h"

#define LIMIT 500 /* milliseconds that a call may take here */
#define THREADS 8

static unsigned char data[512];
static size_t data_len;
static atomic_int wrong;

static void *sign_often(void *arg)
{
	struct error err = { 0 };

	for (int i = *(int *)arg; i > 0; i--)
		if (operate_sign(group_rig.group, &err) != 0)
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
	group_rig_open("%02", LIMIT);
	group_rig.proxy->delay("C_Sign", 2000);
	sign_in_threads(10);
	/* Each token has opened sessions of its own for the threads that it served. */
	assert_in_range(group_rig.alpha->token->pool.open, 2, THREADS);
	assert_in_range(group_rig.beta->token->pool.open, 2, THREADS);
}

static void a_token_that_goes_is_set_aside_and_its_work_done_elsewhere(void **state)
{
	struct error err = { 0 };

	(void)state;
	group_rig_open("%02", LIMIT);
	for (int i = 0; i < 4; i++)
		assert_int_equal(operate_sign(group_rig.group, &err), 0);
	group_rig.proxy->lose("Alpha");
	for (int i = 0; i < 4; i++)
		assert_int_equal(operate_sign(group_rig.group, &err), 0);
	group_rig_was_logged("token \"Alpha\"");
	group_rig_was_logged("is set aside");
	group_rig_was_logged("may exist twice");
	assert_int_not_equal(operate_sign(group_rig.alpha, &err), 0);
}

static void it_is_tried_out_and_taken_back(void **state)
{
	struct error err = { 0 };
	const struct timespec moment = { 0, 50000000 };

	(void)state;
	group_rig_open("%02", LIMIT);
	group_rig.proxy->lose("Alpha");
	for (int i = 0; i < 2; i++)
		assert_int_equal(operate_sign(group_rig.group, &err), 0);
	group_rig_was_logged("is set aside");
	group_rig.proxy->bring_back();
	/* The first pause is a second. */
	while (!group_rig_logged("is back")) {
		assert_int_equal(operate_sign(group_rig.group, &err), 0);
		nanosleep(&moment, NULL);
	}
	group_rig_was_logged("token \"Alpha\"");
}

static void a_token_that_hangs_does_not_hold_the_work_up(void **state)
{
	struct error err = { 0 };

	(void)state;
	group_rig_open("%02", LIMIT);
	group_rig.proxy->hang("C_Sign", 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(operate_sign(group_rig.group, &err), 0);
	assert_int_equal(watch_hanging(), 1);
	group_rig_was_logged("does not answer");
	group_rig.proxy->release();
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
	group_rig_open("%01", LIMIT);
	data_len = operate_encrypt(data, group_rig.group);
	group_rig.proxy->judge(spoil_alpha, &times);
	assert_int_equal(operate_decrypt(group_rig.group, data, data_len, &err), 0);
	group_rig_was_logged("is set aside");
	group_rig.proxy->judge(NULL, NULL);
	group_rig.proxy->refuse("C_Decrypt", CKR_GENERAL_ERROR, 0, 1);
	assert_int_equal(operate_decrypt(group_rig.group, data, data_len, &err), HSMIME_EINVALID);
	assert_int_equal(group_rig.proxy->count("C_Decrypt"), 4);
}

static void a_key_is_tried_out_by_what_it_may_do(void **state)
{
	static const CK_MECHANISM_TYPE hidden[] = { CKM_RSA_X_509, CKM_RSA_PKCS };
	struct error err = { 0 };

	(void)state;
	group_rig_open("%01", LIMIT);
	for (size_t i = 0; i < 2; i++) {
		group_rig.proxy->hide_mechanism(hidden[i]);
		if (probe_run(group_rig.alpha, PROBE_SIGN, &err) != 0)
			fail_msg("%s", err.message);
		if (probe_run(group_rig.alpha, PROBE_DECRYPT, &err) != 0)
			fail_msg("%s", err.message);
	}
	group_rig.proxy->hide_mechanism(CKM_RSA_PKCS_PSS);
	group_rig.proxy->hide_mechanism(CKM_RSA_PKCS_OAEP);
	assert_int_equal(probe_run(group_rig.alpha, PROBE_SIGN, &err), HSMIME_ETOKEN);
	assert_int_equal(probe_run(group_rig.alpha, PROBE_DECRYPT, &err), HSMIME_ETOKEN);
}

static void a_wrong_answer_is_no_reason_to_ask_in_another_way(void **state)
{
	struct error err = { 0 };

	(void)state;
	group_rig_open("%01", LIMIT);
	group_rig.proxy->lie("C_Decrypt", 31, 1);
	assert_int_equal(probe_run(group_rig.alpha, PROBE_DECRYPT, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.message, "answers wrongly"));
	assert_int_equal(group_rig.proxy->count("C_Decrypt"), 1);
}

static void all_tokens_gone_is_an_error(void **state)
{
	struct error err = { 0 };

	(void)state;
	group_rig_open("%02", LIMIT);
	group_rig.proxy->lose(NULL);
	assert_int_equal(operate_sign(group_rig.group, &err), HSMIME_ETOKEN);
	assert_true(err.message[0] != '\0');
}

static void different_keys_are_no_group(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .pin_source = "env:TEST_PIN" };
	struct token_key *keys[2];
	struct error err = { 0 };

	(void)state;
	assert_int_equal(engine_new(&group_rig.e, &options, &err), 0);
	keys[0] = group_rig.alpha =
	    operate_key(group_rig.e, "pkcs11:token=Alpha;id=%03", ENGINE_SIGN);
	keys[1] = group_rig.beta =
	    operate_key(group_rig.e, "pkcs11:token=Beta;id=%03", ENGINE_SIGN);
	assert_int_equal(token_key_group(&group_rig.group, keys, 2, 0, &err), HSMIME_EUSAGE);
	assert_non_null(strstr(err.message, "are not the same key"));
	assert_null(group_rig.group);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, group_rig_begin, group_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(work_is_spread_over_the_tokens),
		TEST(a_token_that_goes_is_set_aside_and_its_work_done_elsewhere),
		TEST(it_is_tried_out_and_taken_back),
		TEST(a_token_that_hangs_does_not_hold_the_work_up),
		TEST(a_decryption_moves_on_for_codes_of_the_closed_list_only),
		TEST(a_key_is_tried_out_by_what_it_may_do),
		TEST(a_wrong_answer_is_no_reason_to_ask_in_another_way),
		TEST(all_tokens_gone_is_an_error),
		TEST(different_keys_are_no_group),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
