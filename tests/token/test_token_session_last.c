/* The last session of a program takes the login with it: which one that is, where others come and go. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "token_rig.h"

static struct token_key *k;
static const struct proxy *proxy;

static int begin(void **state)
{
	token_rig_begin_with(state, TOKEN_RIG_RSA);
	proxy = token_rig.proxy;
	k = token_rig.k;
	return 0;
}

/* The first C_OpenSession that comes waits until it is told to go on. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool armed, inside, go;
	int ended; /* operations */
} door = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void wait_at_door(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&door.lock);
	if (door.armed) {
		door.armed = false;
		door.inside = true;
		pthread_cond_broadcast(&door.changed);
		while (!door.go)
			pthread_cond_wait(&door.changed, &door.lock);
	}
	pthread_mutex_unlock(&door.lock);
}

static void await_who_opens(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&door.lock);
	while (!door.inside)
		pthread_cond_wait(&door.changed, &door.lock);
	pthread_mutex_unlock(&door.lock);
}

/* Once the other operation is over. */
static void open_door(void)
{
	pthread_mutex_lock(&door.lock);
	while (door.ended == 0)
		pthread_cond_wait(&door.changed, &door.lock);
	door.go = true;
	pthread_cond_broadcast(&door.changed);
	pthread_mutex_unlock(&door.lock);
}

static void *sign(void *status)
{
	struct error err = { 0 };

	*(int *)status = operate_sign(k, &err);
	pthread_mutex_lock(&door.lock);
	door.ended++;
	pthread_cond_broadcast(&door.changed);
	pthread_mutex_unlock(&door.lock);
	return NULL;
}

/* While one session is still being opened the other is dropped, and closed if it is not known to be the last. */
static void one_that_is_only_being_opened_keeps_no_login(void **state)
{
	pthread_t first, second;
	int first_status = 0, second_status = 0;

	(void)state;
	sign(&first_status);
	assert_int_equal(first_status, 0);
	assert_int_equal(proxy->count("C_Login"), 1);
	door.armed = true;
	door.ended = 0;
	proxy->hook("C_OpenSession", wait_at_door, NULL);
	proxy->hook("C_Sign", await_who_opens, NULL);
	proxy->refuse("C_Sign", CKR_HOST_MEMORY, 0, 1);
	assert_int_equal(pthread_create(&first, NULL, sign, &first_status), 0);
	assert_int_equal(pthread_create(&second, NULL, sign, &second_status), 0);
	/* Whichever got the session fails, and drops it. */
	open_door();
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	assert_int_equal(first_status == 0 ? second_status : first_status, HSMIME_ENOMEM);
	assert_true(first_status == 0 || second_status == 0);
	/* Nobody found the token logged out. */
	assert_int_equal(proxy->count("C_Login"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    one_that_is_only_being_opened_keeps_no_login, begin, token_rig_end),
	};

	return cmocka_run_group_tests(tests, token_rig_set_up, token_rig_tear_down);
}
