/*
 * Why a message can't be decrypted is not seen from outside libhsmime: status,
 * words, octets and calls to the token are the same (RFC 3218, RFC 8551 section 6).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_faults.h"

#define WRAPPED_KEY 40 /* RFC 3394 */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void good_messages_open_with_one_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		struct text message = { 0 };
		struct outcome o;

		making_make(&message, &making_rsa[i]);
		api_open(&o, NULL, message.data, message.len);
		assert_true(is_content(&o));
		assert_int_equal(calls_of(&o, "C_Decrypt"), 1);
		outcome_clear(&o);
		text_free(&message);
	}
}

static void every_fault_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		const struct making *m = &making_rsa[i];
		struct outcome altered, o;
		int refused = 0;

		faulty(&altered, NULL, m, ALTERED_CONTENT);
		assert_int_equal(altered.status, HSMIME_EINVALID);
		assert_int_equal(hsmime_exit_status(altered.status), 1);
		assert_int_equal(calls_of(&altered, "C_Decrypt"), 1);
		for (enum fault fault = WRONG_TYPE; fault < FAULTS; fault++) {
			faulty(&o, NULL, m, fault);
			refused += looks_like(&altered, &o, m, m->name);
			outcome_clear(&o);
		}
		assert_in_range(refused, making_is_cbc(m) ? FAULTS - 5 : FAULTS - 1, FAULTS - 1);
		outcome_clear(&altered);
	}
}

/* What C_Decrypt may answer, outside the closed list of the token's own failures. */
static const CK_RV answers[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
	CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ARGUMENTS_BAD,
	CKR_DATA_INVALID, CKR_DATA_LEN_RANGE, CKR_BUFFER_TOO_SMALL, CKR_FUNCTION_CANCELED,
	CKR_OPERATION_NOT_INITIALIZED, CKR_MECHANISM_INVALID, CKR_KEY_TYPE_INCONSISTENT,
	CKR_FUNCTION_NOT_SUPPORTED, CKR_VENDOR_DEFINED | 7, 0x7777 };

/* The answer takes the place of the right one: the content is whole, and its key stays unknown. */
static void answered(struct outcome *o, const struct text *message, CK_RV rv)
{
	api_proxy->reset();
	api_proxy->refuse("C_Decrypt", rv, 0, 100);
	api_open(o, NULL, message->data, message->len);
	api_proxy->reset();
}

static void every_answer_of_the_token_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_RSA; i++) {
		const struct making *m = &making_rsa[i];
		struct text message = { 0 };
		struct outcome altered, o;
		int refused = 0;

		faulty(&altered, NULL, m, ALTERED_CONTENT);
		for (size_t a = 0; a < COUNT(answers); a++) {
			making_make(&message, m);
			answered(&o, &message, answers[a]);
			assert_int_equal(calls_of(&o, "C_Decrypt"), 1);
			refused += looks_like(&altered, &o, m, m->name);
			outcome_clear(&o);
			text_free(&message);
		}
		assert_in_range(
		    refused, COUNT(answers) - (making_is_cbc(m) ? 4 : 0), COUNT(answers));
		outcome_clear(&altered);
	}
}

/* The closed list: what the token says of itself is no news about the message. */
static void the_token_s_own_failure_is_the_token_s(void **state)
{
	static const CK_RV codes[] = { CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
		CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_MEMORY };
	struct text message = { 0 };

	(void)state;
	making_make(&message, &making_rsa[1]);
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct outcome whole, altered;

		answered(&whole, &message, codes[i]);
		assert_int_equal(hsmime_exit_status(whole.status), 4);
		spoil_content(&message, &making_rsa[1]);
		answered(&altered, &message, codes[i]);
		spoil_content(&message, &making_rsa[1]);
		assert_same_outcome(&whole, &altered, "the token failed");
		outcome_clear(&whole);
		outcome_clear(&altered);
	}
	text_free(&message);
}

static int verify(hsmime_ctx *ctx, hsmime_result **result, hsmime_output *out, void *arg)
{
	hsmime_verify_options options = HSMIME_VERIFY_OPTIONS_INIT;

	options.form = HSMIME_CMS;
	return hsmime_verify(ctx, result, out, arg, &options);
}

static void verify_like(const struct text *a, const struct text *b)
{
	const struct text *messages[] = { a, b };
	struct outcome o[2];

	for (size_t i = 0; i < 2; i++) {
		hsmime_memory memory;
		hsmime_source in;

		memory_source(&in, &memory, messages[i]->data, messages[i]->len);
		api_run(&o[i], NULL, verify, &in);
		assert_int_equal(o[i].status, HSMIME_EINVALID);
		assert_int_equal(calls_of(&o[i], "C_Decrypt"), 1);
	}
	assert_same_outcome(&o[0], &o[1], "verify");
	outcome_clear(&o[0]);
	outcome_clear(&o[1]);
}

static void verify_shows_no_more_than_decrypt(void **state)
{
	(void)state;
	for (size_t i = 1; i < MAKING_RSA; i += 2) {
		struct text altered = { 0 }, spoiled = { 0 };

		making_make(&altered, &making_rsa[i]);
		making_make(&spoiled, &making_rsa[i]);
		spoil_content(&altered, &making_rsa[i]);
		spoil(&spoiled, &making_rsa[i], NO_SEPARATOR);
		verify_like(&altered, &spoiled);
		text_free(&altered);
		text_free(&spoiled);
	}
}

/* One bad message leaves no trace in how the next one is decrypted. */
static void what_follows_a_bad_message_is_the_same(void **state)
{
	struct text good = { 0 };
	struct outcome first, next;

	(void)state;
	making_make(&good, &making_rsa[1]);
	for (enum fault fault = ALTERED_CONTENT; fault < FAULTS; fault++) {
		hsmime_ctx *ctx = api_ctx();
		struct text bad = { 0 };

		making_make(&bad, &making_rsa[1]);
		spoil(&bad, &making_rsa[1], fault);
		api_open(&next, ctx, bad.data, bad.len);
		assert_int_equal(next.status, HSMIME_EINVALID);
		outcome_clear(&next);
		api_open(&next, ctx, good.data, good.len);
		assert_int_equal(next.status, 0);
		if (fault == ALTERED_CONTENT)
			first = next;
		assert_same_outcome(&first, &next, "after a bad message");
		if (fault != ALTERED_CONTENT)
			outcome_clear(&next);
		hsmime_ctx_free(ctx);
		text_free(&bad);
	}
	outcome_clear(&first);
	text_free(&good);
}

/*
 * The wrapped content key of an EC recipient: the last 40 octets before EncryptedContentInfo, whose header has 2 to 6
 * and which begins with id-data. Two octets alone would now and then be found in random ones before it.
 */
static unsigned char *wrapped_key(const struct text *message)
{
	static const char data[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
	unsigned char *type = octets_behind(message, data, sizeof(data) - 1) - (sizeof(data) - 1);

	for (int header = 2; header <= 6; header++) {
		unsigned char *key = type - header - 40;

		if (key[-2] == 0x04 && key[-1] == 40 && key[40] == 0x30)
			return key;
	}
	fail();
	return NULL;
}

static void a_wrong_wrap_looks_like_altered_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAKING_EC; i++) {
		struct text message = { 0 };
		struct outcome altered, o;

		making_make(&message, &making_ec[i]);
		spoil_content(&message, &making_ec[i]);
		api_open(&altered, NULL, message.data, message.len);
		assert_int_equal(altered.status, HSMIME_EINVALID);
		assert_int_equal(calls_of(&altered, "C_DeriveKey"), 1);
		spoil_content(&message, &making_ec[i]);
		for (size_t at = 0; at < WRAPPED_KEY; at++) {
			wrapped_key(&message)[at] ^= 0x10;
			api_open(&o, NULL, message.data, message.len);
			assert_same_outcome(&altered, &o, making_ec[i].name);
			outcome_clear(&o);
			wrapped_key(&message)[at] ^= 0x10;
		}
		outcome_clear(&altered);
		text_free(&message);
	}
}

/* A point of the same curve that is not the sender's: the token agrees on another key. */
static void another_ephemeral_key_looks_like_altered_content(void **state)
{
	struct text message = { 0 }, other = { 0 };
	struct outcome altered, o;
	unsigned char *point;

	(void)state;
	making_make(&message, &making_ec[1]);
	making_make(&other, &making_ec[1]);
	spoil_content(&message, &making_ec[1]);
	api_open(&altered, NULL, message.data, message.len);
	spoil_content(&message, &making_ec[1]);
	point = octets_behind(&message, "\x03\x42\x00\x04", 4);
	memcpy(point, octets_behind(&other, "\x03\x42\x00\x04", 4), 64);
	api_open(&o, NULL, message.data, message.len);
	assert_same_outcome(&altered, &o, "another point");
	outcome_clear(&o);
	/* What is no point of the curve is refused before the token sees it. */
	point[63] ^= 1;
	api_open(&o, NULL, message.data, message.len);
	assert_int_equal(o.status, HSMIME_EINVALID);
	assert_string_equal(o.words.data, altered.words.data);
	assert_int_equal(calls_of(&o, "C_DeriveKey"), 0);
	outcome_clear(&o);
	outcome_clear(&altered);
	text_free(&message);
	text_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_messages_open_with_one_call),
		cmocka_unit_test(every_fault_looks_like_altered_content),
		cmocka_unit_test(every_answer_of_the_token_looks_like_altered_content),
		cmocka_unit_test(the_token_s_own_failure_is_the_token_s),
		cmocka_unit_test(verify_shows_no_more_than_decrypt),
		cmocka_unit_test(what_follows_a_bad_message_is_the_same),
		cmocka_unit_test(a_wrong_wrap_looks_like_altered_content),
		cmocka_unit_test(another_ephemeral_key_looks_like_altered_content),
	};

	return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
