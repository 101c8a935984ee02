#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "engine/pin_cache.h"
#include "engine/slot.h"

#define IDLE 1000 /* seconds that cache keeps a PIN nobody uses */

static const struct token one, other;
static struct pin_cache *cache;
static time_t ahead; /* seconds that the clock, which goes on while the machine sleeps, is ahead */

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock != CLOCK_BOOTTIME)
		return __real_clock_gettime(clock, t);
	*t = (struct timespec){ .tv_sec = 5000 + ahead };
	return 0;
}

static struct secret secret_of(const char *text)
{
	struct secret s;

	assert_int_equal(secret_new(&s, 16), 0);
	memcpy(s.data, text, strlen(text));
	s.len = strlen(text);
	return s;
}

static void keep(struct pin_cache *c, const struct token *t, const char *pin)
{
	struct secret s = secret_of(pin);

	pin_cache_put(c, t, &s);
	secret_free(&s);
}

static bool has(struct pin_cache *c, const struct token *t, const char *pin)
{
	struct secret s;
	bool found = pin_cache_get(&s, c, t);

	if (found) {
		assert_int_equal(s.len, strlen(pin));
		assert_memory_equal(s.data, pin, s.len);
	} else {
		assert_null(s.data);
	}
	secret_free(&s);
	return found;
}

static int begin(void **state)
{
	(void)state;
	cache = pin_cache_new(IDLE);
	return cache != NULL ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	pin_cache_free(cache);
	return 0;
}

static void a_pin_is_kept_for_its_token(void **state)
{
	(void)state;
	assert_false(has(cache, &one, ""));
	keep(cache, &one, "1111");
	assert_true(has(cache, &one, "1111"));
	assert_true(has(cache, &one, "1111"));
	assert_false(has(cache, &other, ""));
	keep(cache, &other, "2222");
	keep(cache, &one, "3333");
	assert_true(has(cache, &one, "3333"));
	assert_true(has(cache, &other, "2222"));
	pin_cache_expire();
	assert_true(has(cache, &one, "3333"));
}

static void one_that_is_forgotten_is_in_no_cache(void **state)
{
	struct pin_cache *second = pin_cache_new(1000);

	(void)state;
	keep(cache, &one, "1111");
	keep(cache, &other, "2222");
	keep(second, &one, "1111");
	pin_cache_forget(&one);
	assert_false(has(cache, &one, ""));
	assert_false(has(second, &one, ""));
	assert_true(has(cache, &other, "2222"));
	pin_cache_free(second);
}

static void what_is_past_its_time_is_gone(void **state)
{
	struct pin_cache *hasty = pin_cache_new(0);

	(void)state;
	keep(hasty, &one, "1111");
	assert_false(has(hasty, &one, ""));
	keep(hasty, &one, "1111");
	pin_cache_expire();
	assert_false(has(hasty, &one, ""));
	pin_cache_free(hasty);
}

static void one_that_nobody_uses_goes_after_its_time(void **state)
{
	(void)state;
	keep(cache, &one, "1111");
	ahead += IDLE - 1;
	pin_cache_expire();
	assert_true(has(cache, &one, "1111"));
	/* It was used: its time begins anew. */
	ahead += IDLE - 1;
	assert_true(has(cache, &one, "1111"));
	ahead += IDLE;
	assert_false(has(cache, &one, ""));
	keep(cache, &one, "1111");
	keep(cache, &other, "2222");
	ahead += IDLE - 1;
	assert_true(has(cache, &other, "2222"));
	ahead++;
	pin_cache_expire();
	assert_false(has(cache, &one, ""));
	assert_true(has(cache, &other, "2222"));
}

static void a_forked_child_has_none(void **state)
{
	int status = 0;
	pid_t child;

	(void)state;
	keep(cache, &one, "1111");
	child = fork();
	if (child == 0) {
		struct secret s;
		bool found = pin_cache_get(&s, cache, &one);

		keep(cache, &one, "4444");
		_exit(found || !has(cache, &one, "4444") ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(has(cache, &one, "1111"));
}

static void without_a_cache_nothing_is_kept(void **state)
{
	(void)state;
	keep(NULL, &one, "1111");
	assert_false(has(NULL, &one, ""));
	pin_cache_free(NULL);
}

/* The last test: from here on this process has a secure heap. */
static void it_is_kept_in_secure_memory_and_as_long_as_it_counts(void **state)
{
	size_t before;

	(void)state;
	assert_int_equal(CRYPTO_secure_malloc_init(16384, 32), 1);
	before = CRYPTO_secure_used();
	keep(cache, &one, "1111");
	assert_true(CRYPTO_secure_used() > before);
	assert_true(has(cache, &one, "1111"));
	pin_cache_forget(&one);
	assert_int_equal(CRYPTO_secure_used(), before);
	keep(cache, &one, "1111");
	keep(cache, &one, "2222");
	ahead += IDLE;
	pin_cache_expire();
	assert_int_equal(CRYPTO_secure_used(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_pin_is_kept_for_its_token),
		TEST(one_that_is_forgotten_is_in_no_cache),
		TEST(what_is_past_its_time_is_gone),
		TEST(one_that_nobody_uses_goes_after_its_time),
		TEST(a_forked_child_has_none),
		TEST(without_a_cache_nothing_is_kept),
		TEST(it_is_kept_in_secure_memory_and_as_long_as_it_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
