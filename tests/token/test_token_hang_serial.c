/* A module that can't lock, while a call of it hangs. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/key.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "hang_rig.h"

#define THREADS 6

static void a_module_that_cant_lock_is_stuck_as_a_whole(void **state)
{
	struct engine *other = NULL;
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = HANG_LIMIT };
	struct hang_signing hangs;

	(void)state;
	hang_rig.proxy->cant_lock(1);
	hang_rig_open();
	hang_rig.proxy->hang("C_Sign", 0);
	hang_rig_start(&hangs, hang_rig.alpha);
	hang_rig.proxy->await_hanging(1);
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "the PKCS#11 module is stuck");
	pthread_join(hangs.thread, NULL);
	hang_rig_says(&hangs.err, "token \"Alpha\" does not answer (C_Sign has not returned)");
	/* Who waited made no call that could be given up, and nobody comes near the module. */
	assert_int_equal(watch_hanging(), 1);
	assert_int_equal(hang_rig.beta->token->stuck, 0);
	assert_int_equal(engine_new(&other, &options, &hang_rig.err), 0);
	engine_free(other);
	assert_int_equal(hang_rig.proxy->overlaps(), 0);
	hang_rig_release();
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), 0);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	assert_int_equal(hang_rig.proxy->overlaps(), 0);
}

static void it_can_still_not_lock_when_it_is_opened_anew_meanwhile(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = HANG_LIMIT };

	(void)state;
	hang_rig.proxy->cant_lock(1);
	hang_rig_open();
	hang_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_close();
	assert_int_equal(engine_new(&hang_rig.e, &options, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "the PKCS#11 module is stuck");
	assert_int_equal(hang_rig.proxy->overlaps(), 0);
	hang_rig_release();
	hang_rig_open();
	assert_true(hang_rig.e != NULL && hang_rig.alpha->token->module->serial);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	assert_int_equal(hang_rig.proxy->overlaps(), 0);
}

static void to_wait_for_a_module_that_cant_lock_is_no_call(void **state)
{
	struct hang_signing signing[THREADS];

	(void)state;
	hang_rig.proxy->cant_lock(1);
	hang_rig_open();
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), 0);
	hang_rig.proxy->delay("C_Sign", HANG_LIMIT * 1000 / 2);
	for (size_t i = 0; i < THREADS; i++)
		hang_rig_start(&signing[i], i % 2 == 0 ? hang_rig.alpha : hang_rig.beta);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(signing[i].thread, NULL);
		if (signing[i].status != 0)
			fail_msg("%s", signing[i].err.message);
	}
	assert_int_equal(watch_hanging(), 0);
}

/* A search for Beta's key in a thread of its own, whose PIN comes through a pipe. */
struct finding {
	pthread_t thread;
	struct engine *e;
	struct error err;
	int status;
	char state[300], pipe[300], source[320];
};

static void *find_beta(void *arg)
{
	struct finding *f = arg;
	struct engine_found found = { 0 };

	memset(&f->err, 0, sizeof(f->err));
	f->status = engine_find_key(&found, f->e, HANG_BETA, ENGINE_SIGN, &f->err);
	engine_found_free(&found);
	return NULL;
}

static void finding_begin(struct finding *f)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_source = f->source, .call_limit = HANG_LIMIT
	};
	const char *configuration = getenv("SOFTHSM2_CONF");
	int folder = (int)(strrchr(configuration, '/') - configuration);

	snprintf(f->state, sizeof(f->state), "%.*s/state", folder, configuration);
	snprintf(f->pipe, sizeof(f->pipe), "%.*s/pipe", folder, configuration);
	snprintf(f->source, sizeof(f->source), "command:cat %s", f->pipe);
	assert_int_equal(mkfifo(f->pipe, 0600), 0);
	options.state_dir = f->state;
	assert_int_equal(engine_new(&f->e, &options, &hang_rig.err), 0);
}

static void give_pin(int pipe)
{
	const char pin[] = SOFTTOKEN_PIN "\n";

	assert_int_equal(write(pipe, pin, sizeof(pin) - 1), sizeof(pin) - 1);
	close(pipe);
}

static void a_pin_that_did_not_get_into_it_was_not_sent(void **state)
{
	struct finding f = { 0 };
	int pipe;

	(void)state;
	hang_rig.proxy->cant_lock(1);
	hang_rig.e = hang_rig_engine(PROXY_MODULE, HANG_LIMIT);
	hang_rig.alpha = operate_key(hang_rig.e, HANG_ALPHA, ENGINE_SIGN);
	finding_begin(&f);
	assert_int_equal(pthread_create(&f.thread, NULL, find_beta, &f), 0);
	pipe = open(f.pipe, O_WRONLY); /* once the source is read */
	hang_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	give_pin(pipe);
	pthread_join(f.thread, NULL);
	hang_rig_says(&f.err, "the PKCS#11 module is stuck");
	hang_rig_release();
	assert_int_equal(pthread_create(&f.thread, NULL, find_beta, &f), 0);
	give_pin(open(f.pipe, O_WRONLY));
	pthread_join(f.thread, NULL);
	assert_string_equal(f.err.message, "");
	assert_int_equal(f.status, 0);
	engine_free(f.e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_module_that_cant_lock_is_stuck_as_a_whole, hang_rig_begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    it_can_still_not_lock_when_it_is_opened_anew_meanwhile, hang_rig_begin,
		    hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    to_wait_for_a_module_that_cant_lock_is_no_call, hang_rig_begin, hang_rig_end),
		cmocka_unit_test_setup_teardown(
		    a_pin_that_did_not_get_into_it_was_not_sent, hang_rig_begin, hang_rig_end),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
