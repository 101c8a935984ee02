/* A login takes as long as the token, or a person at its pad, likes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "operate.h"
#include "pin_rig.h"

static sem_t entered, go_on;
static atomic_int logins;

static void hold_the_first(void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&logins, 1) > 0)
		return;
	sem_post(&entered);
	sem_wait(&go_on);
}

static void *find_alpha(void *arg)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };

	*(int *)arg = engine_find_key(&found, pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN, &err);
	engine_found_free(&found);
	return NULL;
}

static void beta_works(void)
{
	struct token_key *k = operate_key(pin_rig.e, "pkcs11:token=Beta;id=%01", ENGINE_SIGN);
	hsmime_token *tokens = NULL;
	size_t count = 0;

	assert_int_equal(operate_sign(k, &pin_rig.err), 0);
	token_key_free(k);
	assert_int_equal(engine_tokens(&tokens, &count, pin_rig.e, &pin_rig.err), 0);
	assert_in_range(count, 2, 3); /* SoftHSM has a blank one too */
	engine_tokens_free(tokens, count);
}

/* A lock that is held would be a deadlock, which the alarm ends. */
static void a_login_that_takes_long_holds_up_no_other_token(void **state)
{
	pthread_t thread;
	int r = 1;

	(void)state;
	setenv("TEST_PIN", pin_rig_right, 1);
	pin_rig_open("env:TEST_PIN", false);
	sem_init(&entered, 0, 0);
	sem_init(&go_on, 0, 0);
	pin_rig.proxy->hook("C_Login", hold_the_first, NULL);
	alarm(60);
	assert_int_equal(pthread_create(&thread, NULL, find_alpha, &r), 0);
	sem_wait(&entered);
	beta_works();
	assert_int_equal(pin_rig.proxy->count("C_Login"), 2);
	assert_int_equal(r, 1);
	sem_post(&go_on);
	pthread_join(thread, NULL);
	alarm(0);
	assert_int_equal(r, 0);
	sem_destroy(&entered);
	sem_destroy(&go_on);
}

static struct token_key *other_key;

static void *sign_with_the_other(void *arg)
{
	struct error err = { 0 };

	*(int *)arg = operate_sign(other_key, &err);
	return NULL;
}

static void the_other_signs(void)
{
	pthread_t thread;
	int r = 1;

	assert_int_equal(pthread_create(&thread, NULL, sign_with_the_other, &r), 0);
	pthread_join(thread, NULL);
	assert_int_equal(r, 0);
}

/* The person is asked for one signature by the key that wants that, and another needs nobody. */
static void while_a_person_thinks_another_key_of_the_token_signs(void **state)
{
	struct token_key *careful;

	(void)state;
	pin_rig.person.answer = pin_rig_right;
	pin_rig_open(NULL, true);
	other_key = operate_key(pin_rig.e, PIN_RIG_KEY, ENGINE_SIGN);
	careful = operate_key(pin_rig.e, "pkcs11:token=Alpha;id=%02", ENGINE_SIGN);
	pin_rig.person.asked = 0;
	pin_rig.person.meanwhile = the_other_signs;
	alarm(60);
	assert_int_equal(operate_sign(careful, &pin_rig.err), 0);
	alarm(0);
	assert_int_equal(pin_rig.person.asked, 1);
	token_key_free(careful);
	token_key_free(other_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_login_that_takes_long_holds_up_no_other_token, pin_rig_begin, pin_rig_end),
		cmocka_unit_test_setup_teardown(
		    while_a_person_thinks_another_key_of_the_token_signs, pin_rig_begin,
		    pin_rig_end),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
