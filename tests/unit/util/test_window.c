/* util/source.h: the window. */
#include "streams.h"

static struct feed feed;
static hsmime_source source;

static void open_on(struct window *w, const char *text, size_t step, size_t room)
{
	source = feed_open(&feed, text, strlen(text));
	feed.step = step;
	assert_int_equal(window_open(w, &source, room), 0);
}

static void what_is_needed_comes_in_sight_and_stays_until_taken(void **state)
{
	struct window w;

	(void)state;
	for (size_t step = 1; step <= 12; step++) {
		open_on(&w, "0123456789", step, 8);
		assert_true(window_need(&w, 4) >= 4);
		assert_memory_equal(w.data + w.start, "0123", 4);
		assert_int_equal(w.offset, 0);
		window_take(&w, 3);
		assert_int_equal(w.offset, 3);
		assert_int_equal(window_need(&w, 7), 7);
		assert_memory_equal(w.data + w.start, "3456789", 7);
		window_take(&w, 7);
		assert_int_equal(window_need(&w, 1), 0);
		assert_int_equal(w.offset, 10);
		window_close(&w);
	}
}

static void the_end_gives_fewer_than_wanted(void **state)
{
	struct window w;

	(void)state;
	open_on(&w, "abc", 1, 8);
	assert_int_equal(window_need(&w, 8), 3);
	assert_int_equal(window_need(&w, 8), 3);
	window_take(&w, 3);
	assert_int_equal(window_need(&w, 8), 0);
	window_close(&w);
}

static void every_step_through_the_window_sees_the_same_octets(void **state)
{
	unsigned char *data = octets(400);

	(void)state;
	for (size_t take = 1; take <= 16; take++) {
		for (size_t step = 0; step <= 16; step += 3) {
			struct window w;
			struct feed f;
			hsmime_source in = feed_open(&f, data, 400);
			size_t at = 0;
			ptrdiff_t have;

			f.step = step;
			assert_int_equal(window_open(&w, &in, 16), 0);
			while ((have = window_need(&w, take)) > 0) {
				size_t n = (size_t)have < take ? (size_t)have : take;

				assert_true((size_t)have == 400 - at || (size_t)have >= take);
				assert_memory_equal(w.data + w.start, data + at, n);
				window_take(&w, n);
				at += n;
				assert_int_equal(w.offset, at);
			}
			assert_int_equal(at, 400);
			window_close(&w);
		}
	}
	free(data);
}

static void no_more_is_read_than_is_needed(void **state)
{
	struct window w;

	(void)state;
	open_on(&w, "0123456789", 2, 8);
	assert_int_equal(window_need(&w, 3), 4);
	assert_int_equal(feed.reads, 2);
	assert_int_equal(window_need(&w, 4), 4);
	assert_int_equal(feed.reads, 2);
	window_close(&w);
}

static void a_failure_stays_and_what_came_before_it_is_there(void **state)
{
	struct window w;

	(void)state;
	open_on(&w, "0123456789", 2, 8);
	feed.fail_at = 4;
	feed.status = HSMIME_EFORMAT;
	assert_int_equal(window_need(&w, 5), HSMIME_EFORMAT);
	assert_int_equal(window_need(&w, 4), 4);
	assert_memory_equal(w.data + w.start, "0123", 4);
	window_take(&w, 4);
	feed.fail_at = NEVER;
	assert_int_equal(window_need(&w, 1), HSMIME_EFORMAT);
	assert_int_equal(window_need(&w, 1), HSMIME_EFORMAT);
	window_close(&w);
}

static void the_end_is_asked_for_once(void **state)
{
	struct window w;
	unsigned reads;

	(void)state;
	open_on(&w, "a", 0, 8);
	assert_int_equal(window_need(&w, 8), 1);
	reads = feed.reads;
	assert_int_equal(window_need(&w, 8), 1);
	window_take(&w, 1);
	assert_int_equal(window_need(&w, 1), 0);
	assert_int_equal(feed.reads, reads);
	window_close(&w);
}

static void the_rest_is_a_source(void **state)
{
	(void)state;
	for (size_t taken = 0; taken <= 10; taken++) {
		struct window w;
		struct catch c;
		hsmime_sink sink = catch_open(&c);
		hsmime_source rest;
		unsigned char octet;

		open_on(&w, "0123456789", 3, 12);
		assert_true(window_need(&w, taken) >= (ptrdiff_t)taken);
		window_take(&w, taken);
		window_source(&rest, &w);
		assert_null(rest.seek);
		assert_int_equal(rest.size, HSMIME_SIZE_UNKNOWN);
		if (taken < 10) {
			assert_int_equal(rest.read(rest.arg, &octet, 1), 1);
			assert_int_equal(octet, '0' + taken);
			assert_int_equal(w.offset, taken + 1);
		}
		assert_int_equal(source_copy(&sink, &rest), 0);
		if (taken < 10)
			assert_octets(&c.got, &"0123456789"[taken + 1], 9 - taken);
		assert_int_equal(w.offset, 10);
		assert_int_equal(rest.read(rest.arg, &octet, 1), 0);
		catch_close(&c);
		window_close(&w);
	}
}

static void the_rest_fails_as_the_window_does_and_goes_on_failing(void **state)
{
	struct window w;
	hsmime_source rest;
	unsigned char buf[10];

	(void)state;
	open_on(&w, "0123456789", 0, 4);
	feed.fail_at = 6;
	feed.status = HSMIME_ETOKEN;
	assert_int_equal(window_need(&w, 1), 4);
	window_source(&rest, &w);
	assert_int_equal(rest.read(rest.arg, buf, 10), 4);
	assert_int_equal(rest.read(rest.arg, buf, 10), 2);
	assert_int_equal(rest.read(rest.arg, buf, 10), HSMIME_ETOKEN);
	feed.fail_at = NEVER;
	assert_int_equal(rest.read(rest.arg, buf, 10), HSMIME_ETOKEN);
	window_close(&w);
}

static void closing_nothing_is_nothing(void **state)
{
	struct window w = { .data = NULL };

	(void)state;
	window_close(&w);
	window_close(NULL);
	open_on(&w, "x", 0, 4);
	window_close(&w);
	window_close(&w);
	assert_null(w.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_needed_comes_in_sight_and_stays_until_taken),
		cmocka_unit_test(the_end_gives_fewer_than_wanted),
		cmocka_unit_test(every_step_through_the_window_sees_the_same_octets),
		cmocka_unit_test(no_more_is_read_than_is_needed),
		cmocka_unit_test(a_failure_stays_and_what_came_before_it_is_there),
		cmocka_unit_test(the_end_is_asked_for_once),
		cmocka_unit_test(the_rest_is_a_source),
		cmocka_unit_test(the_rest_fails_as_the_window_does_and_goes_on_failing),
		cmocka_unit_test(closing_nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
