/* A member that was set aside is tried out with data of our own; one that is well, each minute. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <time.h>

#include "engine/key.h"
#include "engine/public_key.h"
#include "engine/slot.h"
#include "group_rig.h"
#include "operate.h"

#define LIMIT 20000 /* milliseconds that a call may take: no call hangs here */
#define MINUTE 60000
#define MANY 1000000

static unsigned char data[512];
static size_t data_len;
static atomic_uint calls_of_alpha;

static int sign(void)
{
	struct error err = { 0 };

	return operate_sign(group_rig.group, &err);
}

static int decrypt(void)
{
	struct error err = { 0 };

	return operate_decrypt(group_rig.group, data, data_len, &err);
}

/* With the key's own point, so that both tokens come to the same. */
static int derive(void)
{
	static unsigned char first[66];
	static size_t first_len;
	unsigned char point[PUBLIC_POINT_MAX], secret[66];
	size_t len = sizeof(point), secret_len = sizeof(secret);
	struct error err = { 0 };
	int r;

	assert_true(public_key_point(point, &len, token_key_public(group_rig.group)));
	r = token_key_derive(group_rig.group, secret, &secret_len, point, len, &err);
	if (r != 0)
		return r;
	if (first_len == 0) {
		memcpy(first, secret, secret_len);
		first_len = secret_len;
	}
	assert_int_equal(secret_len, first_len);
	assert_memory_equal(secret, first, first_len);
	return 0;
}

/* What a group does, and the call that it costs. */
struct kind {
	const char *id;
	const char *call;
	int (*operate)(void);
};
static const struct kind signing = { "%02", "C_Sign", sign };
static const struct kind decryption = { "%01", "C_Decrypt", decrypt };
static const struct kind agreement = { "%02", "C_DeriveKey", derive };

static void count_one(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

/* From here on what is planned is for Alpha, whose calls are counted. */
static void open_group(const struct kind *k)
{
	group_rig_open(k->id, LIMIT);
	if (k == &decryption)
		data_len = operate_encrypt(data, group_rig.group);
	group_rig.proxy->only("Alpha");
	group_rig.proxy->hook(k->call, count_one, &calls_of_alpha);
	atomic_store(&calls_of_alpha, 0);
}

static void operate(const struct kind *k, int times)
{
	for (int i = 0; i < times; i++)
		assert_int_equal(k->operate(), 0);
}

/* Alpha's session goes, and what it is tried with again: nothing is lost, and Alpha is aside. */
static void set_aside(const struct kind *k)
{
	group_rig.proxy->refuse(k->call, CKR_DEVICE_REMOVED, 0, MANY);
	operate(k, 2);
	group_rig_was_logged("token \"Alpha\"");
	group_rig_was_logged("is set aside");
	assert_true(health_aside(group_rig.alpha->token));
	group_rig.proxy->refuse(k->call, CKR_OK, 0, 0);
	atomic_store(&calls_of_alpha, 0);
	/* Well again; but its time is not over. */
	operate(k, 4);
	assert_int_equal(calls_of_alpha, 0);
	assert_true(health_aside(group_rig.alpha->token));
}

static void comes_back(const struct kind *k)
{
	open_group(k);
	set_aside(k);
	group_rig_is_due(group_rig.alpha);
	operate(k, 1);
	/* The operation itself may have been Alpha's too. */
	assert_in_range(calls_of_alpha, 1, 2);
	group_rig_was_logged("is back");
	assert_false(health_aside(group_rig.alpha->token));
	operate(k, 4);
	assert_in_range(calls_of_alpha, 3, 4);
}

static void a_token_that_decrypts_a_ciphertext_of_ours_is_taken_back(void **state)
{
	(void)state;
	comes_back(&decryption);
}

static void a_token_that_agrees_with_a_key_of_ours_is_taken_back(void **state)
{
	(void)state;
	comes_back(&agreement);
}

static void a_token_that_signs_octets_of_ours_is_taken_back(void **state)
{
	(void)state;
	comes_back(&signing);
}

/* It is tried once each time its time is over, which is longer each time. */
static void stays_aside(const struct kind *k)
{
	int64_t before, after;

	open_group(k);
	set_aside(k);
	before = atomic_load(&group_rig.alpha->token->health.again);
	group_rig.proxy->refuse(k->call, CKR_GENERAL_ERROR, 0, MANY);
	group_rig_is_due(group_rig.alpha);
	operate(k, 4);
	assert_int_not_equal(calls_of_alpha, 0);
	assert_true(health_aside(group_rig.alpha->token));
	assert_false(group_rig_logged("is back"));
	after = atomic_load(&group_rig.alpha->token->health.again);
	assert_true(after - before > 900);
	/* The twin: it answers rightly at last. */
	group_rig.proxy->refuse(k->call, CKR_OK, 0, 0);
	group_rig_is_due(group_rig.alpha);
	operate(k, 1);
	group_rig_was_logged("is back");
}

static void a_token_that_decrypts_wrongly_stays_aside(void **state)
{
	(void)state;
	stays_aside(&decryption);
	group_rig_was_logged("answers wrongly");
}

static void a_token_that_agrees_on_nothing_stays_aside(void **state)
{
	(void)state;
	stays_aside(&agreement);
}

static void a_token_that_does_not_sign_stays_aside(void **state)
{
	(void)state;
	stays_aside(&signing);
}

static int64_t now_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A decryption says nothing of its token, so it is tried out though nothing failed. */
static void a_token_that_seems_well_decrypts_a_ciphertext_of_ours_each_minute(void **state)
{
	int64_t begun = now_ms(), again;

	(void)state;
	open_group(&decryption);
	operate(&decryption, 10);
	assert_int_equal(group_rig.proxy->count("C_Decrypt"), 10);
	group_rig_is_due(group_rig.alpha);
	operate(&decryption, 10);
	assert_int_equal(group_rig.proxy->count("C_Decrypt"), 21);
	assert_int_equal(calls_of_alpha, 11);
	again = atomic_load(&group_rig.alpha->token->health.again);
	assert_in_range(again, begun + MINUTE, now_ms() + MINUTE);
	assert_false(group_rig_logged("is set aside"));
}

static void one_that_does_not_is_set_aside_before_a_message_meets_it(void **state)
{
	(void)state;
	open_group(&decryption);
	operate(&decryption, 2);
	group_rig.proxy->refuse("C_Decrypt", CKR_GENERAL_ERROR, 0, MANY);
	group_rig_is_due(group_rig.alpha);
	operate(&decryption, 4);
	group_rig_was_logged("token \"Alpha\"");
	group_rig_was_logged("answers wrongly");
	assert_true(health_aside(group_rig.alpha->token));
	assert_false(health_aside(group_rig.beta->token));
}

/* Each signature is verified anyway. */
static void a_token_that_signs_well_is_not_tried_out(void **state)
{
	(void)state;
	open_group(&signing);
	operate(&signing, 4);
	group_rig_is_due(group_rig.alpha);
	operate(&signing, 4);
	assert_int_equal(group_rig.proxy->count("C_Sign"), 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, group_rig_begin, group_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_that_decrypts_a_ciphertext_of_ours_is_taken_back),
		TEST(a_token_that_agrees_with_a_key_of_ours_is_taken_back),
		TEST(a_token_that_signs_octets_of_ours_is_taken_back),
		TEST(a_token_that_decrypts_wrongly_stays_aside),
		TEST(a_token_that_agrees_on_nothing_stays_aside),
		TEST(a_token_that_does_not_sign_stays_aside),
		TEST(a_token_that_seems_well_decrypts_a_ciphertext_of_ours_each_minute),
		TEST(one_that_does_not_is_set_aside_before_a_message_meets_it),
		TEST(a_token_that_signs_well_is_not_tried_out),
	};

	return cmocka_run_group_tests(tests, group_rig_set_up, group_rig_tear_down);
}
