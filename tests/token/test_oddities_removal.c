/* A token that is pulled out and put in again, at every call that uses it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "odd_rig.h"

static unsigned char data[512];
static size_t data_len;

static int sign_ec(void)
{
	return operate_sign(odd_rig.ec, &odd_rig.err);
}

static int sign_rsa(void)
{
	return operate_sign(odd_rig.rsa, &odd_rig.err);
}

static int decrypt(void)
{
	return operate_decrypt(odd_rig.rsa, data, data_len, &odd_rig.err);
}

/* The operations, and the calls that each makes. */
static const struct {
	int (*run)(void);
	const char *calls[5];
} operations[] = {
	{ sign_ec, { "C_SignInit", "C_Sign" } },
	{ sign_rsa, { "C_SignInit", "C_Sign" } },
	{ decrypt, { "C_DecryptInit", "C_Decrypt" } },
	{ odd_rig_agree, { "C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject" } },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static int begin(void **state)
{
	odd_rig_begin(state);
	data_len = operate_encrypt(data, odd_rig.rsa);
	assert_int_equal(decrypt(), 0);
	assert_int_equal(odd_rig_agree(), 0);
	assert_int_equal(sign_rsa(), 0);
	odd_rig.proxy->reset();
	return 0;
}

/* What is in the token's place is there again before it is looked for. */
static void a_token_that_comes_back_at_once_is_not_missed(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPERATIONS; i++)
		for (size_t c = 0; operations[i].calls[c] != NULL; c++) {
			odd_rig.proxy->reset();
			odd_rig.proxy->lose_at(operations[i].calls[c], 0);
			odd_rig.proxy->bring_back_at("C_GetSlotList", 0);
			odd_rig.proxy->bring_back_at("C_GetTokenInfo", 0);
			assert_int_equal(operations[i].run(), 0);
			assert_int_equal(odd_rig.proxy->repeated_pins(), 0);
			odd_rig.proxy->bring_back();
			assert_int_equal(operations[i].run(), 0);
		}
}

/* OpenSC: GENERAL_ERROR for the first call after a quick re-insert; what the session says tells why. */
static void a_token_that_is_vague_about_it_costs_no_operation(void **state)
{
	static const CK_RV vague[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR };

	(void)state;
	for (size_t i = 0; i < OPERATIONS; i++)
		for (size_t v = 0; v < sizeof(vague) / sizeof(vague[0]); v++) {
			odd_rig.proxy->reset();
			odd_rig.proxy->removal(vague[v]);
			odd_rig.proxy->lose("Odd");
			odd_rig.proxy->bring_back();
			assert_int_equal(operations[i].run(), 0);
			assert_int_equal(odd_rig.proxy->repeated_pins(), 0);
			assert_int_equal(operations[i].run(), 0);
		}
}

static void a_token_that_stays_away_is_told_and_one_that_returns_serves(void **state)
{
	(void)state;
	for (int stale = 0; stale < 2; stale++)
		for (size_t i = 0; i < OPERATIONS; i++) {
			odd_rig.proxy->reset();
			odd_rig.proxy->stale_info(stale);
			odd_rig.proxy->lose_at(operations[i].calls[0], 0);
			assert_int_equal(operations[i].run(), HSMIME_ETOKEN);
			assert_non_null(strstr(odd_rig.err.message, "token \"Odd\""));
			assert_int_equal(operations[i].run(), HSMIME_ETOKEN);
			assert_int_equal(odd_rig.proxy->count("C_Login"), 0);
			odd_rig.proxy->bring_back();
			assert_int_equal(operations[i].run(), 0);
			assert_int_equal(odd_rig.proxy->count("C_Login"), 1);
		}
}

static void a_loss_between_operations_is_one_login(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPERATIONS; i++) {
		odd_rig.proxy->reset();
		odd_rig.proxy->lose("Odd");
		odd_rig.proxy->bring_back();
		assert_int_equal(operations[i].run(), 0);
		assert_int_equal(odd_rig.proxy->count("C_Login"), 1);
	}
}

/* The other token's keys know nothing of it. */
static void a_token_that_is_gone_holds_up_no_other(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	odd_rig.proxy->lose("Twin");
	assert_int_equal(sign_ec(), 0);
	assert_int_equal(decrypt(), 0);
	assert_int_equal(
	    engine_find_key(&found, odd_rig.e, ODD_RIG_EC, ENGINE_SIGN, &odd_rig.err), 0);
	engine_found_free(&found);
	assert_int_equal(odd_rig.proxy->count("C_Login"), 0);
}

static void *sign_in_thread(void *arg)
{
	*(int *)arg = operate_sign(odd_rig.ec, &(struct error){ 0 });
	return NULL;
}

/* A call that is inside while the token goes ends as the module lets it end. */
static void a_call_that_is_inside_while_the_token_goes_is_made_again(void **state)
{
	pthread_t thread;
	int r = 1;

	(void)state;
	odd_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, &r), 0);
	odd_rig.proxy->await_hanging(1);
	odd_rig.proxy->lose("Odd");
	odd_rig.proxy->bring_back();
	odd_rig.proxy->release();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r, 0);
	assert_int_equal(odd_rig.proxy->count("C_Sign"), 2);
}

/* No lock is held across a call: others work on while one hangs. */
static void a_call_that_hangs_holds_up_no_other(void **state)
{
	pthread_t thread;
	int r = 1;

	(void)state;
	odd_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(pthread_create(&thread, NULL, sign_in_thread, &r), 0);
	odd_rig.proxy->await_hanging(1);
	assert_int_equal(sign_ec(), 0);
	assert_int_equal(sign_rsa(), 0);
	assert_int_equal(decrypt(), 0);
	assert_int_equal(odd_rig_agree(), 0);
	odd_rig.proxy->release();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, odd_rig_end)
		TEST(a_token_that_comes_back_at_once_is_not_missed),
		TEST(a_token_that_is_vague_about_it_costs_no_operation),
		TEST(a_token_that_stays_away_is_told_and_one_that_returns_serves),
		TEST(a_loss_between_operations_is_one_login),
		TEST(a_token_that_is_gone_holds_up_no_other),
		TEST(a_call_that_is_inside_while_the_token_goes_is_made_again),
		TEST(a_call_that_hangs_holds_up_no_other),
	};

	return cmocka_run_group_tests(tests, odd_rig_set_up, odd_rig_tear_down);
}
