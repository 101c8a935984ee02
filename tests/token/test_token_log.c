/* A log callback may call hsmime again, also where a token grants one session alone. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "engine/log.h"
#include "engine/watch.h"
#include "hang_rig.h"

static struct engine *asked; /* by the callback */
static unsigned told, depth;
static int nested;
static char logged[4096];

/* Signs with Alpha's key meanwhile; what that says in turn is listened to only. */
static void use_the_token(void *arg, int level, const char *message)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };
	size_t len = strlen(logged);

	(void)arg;
	(void)level;
	snprintf(logged + len, sizeof(logged) - len, "%s\n", message);
	if (asked == NULL || depth > 0)
		return;
	depth++;
	told++;
	nested = engine_find_key(&found, asked, HANG_ALPHA, ENGINE_SIGN, &err);
	if (nested == 0)
		nested = operate_sign(found.key, &err);
	engine_found_free(&found);
	depth--;
}

static int begin(void **state)
{
	hang_rig_begin(state);
	asked = NULL;
	told = 0;
	nested = -1;
	logged[0] = '\0';
	log_to((struct log_target){ use_the_token, NULL });
	return 0;
}

static int end(void **state)
{
	log_to((struct log_target){ NULL, NULL });
	return hang_rig_end(state);
}

static void find_and_sign(unsigned call_limit)
{
	struct error err = { 0 };

	hang_rig.proxy->limit_sessions(1);
	hang_rig.e = asked = hang_rig_engine(PROXY_MODULE, call_limit);
	hang_rig.alpha = operate_key(hang_rig.e, HANG_ALPHA, ENGINE_SIGN);
	/* A session that was lost is told of too. */
	hang_rig.proxy->refuse("C_Sign", CKR_SESSION_HANDLE_INVALID, 0, 1);
	assert_int_equal(operate_sign(hang_rig.alpha, &err), 0);
	assert_int_equal(nested, 0);
	assert_true(told >= 3);
	assert_non_null(strstr(logged, "the PIN comes from the environment"));
	assert_non_null(strstr(logged, "looking for private keys"));
	assert_non_null(strstr(logged, "once more after"));
	asked = NULL;
}

static void a_callback_may_use_the_only_session(void **state)
{
	(void)state;
	find_and_sign(20000);
}

static void also_where_calls_have_no_limit(void **state)
{
	(void)state;
	find_and_sign(0);
}

static void what_was_said_before_a_call_was_given_up_is_told_all_the_same(void **state)
{
	struct engine_found found = { 0 };
	struct error err = { 0 };

	(void)state;
	hang_rig.e = hang_rig_engine(PROXY_MODULE, HANG_LIMIT);
	hang_rig.proxy->hang("C_FindObjectsInit", 0);
	assert_int_equal(
	    engine_find_key(&found, hang_rig.e, HANG_ALPHA, ENGINE_SIGN, &err), HSMIME_ETOKEN);
	assert_int_equal(watch_hanging(), 1);
	assert_non_null(strstr(logged, "looking for private keys"));
	hang_rig_release();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_callback_may_use_the_only_session),
		TEST(also_where_calls_have_no_limit),
		TEST(what_was_said_before_a_call_was_given_up_is_told_all_the_same),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
