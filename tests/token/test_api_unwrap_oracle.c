/*
 * With a key that unwraps only, whether the content key can be read or stays on the token: why a
 * message can't be decrypted is not seen from outside libhsmime, nor in the calls to the token.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_faults.h"

#define MAKINGS 4 /* SoftHSM unwraps by PKCS#1 v1.5 and by OAEP with SHA-1 */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* How the token is: what it unwraps can be read or not, and it takes keys by their octets or not. */
struct way {
	const char *name;
	int sensitive;
	int takes_no_keys;
};

static const struct way ways[] = {
	{ "read", 0, 0 },
	{ "read, no key put there", 0, 1 },
	{ "stays", 1, 0 },
	{ "stays, no key put there", 1, 1 },
};

static void be(const struct way *way)
{
	api_proxy->reset();
	api_proxy->unwrap_sensitive(way->sensitive);
	if (way->takes_no_keys)
		api_proxy->refuse("C_CreateObject", CKR_ACTION_PROHIBITED, 0, 1000000);
}

/* Of the proof, which is our own key alone; then one for each message, and its substitute's. */
static unsigned long unwraps(const struct way *way, unsigned long messages)
{
	return 1 + messages * (way->takes_no_keys ? 2 : 1);
}

static void a_good_message_opens_with_one_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ways) * MAKINGS; i++) {
		const struct way *way = &ways[i / MAKINGS];
		hsmime_ctx *ctx = api_ctx();
		struct text message = { 0 };
		struct outcome o;

		be(way);
		making_make(&message, &making_rsa[i % MAKINGS]);
		api_open(&o, ctx, message.data, message.len);
		if (!is_content(&o))
			fail_msg(
			    "%s, %s: %s", way->name, making_rsa[i % MAKINGS].name, o.words.data);
		assert_int_equal(calls_of(&o, "C_UnwrapKey"), unwraps(way, 1));
		outcome_clear(&o);
		api_open(&o, ctx, message.data, message.len);
		assert_true(is_content(&o));
		assert_int_equal(calls_of(&o, "C_UnwrapKey"), unwraps(way, 1) - 1);
		assert_int_equal(calls_of(&o, "C_DestroyObject"), 2);
		assert_int_equal(calls_of(&o, "C_OpenSession"), 0);
		outcome_clear(&o);
		hsmime_ctx_free(ctx);
		text_free(&message);
	}
}

static void every_fault(const struct way *way, const struct making *m)
{
	struct outcome altered, o;
	int refused = 0;

	be(way);
	faulty(&altered, NULL, m, ALTERED_CONTENT);
	assert_int_equal(altered.status, HSMIME_EINVALID);
	assert_int_equal(hsmime_exit_status(altered.status), 1);
	assert_int_equal(calls_of(&altered, "C_UnwrapKey"), unwraps(way, 1));
	for (enum fault fault = WRONG_TYPE; fault < FAULTS; fault++) {
		be(way);
		faulty(&o, NULL, m, fault);
		refused += looks_like(&altered, &o, m, way->name);
		outcome_clear(&o);
	}
	assert_in_range(refused, making_is_cbc(m) ? FAULTS - 5 : FAULTS - 1, FAULTS - 1);
	outcome_clear(&altered);
}

static void every_fault_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ways) * MAKINGS; i++)
		every_fault(&ways[i / MAKINGS], &making_rsa[i % MAKINGS]);
}

/* What C_UnwrapKey may answer, outside the closed list of the token's own failures. */
static const CK_RV answers[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
	CKR_ENCRYPTED_DATA_INVALID, CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE,
	CKR_ARGUMENTS_BAD, CKR_DATA_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_READ_ONLY,
	CKR_MECHANISM_INVALID, CKR_KEY_SIZE_RANGE, CKR_FUNCTION_NOT_SUPPORTED,
	CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_VENDOR_DEFINED | 7, 0x7777 };

/* The answer takes the place of the right one; the proof came before. */
static void answered(struct outcome *o, const struct way *way, const struct text *message, CK_RV rv)
{
	be(way);
	api_proxy->refuse("C_UnwrapKey", rv, 1, 100);
	api_open(o, NULL, message->data, message->len);
}

static void every_answer(const struct way *way, const struct making *m)
{
	struct text message = { 0 };
	struct outcome altered, o;
	int refused = 0;

	be(way);
	faulty(&altered, NULL, m, ALTERED_CONTENT);
	for (size_t a = 0; a < COUNT(answers); a++) {
		making_make(&message, m);
		answered(&o, way, &message, answers[a]);
		assert_int_equal(calls_of(&o, "C_UnwrapKey"), 2);
		refused += looks_like(&altered, &o, m, way->name);
		outcome_clear(&o);
		text_free(&message);
	}
	assert_in_range(refused, COUNT(answers) - (making_is_cbc(m) ? 4 : 0), COUNT(answers));
	outcome_clear(&altered);
}

static void every_answer_of_the_token_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ways) * MAKINGS; i++)
		if (!ways[i / MAKINGS].takes_no_keys)
			every_answer(&ways[i / MAKINGS], &making_rsa[i % MAKINGS]);
}

/* The closed list: what the token says of itself is no news about the message. */
static void the_token_s_own_failure_is_the_token_s(void **state)
{
	static const CK_RV codes[] = { CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
		CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_MEMORY, CKR_UNWRAPPING_KEY_HANDLE_INVALID };
	struct text message = { 0 };

	(void)state;
	making_make(&message, &making_rsa[1]);
	for (size_t i = 0; i < COUNT(codes) * COUNT(ways); i++) {
		const struct way *way = &ways[i % COUNT(ways)];
		struct outcome whole, altered;

		answered(&whole, way, &message, codes[i / COUNT(ways)]);
		assert_int_equal(hsmime_exit_status(whole.status), 4);
		spoil_content(&message, &making_rsa[1]);
		answered(&altered, way, &message, codes[i / COUNT(ways)]);
		spoil_content(&message, &making_rsa[1]);
		assert_same_outcome(&whole, &altered, way->name);
		outcome_clear(&whole);
		outcome_clear(&altered);
	}
	text_free(&message);
}

/* The same list, where the token is asked to begin with the content key: good, bad or altered, the message is none the worse for it. */
static void a_failure_at_the_content_key_says_nothing_of_the_message(void **state)
{
	static const CK_RV codes[] = { CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID,
		CKR_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_MEMORY };
	static const enum fault faults[] = { ALTERED_CONTENT, NO_SEPARATOR, KEY_LONG };

	(void)state;
	for (size_t i = 0; i < COUNT(codes) * COUNT(ways); i++) {
		const struct way *way = &ways[i % COUNT(ways)];
		/* Of the proof two, and as many with a key that is put there. */
		unsigned long proof = way->takes_no_keys ? 2 : 4;
		struct text message = { 0 };
		struct outcome whole, o;

		if (!way->sensitive)
			continue;
		making_make(&message, &making_rsa[1]);
		be(way);
		api_proxy->refuse("C_DecryptInit", codes[i / COUNT(ways)], proof, 100);
		api_open(&whole, NULL, message.data, message.len);
		assert_int_equal(hsmime_exit_status(whole.status), 4);
		for (size_t n = 0; n < COUNT(faults); n++) {
			be(way);
			api_proxy->refuse("C_DecryptInit", codes[i / COUNT(ways)], proof, 100);
			faulty(&o, NULL, &making_rsa[1], faults[n]);
			assert_same_outcome(&whole, &o, way->name);
			outcome_clear(&o);
		}
		outcome_clear(&whole);
		text_free(&message);
	}
}

/* The same bad message meets the same substitute each time: it is not random anew. */
static void a_repeated_message_shows_nothing_new(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct text message = { 0 };
		struct outcome first, next;

		making_make(&message, &making_rsa[0]);
		spoil(&message, &making_rsa[0], NO_SEPARATOR);
		be(&ways[i]);
		api_open(&first, NULL, message.data, message.len);
		for (int again = 0; again < 20; again++) {
			be(&ways[i]);
			api_open(&next, NULL, message.data, message.len);
			assert_same_outcome(&first, &next, ways[i].name);
			assert_int_equal(first.output.len, next.output.len);
			outcome_clear(&next);
		}
		outcome_clear(&first);
		text_free(&message);
	}
}

/* One bad message leaves no trace in how the next one is decrypted. */
static void what_follows_a_bad_message_is_the_same(void **state)
{
	struct text good = { 0 };

	(void)state;
	making_make(&good, &making_rsa[1]);
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct outcome first = { 0 }, bad, next;

		for (enum fault fault = ALTERED_CONTENT; fault < FAULTS; fault++) {
			hsmime_ctx *ctx = api_ctx();

			be(&ways[i]);
			faulty(&bad, ctx, &making_rsa[1], fault);
			assert_int_equal(bad.status, HSMIME_EINVALID);
			api_open(&next, ctx, good.data, good.len);
			assert_true(is_content(&next));
			if (fault == ALTERED_CONTENT)
				first = next;
			assert_same_outcome(&first, &next, "after a bad message");
			if (fault != ALTERED_CONTENT)
				outcome_clear(&next);
			outcome_clear(&bad);
			hsmime_ctx_free(ctx);
		}
		outcome_clear(&first);
	}
	text_free(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_message_opens_with_one_call),
		cmocka_unit_test(every_fault_looks_like_altered_content),
		cmocka_unit_test(every_answer_of_the_token_looks_like_altered_content),
		cmocka_unit_test(the_token_s_own_failure_is_the_token_s),
		cmocka_unit_test(a_failure_at_the_content_key_says_nothing_of_the_message),
		cmocka_unit_test(a_repeated_message_shows_nothing_new),
		cmocka_unit_test(what_follows_a_bad_message_is_the_same),
	};

	return cmocka_run_group_tests(tests, api_setup_unwrap, api_teardown);
}
