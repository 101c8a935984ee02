/* A PIN whose login was given up is not sent again, unless the token turns out to have taken it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <semaphore.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/watch.h"
#include "engine/zone.h"
#include "operate.h"
#include "softtoken.h"

#define LIMIT 300 /* milliseconds that a call may take here */
#define ALPHA "pkcs11:token=Alpha;id=%01"

static struct softtoken st;
static const struct proxy *proxy;
static struct engine *e;
static struct error err;

/* The first C_Login hangs until it is released. */
static struct {
	sem_t release;
	bool hung;
} trap;

static int set_up(void **state)
{
	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Alpha");
	EVP_PKEY_free(softtoken_ec(&st, 1, "one", "P-256", KEY_SIGN));
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	softtoken_end(&st);
	return 0;
}

static void hang(void *arg)
{
	(void)arg;
	if (trap.hung)
		return;
	trap.hung = true;
	while (sem_wait(&trap.release) != 0)
		continue;
}

/* A deadlock is ended by the alarm. */
static int begin(void **state)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_source = "env:TEST_PIN", .call_limit = LIMIT
	};

	(void)state;
	alarm(60);
	proxy->reset();
	sem_init(&trap.release, 0, 0);
	trap.hung = false;
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	assert_int_equal(engine_new(&e, &options, &err), 0);
	proxy->hook("C_Login", hang, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	engine_free(e);
	zone_end();
	alarm(0);
	return 0;
}

/* Let the call return, and wait until its thread is done with it. */
static void release(void)
{
	const struct timespec moment = { 0, 1000000 };

	sem_post(&trap.release);
	while (watch_hanging() > 0)
		nanosleep(&moment, NULL);
}

static int find(void)
{
	struct engine_found found = { 0 };
	int r;

	memset(&err, 0, sizeof(err));
	r = engine_find_key(&found, e, ALPHA, ENGINE_SIGN, &err);
	engine_found_free(&found);
	return r;
}

static void find_fails(int status, const char *message, unsigned long logins)
{
	assert_int_equal(find(), status);
	if (strstr(err.message, message) == NULL)
		fail_msg("\"%s\" / \"%s\"", err.message, err.hint);
	assert_string_not_equal(err.hint, "");
	assert_int_equal(proxy->count("C_Login"), logins);
}

static void give_up_a_login(void)
{
	find_fails(HSMIME_ETOKEN, "does not answer (C_Login has not returned)", 1);
	find_fails(HSMIME_ETOKEN, "is stuck", 1);
}

static void a_wrong_pin_that_was_refused_when_nobody_waited_is_not_sent_again(void **state)
{
	(void)state;
	setenv("TEST_PIN", "54321", 1);
	give_up_a_login();
	release();
	find_fails(HSMIME_EPIN, "refused this PIN before", 1);
	find_fails(HSMIME_EPIN, "refused this PIN before", 1);
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	assert_int_equal(find(), 0);
	assert_int_equal(proxy->count("C_Login"), 2);
}

static void a_pin_that_was_taken_when_nobody_waited_may_be_sent_again(void **state)
{
	(void)state;
	give_up_a_login();
	release();
	/* It can't be seen that somebody is logged in. */
	proxy->refuse("C_GetSessionInfo", CKR_FUNCTION_FAILED, 0, 1);
	assert_int_equal(find(), 0);
	assert_int_equal(proxy->count("C_Login"), 2);
}

static void a_pin_that_was_not_looked_at_may_be_sent_again(void **state)
{
	(void)state;
	proxy->refuse("C_Login", CKR_DEVICE_MEMORY, 0, 1);
	give_up_a_login();
	release();
	assert_int_equal(find(), 0);
	assert_int_equal(proxy->count("C_Login"), 2);
}

/* Whether it looked at the PIN is not known. */
static void a_pin_of_a_token_that_went_meanwhile_is_not_sent_again(void **state)
{
	(void)state;
	proxy->refuse("C_Login", CKR_DEVICE_REMOVED, 0, 1);
	give_up_a_login();
	release();
	find_fails(HSMIME_EPIN, "did not say whether it is right", 1);
}

static void a_child_does_not_send_a_pin_that_its_parent_gave_up(void **state)
{
	int status = -1;
	pid_t child;

	(void)state;
	give_up_a_login();
	child = fork();
	if (child == 0) {
		proxy->reset();
		if (find() != HSMIME_EPIN || strstr(err.message, "did not say") == NULL)
			_exit(1);
		if (proxy->count("C_Login") != 0)
			_exit(2);
		setenv("TEST_PIN", "5432", 1);
		_exit(find() == HSMIME_EPIN && proxy->count("C_Login") == 1 ? 0 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	release();
	assert_int_equal(find(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_wrong_pin_that_was_refused_when_nobody_waited_is_not_sent_again),
		TEST(a_pin_that_was_taken_when_nobody_waited_may_be_sent_again),
		TEST(a_pin_that_was_not_looked_at_may_be_sent_again),
		TEST(a_pin_of_a_token_that_went_meanwhile_is_not_sent_again),
		TEST(a_child_does_not_send_a_pin_that_its_parent_gave_up),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
