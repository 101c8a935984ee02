/* engine/log.h */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "engine/log.h"

struct heard {
	char text[600];
	int count;
	int level;
};

static void hear(void *arg, int level, const char *message)
{
	struct heard *h = arg;

	h->count++;
	h->level = level;
	snprintf(h->text, sizeof(h->text), "%s", message);
}

static void a_message_goes_to_the_last_target_and_the_one_before_comes_back(void **state)
{
	struct heard first = { .count = 0 }, second = { .count = 0 };
	struct log_target before;

	(void)state;
	log_say(0, "nobody listens");
	log_to((struct log_target){ hear, &first });
	log_say(1, "%s %d", "message", 1);
	assert_string_equal(first.text, "message 1");
	assert_int_equal(first.level, 1);
	before = log_to((struct log_target){ hear, &second });
	assert_ptr_equal(before.arg, &first);
	log_say(0, "message 2");
	log_to(before);
	log_say(0, "message 3");
	assert_int_equal(first.count, 2);
	assert_int_equal(second.count, 1);
	log_to((struct log_target){ NULL, NULL });
}

static void what_is_printed_on_a_token_can_not_steer_a_terminal(void **state)
{
	struct heard h = { .count = 0 };
	char serial[600];

	(void)state;
	log_to((struct log_target){ hear, &h });
	log_say(1, "serial number %s", "\x1b[2J\n\xc2\x9b\x7f");
	assert_string_equal(h.text, "serial number ?[2J????");
	memset(serial, 'a', sizeof(serial) - 1);
	serial[sizeof(serial) - 1] = '\0';
	log_say(1, "%s", serial);
	assert_int_equal(strlen(h.text), 511);
	log_to((struct log_target){ NULL, NULL });
}

static void *say(void *arg)
{
	log_say(0, "from another thread");
	return arg;
}

static void another_thread_has_its_own(void **state)
{
	struct heard h = { .count = 0 };
	pthread_t thread;

	(void)state;
	log_to((struct log_target){ hear, &h });
	assert_int_equal(pthread_create(&thread, NULL, say, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(h.count, 0);
	log_to((struct log_target){ NULL, NULL });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_to_the_last_target_and_the_one_before_comes_back),
		cmocka_unit_test(what_is_printed_on_a_token_can_not_steer_a_terminal),
		cmocka_unit_test(another_thread_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
