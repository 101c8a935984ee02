/* What others meet while a call hangs: other threads, tokens and modules, and child processes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine_internal.h"
#include "engine/key.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "engine/zone.h"
#include "operate.h"
#include "softtoken.h"

#define LIMIT 300     /* milliseconds that a call may take here */
#define PATIENT 30000 /* the same of those that are to wait */
#define THREADS 6
#define ALPHA "pkcs11:token=Alpha;id=%01"
#define BETA "pkcs11:token=Beta;id=%01"

/* Two tokens with an EC key each. */
static struct softtoken st;
static const struct proxy *proxy;
static struct engine *e;
static struct token_key *alpha, *beta;
static struct error err;

static int set_up(void **state)
{
	static const char *const labels[] = { "Alpha", "Beta" };

	(void)state;
	softtoken_begin(&st);
	for (size_t i = 0; i < 2; i++) {
		softtoken_add(&st, labels[i]);
		EVP_PKEY_free(softtoken_ec(&st, 1, "one", "P-256", KEY_SIGN | KEY_DERIVE));
	}
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

static struct engine *opened(const char *module, unsigned limit)
{
	struct engine_options options = {
		.module = module, .pin_source = "env:TEST_PIN", .call_limit = limit
	};
	struct engine *opened = NULL;

	if (engine_new(&opened, &options, &err) != 0)
		fail_msg("%s", err.message);
	return opened;
}

static void open_keys(void)
{
	e = opened(PROXY_MODULE, LIMIT);
	alpha = operate_key(e, ALPHA, ENGINE_SIGN);
	beta = operate_key(e, BETA, ENGINE_SIGN);
}

static void close_keys(void)
{
	token_key_free(alpha);
	token_key_free(beta);
	engine_free(e);
	alpha = beta = NULL;
	e = NULL;
}

/* A deadlock is ended by the alarm. */
static int begin(void **state)
{
	(void)state;
	proxy->reset();
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	err = (struct error){ 0 };
	alarm(60);
	return 0;
}

static int end(void **state)
{
	(void)state;
	close_keys();
	zone_end();
	alarm(0);
	return 0;
}

static void says(const struct error *said, const char *what)
{
	if (said->code != HSMIME_ETOKEN || strstr(said->message, what) == NULL)
		fail_msg("%d, \"%s\" instead of \"%s\"", said->code, said->message, what);
}

/* Let what hangs return, and wait until its threads are done with it. */
static void release(void)
{
	proxy->release();
	while (watch_hanging() > 0)
		sched_yield();
}

struct signing {
	pthread_t thread;
	struct token_key *key;
	struct error err;
	int status;
};

static void *sign_beside(void *arg)
{
	struct signing *s = arg;

	s->status = operate_sign(s->key, &s->err);
	return NULL;
}

static void start(struct signing *s, struct token_key *key)
{
	memset(s, 0, sizeof(*s));
	s->key = key;
	assert_int_equal(pthread_create(&s->thread, NULL, sign_beside, s), 0);
}

static void a_module_that_cant_lock_is_stuck_as_a_whole(void **state)
{
	struct engine *other = NULL;
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = LIMIT };
	struct signing hangs;

	(void)state;
	proxy->cant_lock(1);
	open_keys();
	proxy->hang("C_Sign", 0);
	start(&hangs, alpha);
	proxy->await_hanging(1);
	assert_int_equal(operate_sign(beta, &err), HSMIME_ETOKEN);
	says(&err, "the PKCS#11 module is stuck");
	pthread_join(hangs.thread, NULL);
	says(&hangs.err, "token \"Alpha\" does not answer (C_Sign has not returned)");
	/* Who waited made no call that could be given up, and nobody comes near the module. */
	assert_int_equal(watch_hanging(), 1);
	assert_int_equal(beta->token->stuck, 0);
	assert_int_equal(engine_new(&other, &options, &err), 0);
	engine_free(other);
	assert_int_equal(proxy->overlaps(), 0);
	release();
	assert_int_equal(operate_sign(beta, &err), 0);
	assert_int_equal(operate_sign(alpha, &err), 0);
	assert_int_equal(proxy->overlaps(), 0);
}

static void it_can_still_not_lock_when_it_is_opened_anew_meanwhile(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = LIMIT };

	(void)state;
	proxy->cant_lock(1);
	open_keys();
	proxy->hang("C_Sign", 0);
	assert_int_equal(operate_sign(alpha, &err), HSMIME_ETOKEN);
	close_keys();
	assert_int_equal(engine_new(&e, &options, &err), HSMIME_ETOKEN);
	says(&err, "the PKCS#11 module is stuck");
	assert_int_equal(proxy->overlaps(), 0);
	release();
	open_keys();
	assert_true(e != NULL && alpha->token->module->serial);
	assert_int_equal(operate_sign(alpha, &err), 0);
	assert_int_equal(proxy->overlaps(), 0);
}

static void to_wait_for_a_module_that_cant_lock_is_no_call(void **state)
{
	struct signing signing[THREADS];

	(void)state;
	proxy->cant_lock(1);
	open_keys();
	assert_int_equal(operate_sign(alpha, &err), 0);
	assert_int_equal(operate_sign(beta, &err), 0);
	proxy->delay("C_Sign", LIMIT * 1000 / 2);
	for (size_t i = 0; i < THREADS; i++)
		start(&signing[i], i % 2 == 0 ? alpha : beta);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(signing[i].thread, NULL);
		if (signing[i].status != 0)
			fail_msg("%s", signing[i].err.message);
	}
	assert_int_equal(watch_hanging(), 0);
}

static void a_look_up_that_hung_keeps_nobody_from_making_copies(void **state)
{
	struct engine_found found = { 0 };

	(void)state;
	open_keys();
	proxy->hang("C_FindObjects", 0);
	assert_int_equal(engine_find_key(&found, e, ALPHA, ENGINE_SIGN, &err), HSMIME_ETOKEN);
	says(&err, "does not answer (C_FindObjects");
	release();
	assert_int_equal(alpha->token->copies.lookups, 0);
	for (int i = 0; i < KEY_COPY_USES; i++)
		assert_int_equal(operate_sign(alpha, &err), 0);
	assert_int_equal(proxy->count("C_CopyObject"), 1);
}

/* A call that takes until it may go on. */
static struct {
	sem_t inside;
	sem_t go_on;
} slow;

static void take_time(void *arg)
{
	(void)arg;
	sem_post(&slow.inside);
	while (sem_wait(&slow.go_on) != 0)
		continue;
}

static void slow_down(const char *function)
{
	sem_init(&slow.inside, 0, 0);
	sem_init(&slow.go_on, 0, 0);
	proxy->hook(function, take_time, NULL);
}

static void a_call_that_hangs_takes_nothing_from_who_makes_a_copy(void **state)
{
	struct engine *patient = opened(PROXY_MODULE, PATIENT);
	struct token_key *key = operate_key(patient, ALPHA, ENGINE_SIGN);
	struct signing maker;

	(void)state;
	open_keys();
	slow_down("C_CopyObject");
	for (int i = 1; i < KEY_COPY_USES; i++)
		assert_int_equal(operate_sign(key, &err), 0);
	start(&maker, key);
	while (sem_wait(&slow.inside) != 0)
		continue;
	proxy->hang("C_Sign", 0);
	assert_int_equal(operate_sign(alpha, &err), HSMIME_ETOKEN);
	says(&err, "does not answer (C_Sign");
	/* It is still at it, and nobody else begins. */
	assert_true(alpha->token->copies.busy);
	sem_post(&slow.go_on);
	pthread_join(maker.thread, NULL);
	assert_int_equal(maker.status, 0);
	assert_false(alpha->token->copies.busy);
	proxy->hook("C_CopyObject", NULL, NULL);
	release();
	assert_int_equal(operate_sign(key, &err), 0);
	token_key_free(key);
	engine_free(patient);
}

/* How many tokens are listed, and how many of them as stuck. */
struct listing {
	hsmime_token *tokens;
	size_t count;
	size_t stuck;
};

static int run_list(void *arg)
{
	struct listing *l = arg;

	return engine_tokens(&l->tokens, &l->count, e, &err);
}

static int list(struct listing *l)
{
	int r;

	memset(l, 0, sizeof(*l));
	r = engine_run(e, run_list, l, &err);
	for (size_t i = 0; i < l->count; i++)
		l->stuck += (l->tokens[i].flags & HSMIME_TOKEN_STUCK) != 0;
	engine_tokens_free(l->tokens, l->count);
	return r;
}

static void a_token_that_hangs_when_it_is_listed_is_stuck_alone_and_stays_in_the_list(void **state)
{
	struct listing before, l;
	struct token_key *well;

	(void)state;
	open_keys();
	assert_int_equal(list(&before), 0);
	proxy->hang("C_GetTokenInfo", 0);
	assert_int_equal(list(&l), HSMIME_ETOKEN);
	assert_true(alpha->token->stuck + beta->token->stuck == 1);
	well = alpha->token->stuck == 0 ? alpha : beta;
	says(&err,
	    well == alpha ? "token \"Beta\" does not answer" : "token \"Alpha\" does not answer");
	assert_int_equal(list(&l), 0);
	if (l.count != before.count || l.stuck != 1)
		fail_msg("%zu of %zu tokens are stuck", l.stuck, l.count);
	assert_int_equal(operate_sign(well, &err), 0);
	release();
	assert_int_equal(list(&l), 0);
	assert_true(l.count == before.count && l.stuck == 0);
	assert_int_equal(operate_sign(alpha, &err), 0);
	assert_int_equal(operate_sign(beta, &err), 0);
}

static void *open_beside(void *arg)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = PATIENT };
	struct error own = { 0 };

	*(int *)arg = engine_new(&e, &options, &own);
	return NULL;
}

static void a_module_that_does_not_start_is_in_no_others_way(void **state)
{
	struct engine *other;
	pthread_t beside;
	int status = -1;

	(void)state;
	proxy->hang("C_Initialize", 0);
	assert_int_equal(pthread_create(&beside, NULL, open_beside, &status), 0);
	proxy->await_hanging(1);
	other = opened(SOFTHSM_MODULE, LIMIT);
	assert_true(engine_has_token(other));
	engine_free(other);
	assert_int_equal(watch_hanging(), 0);
	proxy->release();
	pthread_join(beside, NULL);
	assert_int_equal(status, 0);
}

/* 0 where nothing of the parent's hanging call is left. */
static int child_signs(void)
{
	if (watch_hanging() != 0)
		return 1;
	if (operate_sign(alpha, &err) != 0 || alpha->token->stuck != 0)
		return 2;
	return operate_sign(beta, &err) != 0 ? 3 : 0;
}

static void in_a_forked_child_no_call_hangs(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	open_keys();
	slow_down("C_Sign");
	assert_int_equal(operate_sign(alpha, &err), HSMIME_ETOKEN);
	proxy->hook("C_Sign", NULL, NULL);
	pid = fork();
	if (pid == 0)
		_exit(child_signs());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(watch_hanging(), 1);
	sem_post(&slow.go_on);
	release();
	assert_int_equal(operate_sign(alpha, &err), 0);
}

static long now_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void a_module_that_tells_of_events_without_end_is_asked_no_oftener_than_others(void **state)
{
	long from;

	(void)state;
	open_keys();
	proxy->slot_events(PROXY_EVENTS_ENDLESS);
	from = now_ms();
	for (int i = 0; i < 2; i++)
		assert_int_equal(engine_wait(e, &err), 0);
	assert_true(now_ms() - from >= 2 * 500);
	assert_int_equal(proxy->count("C_WaitForSlotEvent"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_module_that_cant_lock_is_stuck_as_a_whole, begin, end),
		cmocka_unit_test_setup_teardown(
		    it_can_still_not_lock_when_it_is_opened_anew_meanwhile, begin, end),
		cmocka_unit_test_setup_teardown(
		    to_wait_for_a_module_that_cant_lock_is_no_call, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_look_up_that_hung_keeps_nobody_from_making_copies, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_call_that_hangs_takes_nothing_from_who_makes_a_copy, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_token_that_hangs_when_it_is_listed_is_stuck_alone_and_stays_in_the_list,
		    begin, end),
		cmocka_unit_test_setup_teardown(
		    a_module_that_does_not_start_is_in_no_others_way, begin, end),
		cmocka_unit_test_setup_teardown(in_a_forked_child_no_call_hangs, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_module_that_tells_of_events_without_end_is_asked_no_oftener_than_others,
		    begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
