/* Content that a token decrypts with a key that stays there, and what becomes of its session. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>

#include "engine/key.h"
#include "engine/watch.h"
#include "unwrap_rig.h"
#include "util/buffer.h"
#include "util/sink.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PIECE ((size_t)32 * 1024) /* that the token is given at a time */
#define LIMIT 200                 /* milliseconds */

static struct buffer plain;
static hsmime_sink sink;
static unsigned char encrypted[2 * PIECE];

static int set_up(void **state)
{
	int r = unwrap_rig_set_up(state);

	unwrap_rig_encrypt(encrypted, 'x', sizeof(encrypted));
	return r;
}

static int begin(void **state)
{
	buffer_init(&plain, 4 * PIECE);
	sink_buffer(&sink, &plain);
	return unwrap_rig_begin(state);
}

static int end(void **state)
{
	buffer_free(&plain);
	return unwrap_rig_end(state);
}

/* Somebody else with a key of this token meets a session that is lost. */
static void lose_sessions(void)
{
	struct token_decrypt q = unwrap_rig_request();
	unsigned char out[256];
	size_t len = sizeof(out);

	unwrap_rig.proxy->refuse("C_UnwrapKey", CKR_SESSION_HANDLE_INVALID, 0, 1);
	(void)token_key_decrypt(unwrap_rig.key, out, &len, &q, &unwrap_rig.err);
}

static void in_a_session_of_before_no_content_is_decrypted(void **state)
{
	static const struct token_content_end nothing = { NULL, NULL, 0 };
	static const char *const functions[] = { "C_DecryptUpdate", "C_DecryptFinal" };

	(void)state;
	for (size_t i = 0; i < COUNT(functions); i++) {
		struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_CBC);
		unsigned long before;

		assert_int_equal(unwrap_rig_content(c, &sink, &unwrap_rig.err), 0);
		assert_int_equal(token_content_update(c, encrypted, PIECE, &unwrap_rig.err), 0);
		lose_sessions();
		before = unwrap_rig.proxy->count(functions[i]);
		if (i == 0)
			assert_int_equal(
			    token_content_update(c, encrypted + PIECE, PIECE, &unwrap_rig.err),
			    HSMIME_ETOKEN);
		else
			assert_int_equal(
			    token_content_finish(c, &nothing, &unwrap_rig.err), HSMIME_ETOKEN);
		assert_non_null(strstr(unwrap_rig.err.message, "closed the session"));
		assert_int_equal(unwrap_rig.proxy->count(functions[i]), before);
		token_content_free(c);
		assert_int_equal(unwrap_rig_operate(), 0);
	}
}

static void a_session_in_which_content_failed_is_closed(void **state)
{
	struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_CBC);
	unsigned long closed = unwrap_rig.proxy->count("C_CloseSession");

	(void)state;
	assert_int_equal(unwrap_rig_content(c, &sink, &unwrap_rig.err), 0);
	unwrap_rig.proxy->refuse("C_DecryptUpdate", CKR_GENERAL_ERROR, 0, 1);
	assert_int_equal(token_content_update(c, encrypted, PIECE, &unwrap_rig.err), HSMIME_ETOKEN);
	token_content_free(c);
	assert_int_equal(unwrap_rig.proxy->count("C_CloseSession"), closed + 1);
	/* The operation that was active there is nobody's. */
	assert_int_equal(unwrap_rig_operate(), 0);
	assert_int_equal(unwrap_rig.proxy->count("C_CloseSession"), closed + 1);
}

/* GCM content under a tag that does not fit it. */
static int forged(struct token_content_key *c)
{
	static const unsigned char zeros[16];
	const struct token_content_params p = { zeros, 12, sizeof(zeros) };
	const struct token_content_end tag = { zeros, NULL, 0 };
	int r = token_content_begin(c, &p, &sink, &unwrap_rig.err);

	if (r == 0)
		r = token_content_update(c, encrypted, 100, &unwrap_rig.err);
	return r == 0 ? token_content_finish(c, &tag, &unwrap_rig.err) : r;
}

static void a_verdict_leaves_the_session_as_a_success_does(void **state)
{
	struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_GCM);
	unsigned long closed = unwrap_rig.proxy->count("C_CloseSession");

	(void)state;
	assert_int_equal(forged(c), HSMIME_EINVALID);
	token_content_free(c);
	assert_int_equal(unwrap_rig.proxy->count("C_CloseSession"), closed);
}

/* tpm2-pkcs11: a failed operation stays active, which is no news about the next message. */
static void an_operation_that_a_verdict_left_active_spoils_no_other_message(void **state)
{
	struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_GCM);

	(void)state;
	assert_int_equal(unwrap_rig_operate(), 0);
	unwrap_rig.proxy->keep_failed(1);
	unwrap_rig.proxy->refuse("C_Decrypt", CKR_ENCRYPTED_DATA_INVALID, 0, 1);
	assert_int_equal(forged(c), HSMIME_EINVALID);
	token_content_free(c);
	assert_int_equal(unwrap_rig_operate(), 0);
}

static void a_key_that_is_not_used_leaves_nothing_behind(void **state)
{
	struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_CBC);
	unsigned long sessions = unwrap_rig.proxy->sessions();
	unsigned references = atomic_load(&unwrap_rig.key->references);

	(void)state;
	token_content_free(c);
	assert_int_equal(atomic_load(&unwrap_rig.key->references), references - 1);
	assert_int_equal(unwrap_rig.proxy->sessions(), sessions);
	assert_int_equal(operate_secret_keys("Unwraps"), 0);
	assert_int_equal(unwrap_rig_operate(), 0);
	assert_int_equal(unwrap_rig.proxy->sessions(), sessions);
}

static void let_return(void)
{
	unwrap_rig.proxy->release();
	while (watch_hanging() > 0)
		sched_yield();
}

static void where_another_s_call_hangs_a_key_is_freed_all_the_same(void **state)
{
	struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_CBC);
	unsigned references = atomic_load(&unwrap_rig.key->references);

	(void)state;
	engine_set_call_limit(unwrap_rig.e, LIMIT);
	unwrap_rig.proxy->hang("C_UnwrapKey", 0);
	assert_int_equal(unwrap_rig_operate(), HSMIME_ETOKEN);
	assert_int_equal(unwrap_rig_content(c, &sink, &unwrap_rig.err), HSMIME_ETOKEN);
	references = atomic_load(&unwrap_rig.key->references);
	token_content_free(c);
	assert_int_equal(atomic_load(&unwrap_rig.key->references), references - 1);
	let_return();
}

static void while_a_call_hangs_its_memory_is_left_alone(void **state)
{
	struct token_content_key *c = unwrap_rig_stays(TOKEN_CONTENT_AES_GCM);
	static const unsigned char zeros[16];
	const struct token_content_params p = { zeros, 12, sizeof(zeros) };
	const struct token_content_end tag = { zeros, NULL, 0 };

	(void)state;
	engine_set_call_limit(unwrap_rig.e, LIMIT);
	unwrap_rig.proxy->hang("C_Decrypt", 0);
	assert_int_equal(forged(c), HSMIME_ETOKEN);
	assert_int_equal(token_content_update(c, encrypted, 100, &unwrap_rig.err), HSMIME_ETOKEN);
	assert_non_null(strstr(unwrap_rig.err.message, "is stuck"));
	assert_int_equal(token_content_finish(c, &tag, &unwrap_rig.err), HSMIME_ETOKEN);
	assert_int_equal(token_content_begin(c, &p, &sink, &unwrap_rig.err), HSMIME_ETOKEN);
	token_content_free(c);
	let_return();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    in_a_session_of_before_no_content_is_decrypted, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_session_in_which_content_failed_is_closed, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_verdict_leaves_the_session_as_a_success_does, begin, end),
		cmocka_unit_test_setup_teardown(
		    an_operation_that_a_verdict_left_active_spoils_no_other_message, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_key_that_is_not_used_leaves_nothing_behind, begin, end),
		cmocka_unit_test_setup_teardown(
		    where_another_s_call_hangs_a_key_is_freed_all_the_same, begin, end),
		cmocka_unit_test_setup_teardown(
		    while_a_call_hangs_its_memory_is_left_alone, begin, end),
	};

	return cmocka_run_group_tests(tests, set_up, unwrap_rig_tear_down);
}
