/* Slots that hang when they are asked for their tokens: nobody else is kept from the others. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/key.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "engine/watch.h"
#include "hang_rig.h"

#define SLOTS 3 /* with SoftHSM's blank one */

struct listing {
	hsmime_token *tokens;
	size_t count;
	size_t stuck;
};

static int run_list(void *arg)
{
	struct listing *l = arg;

	return engine_tokens(&l->tokens, &l->count, hang_rig.e, &hang_rig.err);
}

static void lists(size_t count, size_t stuck)
{
	struct listing l = { 0 };

	assert_int_equal(engine_run(hang_rig.e, run_list, &l, &hang_rig.err), 0);
	for (size_t i = 0; i < l.count; i++)
		l.stuck += (l.tokens[i].flags & HSMIME_TOKEN_STUCK) != 0;
	if (l.count != count || l.stuck != stuck)
		fail_msg("%zu of %zu tokens are stuck", l.stuck, l.count);
	engine_tokens_free(l.tokens, l.count);
}

static int try_key(const char *uri)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, hang_rig.e, uri, ENGINE_SIGN, &hang_rig.err);

	if (r == 0)
		r = operate_sign(found.key, &hang_rig.err);
	engine_found_free(&found);
	return r;
}

static void one_that_hangs_at_the_start_keeps_nobody_from_the_others(void **state)
{
	size_t good = 0;

	(void)state;
	for (unsigned long hung = 0; hung < SLOTS; hung++) {
		unsigned long asked;

		hang_rig.proxy->hang("C_GetTokenInfo", hung);
		hang_rig.e = hang_rig_engine(PROXY_MODULE, HANG_LIMIT);
		lists(SLOTS, 1);
		asked = hang_rig.proxy->count("C_GetTokenInfo");
		lists(SLOTS, 1);
		assert_int_equal(hang_rig.proxy->count("C_GetTokenInfo") - asked, SLOTS - 1);
		assert_int_equal(watch_hanging(), 1);
		good += (size_t)(try_key(HANG_ALPHA) == 0) + (size_t)(try_key(HANG_BETA) == 0);
		hang_rig_release();
		lists(SLOTS, 0);
		assert_int_equal(try_key(HANG_ALPHA), 0);
		assert_int_equal(try_key(HANG_BETA), 0);
		hang_rig_close();
		hang_rig.proxy->reset();
	}
	/* Each of them was the one that hung, once; and the blank one. */
	assert_int_equal(good, 4);
}

static void a_known_one_that_hangs_is_listed_as_stuck_with_the_others_at_once(void **state)
{
	(void)state;
	hang_rig_open();
	lists(SLOTS, 0);
	for (unsigned long hung = 0; hung < SLOTS; hung++) {
		hang_rig.proxy->hang("C_GetTokenInfo", hung);
		lists(SLOTS, 1);
		lists(SLOTS, 1);
		assert_int_equal(watch_hanging(), 1);
		assert_true(operate_sign(hang_rig.alpha, &hang_rig.err) == 0 ||
			    operate_sign(hang_rig.beta, &hang_rig.err) == 0);
		hang_rig_release();
		lists(SLOTS, 0);
	}
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), 0);
}

static void so_is_one_that_does_not_say_where_it_is(void **state)
{
	(void)state;
	hang_rig_open();
	hang_rig.proxy->hang("C_GetSlotInfo", 0);
	lists(SLOTS, 1);
	lists(SLOTS, 1);
	hang_rig_release();
	lists(SLOTS, 0);
}

static void where_that_leaves_none_the_listing_says_why(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = HANG_LIMIT };
	struct error err = { 0 };

	(void)state;
	hang_rig.proxy->hang("C_GetTokenInfo", 0);
	hang_rig.proxy->refuse("C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, 0, 2 * (SLOTS - 1));
	assert_int_equal(engine_new(&hang_rig.e, &options, &err), HSMIME_ETOKEN);
	hang_rig_says(&err, "does not answer (C_GetTokenInfo has not returned)");
	assert_int_equal(engine_new(&hang_rig.e, &options, &err), HSMIME_ETOKEN);
	hang_rig_says(&err, "the token in slot ");
	hang_rig_release();
	hang_rig.proxy->reset();
	hang_rig_open();
	lists(SLOTS, 0);
}

static void a_module_that_cant_lock_hangs_as_a_whole(void **state)
{
	struct engine_options options = { .module = PROXY_MODULE, .call_limit = HANG_LIMIT };

	(void)state;
	hang_rig.proxy->cant_lock(1);
	hang_rig.proxy->hang("C_GetTokenInfo", 1);
	assert_int_equal(engine_new(&hang_rig.e, &options, &hang_rig.err), HSMIME_ETOKEN);
	assert_int_equal(engine_new(&hang_rig.e, &options, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "the PKCS#11 module is stuck");
	hang_rig_release();
	hang_rig_open();
	lists(SLOTS, 0);
	assert_int_equal(hang_rig.proxy->overlaps(), 0);
}

static void one_that_is_looked_for_is_not_stuck_where_another_hangs(void **state)
{
	struct token *alpha, *beta;

	(void)state;
	hang_rig_open();
	alpha = hang_rig.alpha->token;
	beta = hang_rig.beta->token;
	hang_rig.proxy->lose("Alpha");
	hang_rig.proxy->hang("C_GetTokenInfo", 1); /* the first one asks Alpha's own slot */
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "token \"Alpha\" is gone");
	assert_int_equal(watch_hanging(), 1);
	assert_int_equal(alpha->stuck, 0);
	assert_int_equal(alpha->module->stuck, 0);
	hang_rig.proxy->bring_back();
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	hang_rig_release();
	assert_int_equal(beta->stuck, 0);
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), 0);
}

static void who_looks_for_one_does_not_ask_another_that_is_stuck(void **state)
{
	unsigned long asked;

	(void)state;
	hang_rig_open();
	hang_rig.proxy->hang("C_Sign", 0);
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig.proxy->lose("Alpha");
	asked = hang_rig.proxy->count("C_GetTokenInfo");
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	/* Its own slot, then all but Beta's; the proxy hides the slot of a token that is gone or not. */
	assert_true(hang_rig.proxy->count("C_GetTokenInfo") - asked <= SLOTS);
	assert_int_equal(hang_rig.beta->token->stuck, 1);
	hang_rig.proxy->bring_back();
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
	hang_rig_release();
	assert_int_equal(operate_sign(hang_rig.beta, &hang_rig.err), 0);
}

static void what_is_for_all_slots_is_the_modules(void **state)
{
	(void)state;
	hang_rig_open();
	hang_rig.proxy->lose("Alpha");
	hang_rig.proxy->bring_back();
	hang_rig.proxy->hang("C_GetSlotList", 0);
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), HSMIME_ETOKEN);
	hang_rig_says(&hang_rig.err, "does not answer (C_GetSlotList has not returned)");
	assert_int_equal(hang_rig.alpha->token->stuck, 0);
	assert_int_equal(hang_rig.alpha->token->module->stuck, 1);
	hang_rig_release();
	assert_int_equal(operate_sign(hang_rig.alpha, &hang_rig.err), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, hang_rig_begin, hang_rig_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_hangs_at_the_start_keeps_nobody_from_the_others),
		TEST(a_known_one_that_hangs_is_listed_as_stuck_with_the_others_at_once),
		TEST(so_is_one_that_does_not_say_where_it_is),
		TEST(where_that_leaves_none_the_listing_says_why),
		TEST(a_module_that_cant_lock_hangs_as_a_whole),
		TEST(one_that_is_looked_for_is_not_stuck_where_another_hangs),
		TEST(who_looks_for_one_does_not_ask_another_that_is_stuck),
		TEST(what_is_for_all_slots_is_the_modules),
	};

	return cmocka_run_group_tests(tests, hang_rig_set_up, hang_rig_tear_down);
}
