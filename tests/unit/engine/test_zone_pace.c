#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "engine/zone_pace.h"

#define MANY 40
#define BRIEF 20000   /* nanoseconds */
#define SHORT 500000  /* more than brief */
#define LONG 50000000 /* much more */

/* A thread that waits for its end. */
struct waiting {
	pthread_t thread;
	pthread_mutex_t lock;
};

static void *wait_for_end(void *arg)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&w->lock);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void start(struct waiting *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_lock(&w->lock);
	assert_int_equal(pthread_create(&w->thread, NULL, wait_for_end, w), 0);
}

static void end(struct waiting *w)
{
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
}

static int processors_of(pthread_t thread)
{
	cpu_set_t set;

	assert_int_equal(pthread_getaffinity_np(thread, sizeof(set), &set), 0);
	return CPU_COUNT(&set);
}

static void note(struct zone_pace *p, int64_t took)
{
	for (int i = 0; i < MANY; i++)
		zone_pace_note(p, took);
}

static void nothing_is_known_at_first(void **state)
{
	struct zone_pace p;

	(void)state;
	zone_pace_init(&p);
	assert_int_equal(zone_pace_looks(&p), 0);
	zone_pace_note(&p, BRIEF);
	assert_int_equal(zone_pace_looks(&p), 0);
	zone_pace_end(&p);
}

static void brief_work_is_looked_for_by_as_many_as_have_a_processor(void **state)
{
	enum { PACES = 64 };
	struct zone_pace p[PACES];
	long pairs = sysconf(_SC_NPROCESSORS_ONLN) / 2;

	(void)state;
	if (pairs == 0 || pairs >= PACES)
		skip();
	for (long i = 0; i < pairs; i++) {
		zone_pace_init(&p[i]);
		note(&p[i], BRIEF);
		assert_true(zone_pace_looks(&p[i]) > 0);
	}
	zone_pace_init(&p[pairs]);
	note(&p[pairs], BRIEF);
	assert_int_equal(zone_pace_looks(&p[pairs]), 0);
	assert_int_equal(zone_pace_looks(&p[0]), 0);
	note(&p[pairs], LONG);
	assert_true(zone_pace_looks(&p[0]) > 0);
	for (long i = 0; i <= pairs; i++)
		zone_pace_end(&p[i]);
}

static void work_of_another_kind_is_not_known(void **state)
{
	struct zone_pace p;

	(void)state;
	zone_pace_init(&p);
	note(&p, BRIEF);
	zone_pace_forget(&p);
	assert_int_equal(zone_pace_looks(&p), 0);
	zone_pace_end(&p);
}

static void short_work_is_done_where_its_caller_is(void **state)
{
	struct waiting w;
	struct zone_pace p;
	int all = processors_of(pthread_self());

	(void)state;
	start(&w);
	zone_pace_init(&p);
	zone_pace_place(&p, w.thread);
	assert_int_equal(processors_of(w.thread), all);
	note(&p, SHORT);
	zone_pace_place(&p, w.thread);
	assert_int_equal(processors_of(w.thread), 1);
	note(&p, LONG);
	zone_pace_place(&p, w.thread);
	assert_int_equal(processors_of(w.thread), all);
	zone_pace_end(&p);
	end(&w);
}

static void a_caller_that_may_run_on_few_processors_is_followed(void **state)
{
	struct waiting w;
	struct zone_pace p;
	cpu_set_t all, one;

	(void)state;
	start(&w);
	zone_pace_init(&p);
	note(&p, SHORT);
	zone_pace_place(&p, w.thread);
	pthread_getaffinity_np(pthread_self(), sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	zone_pace_forget(&p);
	zone_pace_place(&p, w.thread);
	assert_int_equal(processors_of(w.thread), 1);
	pthread_setaffinity_np(pthread_self(), sizeof(all), &all);
	zone_pace_end(&p);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_at_first),
		cmocka_unit_test(brief_work_is_looked_for_by_as_many_as_have_a_processor),
		cmocka_unit_test(work_of_another_kind_is_not_known),
		cmocka_unit_test(short_work_is_done_where_its_caller_is),
		cmocka_unit_test(a_caller_that_may_run_on_few_processors_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
