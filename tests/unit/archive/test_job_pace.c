/* How many workers are at it, by how busy the processors are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/job_pace.h"

static struct pace pace_of(size_t now)
{
	return (struct pace){ .workers = 32, .least = 4, .now = now };
}

/* After so many looks at the same, beginning with four. */
static size_t after(unsigned looks, double share, bool is_short)
{
	struct pace p = pace_of(4);

	while (looks-- > 0)
		p.now = pace_next(&p, share, is_short);
	return p.now;
}

static void a_token_that_is_far_away_soon_has_all(void **state)
{
	(void)state;
	assert_int_equal(after(3, 0.05, true), 32);
	assert_int_equal(after(100, 0.05, true), 32);
}

static void near_the_goal_they_become_more_by_little(void **state)
{
	struct pace p = pace_of(8);

	(void)state;
	assert_int_equal(pace_next(&p, 0.7, true), 11);
	assert_int_equal(pace_next(&p, 0.9, true), 8);
}

static void busy_processors_get_no_more_than_they_need(void **state)
{
	struct pace p = pace_of(32);

	(void)state;
	assert_int_equal(pace_next(&p, 1.0, true), 31);
	for (int i = 0; i < 100; i++)
		p.now = pace_next(&p, 1.0, true);
	assert_int_equal(p.now, 4);
}

static void where_nothing_waits_none_is_added(void **state)
{
	(void)state;
	assert_int_equal(after(100, 0.05, false), 4);
}

static void it_begins_with_few_and_never_with_more_than_there_are(void **state)
{
	struct flow f;
	struct pace p;

	(void)state;
	assert_int_equal(flow_init(&f, 8, false), 0);
	pace_begin(&p, &f, 1);
	assert_int_equal(p.now, 1);
	assert_int_equal(f.most, 1);
	pace_begin(&p, &f, 4096);
	assert_in_range(p.now, 2, 4095);
	assert_int_equal(f.most, p.now);
	pace_look(&p);
	assert_in_range(p.now, 2, 4095);
	flow_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_that_is_far_away_soon_has_all),
		cmocka_unit_test(near_the_goal_they_become_more_by_little),
		cmocka_unit_test(busy_processors_get_no_more_than_they_need),
		cmocka_unit_test(where_nothing_waits_none_is_added),
		cmocka_unit_test(it_begins_with_few_and_never_with_more_than_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
