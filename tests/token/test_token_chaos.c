/*
 * Random faults under several threads. Every operation succeeds with a right result, or fails
 * with a status that one of its faults may become, one without a fault only succeeds; no PIN is sent twice, no session is left open,
 * nothing waits for ever. $CHAOS_SEED repeats a run (as far as threads repeat), $CHAOS_OPERATIONS
 * says how long it is.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "chaos.h"
#include "chaos_keys.h"
#include "engine/watch.h"
#include "operate.h"
#include "softtoken.h"

#define THREADS 4
#define OPERATIONS 20000
#define EPOCH 500        /* operations with one engine */
#define TIME_OUT 280     /* seconds without an epoch's end */
#define CALL_LIMIT 30000 /* milliseconds: no call hangs here, so none is to be given up */

static struct softtoken st;
static const struct proxy *proxy;
static CK_FUNCTION_LIST *f;
static struct engine *e;
static uint64_t seed;
static atomic_ulong done[2]; /* failed, succeeded */
static atomic_int wrong;

static ptrdiff_t person(void *arg, const hsmime_pin_request *request, char *buf, size_t size)
{
	(void)arg;
	(void)request;
	snprintf(buf, size, "%s", SOFTTOKEN_PIN);
	return (ptrdiff_t)strlen(SOFTTOKEN_PIN);
}

static int set_up(void **state)
{
	const char *given = getenv("CHAOS_SEED");

	(void)state;
	seed = given != NULL ? strtoull(given, NULL, 0)
			     : (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	printf("CHAOS_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	softtoken_begin(&st);
	softtoken_add(&st, "Chaos");
	chaos_keys_make(&st);
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	f = softtoken_proxy_functions();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	softtoken_end(&st);
	return 0;
}

/* In threads nothing is asserted: what is wrong is said and counted. */
static void complain(
    const char *what, const struct chaos_operation *o, int status, const struct error *err)
{
	printf("%s: status %d, %u faults, the last CKR 0x%lx in %s%s: %s\n", what, status,
	    o->faults, o->last, o->last_name != NULL ? o->last_name : "nothing",
	    chaos_disturbed(o) ? ", disturbed" : "", err->message);
	fflush(stdout);
	atomic_fetch_add(&wrong, 1);
}

static void one(void)
{
	struct chaos_operation o = { 0 };
	struct error err = { 0 };
	const struct chaos_kind *k = chaos_kind();
	bool right = false;
	int r;

	chaos_enter(&o);
	r = k->operate(&right, &o, &err);
	chaos_leave();
	if (!right || !chaos_may_end(&o, r))
		complain(k->name, &o, r, &err);
	atomic_fetch_add(&done[r == 0], 1);
}

static void *work(void *arg)
{
	chaos_thread(seed, *(unsigned *)arg);
	for (int i = 0; i < EPOCH / THREADS; i++)
		one();
	return NULL;
}

static void run_threads(unsigned long epoch)
{
	pthread_t threads[THREADS];
	unsigned numbers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		numbers[i] = (unsigned)epoch * THREADS + i;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void open_engine(void)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_callback = person, .call_limit = CALL_LIMIT
	};
	struct error err = { 0 };

	if (engine_new(&e, &options, &err) != 0)
		fail_msg("%s", err.message);
	chaos_keys_open(e);
}

static void close_engine(void)
{
	chaos_keys_close();
	engine_free(e);
	e = NULL;
}

/* Once nothing is sabotaged any more everything works, unless the PIN was refused. */
static void all_is_well_again(void)
{
	for (size_t i = 0; i < chaos_kind_count; i++) {
		struct chaos_operation o = { 0 };
		struct error err = { 0 };
		bool right = false;
		int r;

		chaos_enter(&o);
		r = chaos_kinds[i].operate(&right, &o, &err);
		chaos_leave();
		if (!right || (r != 0 && (r != HSMIME_EPIN || !chaos_pin_refused())))
			complain("not well again", &o, r, &err);
	}
}

/* The module is the program's, so that the engine has to close its own sessions. */
static void run_epoch(unsigned long epoch)
{
	proxy->reset();
	assert_int_equal(
	    f->C_Initialize(&(CK_C_INITIALIZE_ARGS){ .flags = CKF_OS_LOCKING_OK }), CKR_OK);
	open_engine();
	chaos_thread(seed, ~(unsigned)epoch);
	chaos_begin(proxy, f, softtoken_slot(f, "Chaos"));
	run_threads(epoch);
	chaos_end();
	all_is_well_again();
	assert_int_equal(chaos_sent_twice(), 0);
	/* No secret that was agreed upon is left. */
	assert_int_equal(operate_secret_keys("Chaos"), 0);
	close_engine();
	assert_int_equal(watch_hanging(), 0);
	assert_int_equal(proxy->sessions(), 0);
	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
}

static void every_operation_is_right_or_fails_for_its_fault(void **state)
{
	const char *given = getenv("CHAOS_OPERATIONS");
	unsigned long operations_wanted = given != NULL ? strtoul(given, NULL, 0) : OPERATIONS;

	(void)state;
	for (unsigned long epoch = 0; epoch * EPOCH < operations_wanted; epoch++) {
		alarm(TIME_OUT);
		run_epoch(epoch);
		if (epoch % 200 == 199)
			chaos_report();
	}
	alarm(0);
	chaos_report();
	printf("chaos: %lu operations succeeded, %lu failed\n", atomic_load(&done[1]),
	    atomic_load(&done[0]));
	assert_int_equal(wrong, 0);
	/* One refused PIN early on ends a short run's successes. */
	assert_true(
	    atomic_load(&done[1]) > (operations_wanted < OPERATIONS ? 0 : operations_wanted / 2));
	assert_true(atomic_load(&done[0]) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_is_right_or_fails_for_its_fault),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
