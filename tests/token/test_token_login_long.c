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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_login_that_takes_long_holds_up_no_other_token, pin_rig_begin, pin_rig_end),
	};

	return cmocka_run_group_tests(tests, pin_rig_set_up, pin_rig_tear_down);
}
