/*
 * Messages for a key that unwraps only: every cipher and size, content keys that are read and such
 * that stay on the token, and what a token may refuse.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_faults.h"
#include "cms/enveloped_build.h"
#include "engine/content_on_token.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIB ((size_t)1024 * 1024)

static const struct making cbc = { "CBC", "AES-256-CBC", NULL, &api_rsa };
static const struct making gcm = { "GCM", "AES-256-GCM", NULL, &api_rsa };

static const struct making makings[] = {
	{ "AES-128-CBC", "AES-128-CBC", NULL, &api_rsa },
	{ "AES-192-CBC", "AES-192-CBC", NULL, &api_rsa },
	{ "AES-256-CBC", "AES-256-CBC", NULL, &api_rsa },
	{ "3DES", "DES-EDE3-CBC", NULL, &api_rsa },
	{ "AES-128-GCM", "AES-128-GCM", NULL, &api_rsa },
	{ "AES-192-GCM", "AES-192-GCM", NULL, &api_rsa },
	{ "AES-256-GCM", "AES-256-GCM", NULL, &api_rsa },
	{ "OAEP, AES-128-CBC", "AES-128-CBC", "SHA1", &api_rsa },
	{ "OAEP, 3DES", "DES-EDE3-CBC", "SHA1", &api_rsa },
	{ "OAEP, AES-256-GCM", "AES-256-GCM", "SHA1", &api_rsa },
};

static int reset(void **state)
{
	(void)state;
	api_proxy->reset();
	return 0;
}

static void opens(hsmime_ctx *ctx, const struct making *m, size_t size)
{
	struct text message = { 0 };
	struct outcome o;

	making_make_sized(&message, m, size);
	api_open(&o, ctx, message.data, message.len);
	if (!is_content_sized(&o, size))
		fail_msg("%s, %zu octets: %d, %zu octets, %s", m->name, size, o.status,
		    o.output.len, o.words.data);
	outcome_clear(&o);
	text_free(&message);
}

static void every_cipher_opens_at_every_size(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 15, 16, 17, 32767, 32768, 32769, 1000000 };
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	for (int sensitive = 0; sensitive < 2; sensitive++) {
		hsmime_ctx_free(ctx);
		ctx = api_ctx();
		api_proxy->unwrap_sensitive(sensitive);
		for (size_t i = 0; i < COUNT(makings) * COUNT(sizes); i++)
			opens(ctx, &makings[i / COUNT(sizes)], sizes[i % COUNT(sizes)]);
	}
	hsmime_ctx_free(ctx);
}

/* SoftHSM grows its memory, and copies it, at each call: a minute under AddressSanitizer. */
static void not_under_a_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
}

static void a_large_message_is_decrypted_on_the_token_in_pieces(void **state)
{
	(void)state;
	not_under_a_sanitizer();
	api_proxy->unwrap_sensitive(1);
	opens(NULL, &cbc, 20 * MIB);
	/* It goes into what may be a pipe, so that it is decrypted twice. */
	assert_in_range(api_proxy->count("C_DecryptUpdate"), 2 * 20 * MIB / (64 * 1024),
	    2 * 20 * MIB / (16 * 1024));
	/* In operations that end now and then: SoftHSM keeps what it was given in one. */
	assert_in_range(api_proxy->count("C_DecryptFinal"), 2 * 20, 2 * 21);
	/* The proof, and the message, with one key. */
	assert_int_equal(api_proxy->count("C_UnwrapKey"), 2);
	api_proxy->reset();
	opens(NULL, &cbc, 20 * MIB);
	assert_int_equal(api_proxy->count("C_DecryptUpdate"), 0);
}

static void open_sized(struct outcome *o, const struct making *m, size_t size, size_t cut)
{
	struct text message = { 0 };

	making_make_sized(&message, m, size);
	api_open(o, NULL, message.data, message.len - cut);
	text_free(&message);
}

static void gcm_on_the_token_has_a_limit_that_is_told(void **state)
{
	struct outcome o;

	(void)state;
	not_under_a_sanitizer();
	api_proxy->unwrap_sensitive(1);
	opens(NULL, &gcm, TOKEN_CONTENT_GCM_MAX);
	open_sized(&o, &gcm, TOKEN_CONTENT_GCM_MAX + 1, 0);
	assert_int_equal(o.status, HSMIME_EUNSUPPORTED);
	assert_int_equal(o.output.len, 0);
	assert_non_null(strstr(o.words.data, "at most 16 MiB of AES-GCM content"));
	assert_int_equal(
	    calls_of(&o, "C_Decrypt"), 5); /* four of the proof, and a look at the key */
	outcome_clear(&o);
	/* The structure is judged first. */
	open_sized(&o, &gcm, TOKEN_CONTENT_GCM_MAX + 1, 1);
	assert_int_equal(o.status, HSMIME_EFORMAT);
	outcome_clear(&o);
	api_proxy->reset();
	opens(NULL, &gcm, TOKEN_CONTENT_GCM_MAX + 1);
}

static void attributes_behind_the_content_are_authenticated_on_the_token(void **state)
{
	struct party to = { api_rsa.key, api_rsa.cert };
	struct building b = { .to = &to, .authenticated = true, .attributes = true };
	unsigned char content[MAKING_CONTENT];

	(void)state;
	memset(content, 'x', sizeof(content));
	for (int sensitive = 0; sensitive < 2; sensitive++) {
		struct buffer message;
		struct outcome o;

		api_proxy->unwrap_sensitive(sensitive);
		for (int wrong = 0; wrong < 2; wrong++) {
			b.wrong_aad = wrong != 0;
			build(&message, &b, content, sizeof(content));
			api_open(&o, NULL, message.data, message.len);
			assert_int_equal(o.status, wrong ? HSMIME_EINVALID : 0);
			assert_true(wrong || is_content(&o));
			outcome_clear(&o);
			buffer_free(&message);
		}
	}
}

/* A cut is a malformed message, whatever the key says of it. */
static void a_message_cut_anywhere_is_malformed_and_lets_nothing_out(void **state)
{
	const struct making *kinds[] = { &cbc, &gcm };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		hsmime_ctx *ctx = api_ctx();
		struct text message = { 0 };
		struct outcome o;

		api_proxy->unwrap_sensitive(1);
		making_make_sized(&message, kinds[i], 100);
		for (size_t len = 0; len < message.len; len++) {
			api_open(&o, ctx, message.data, len);
			if (o.status != HSMIME_EFORMAT)
				fail_msg("%s, %zu of %zu octets: %d", kinds[i]->name, len,
				    message.len, o.status);
			outcome_clear(&o);
		}
		opens(ctx, kinds[i], 100);
		hsmime_ctx_free(ctx);
		text_free(&message);
	}
}

static void gcm_with_any_octet_altered_lets_nothing_out(void **state)
{
	hsmime_ctx *ctx = api_ctx();
	struct text message = { 0 };
	struct outcome o;

	(void)state;
	api_proxy->unwrap_sensitive(1);
	making_make_sized(&message, &gcm, 100);
	/* From the encrypted key to the tag: what names recipient and cipher stays. */
	for (size_t at = message.len - 100 - 16 - 2; at < message.len; at++) {
		message.data[at] ^= 0x20;
		api_open(&o, ctx, message.data, message.len);
		assert_true(o.status == HSMIME_EINVALID || o.status == HSMIME_EFORMAT);
		outcome_clear(&o);
		message.data[at] ^= 0x20;
	}
	hsmime_ctx_free(ctx);
	text_free(&message);
}

/* Some refuse CKA_VALUE_LEN, some ask for it; what worked comes first the next time. */
static void the_template_that_the_token_takes_is_found_and_remembered(void **state)
{
	static const enum proxy_length lengths[] = { PROXY_LENGTH_READ_ONLY,
		PROXY_LENGTH_REQUIRED };

	(void)state;
	for (size_t i = 0; i < COUNT(lengths) * 2; i++) {
		hsmime_ctx *ctx = api_ctx();
		unsigned long first;

		api_proxy->reset();
		api_proxy->unwrap_length(lengths[i / 2]);
		api_proxy->unwrap_sensitive(i % 2 != 0);
		opens(ctx, &cbc, 100);
		first = api_proxy->count("C_UnwrapKey");
		assert_int_equal(first, lengths[i / 2] == PROXY_LENGTH_REQUIRED ? 3 : 2);
		opens(ctx, &cbc, 100);
		assert_int_equal(api_proxy->count("C_UnwrapKey"), first + 1);
		/* Another kind is proved with the same template. */
		opens(ctx, &gcm, 100);
		assert_int_equal(api_proxy->count("C_UnwrapKey"), first + 3);
		hsmime_ctx_free(ctx);
	}
}

static void what_the_token_cannot_unwrap_is_named_and_not_the_message_s_fault(void **state)
{
	const struct making sha256 = { "OAEP, SHA-256", "AES-256-GCM", "SHA256", &api_rsa };
	struct outcome good, bad;

	(void)state;
	faulty(&bad, NULL, &sha256, ALTERED_CONTENT);
	assert_int_equal(bad.status, HSMIME_ETOKEN);
	assert_non_null(strstr(bad.words.data, "CKM_RSA_PKCS_OAEP"));
	assert_non_null(strstr(bad.words.data, "unwraps only"));
	open_sized(&good, &sha256, MAKING_CONTENT, 0);
	assert_same_outcome(&bad, &good, "a mechanism that is not there");
	outcome_clear(&good);
	outcome_clear(&bad);
	api_proxy->refuse("C_UnwrapKey", CKR_FUNCTION_NOT_SUPPORTED, 0, 1000);
	open_sized(&good, &cbc, MAKING_CONTENT, 0);
	assert_int_equal(good.status, HSMIME_ETOKEN);
	assert_non_null(strstr(good.words.data, "CKR_FUNCTION_NOT_SUPPORTED"));
	assert_int_equal(calls_of(&good, "C_UnwrapKey"), 1);
	outcome_clear(&good);
}

/* p11-kit's filter lets keys be unwrapped and hides the mechanisms that would use them. */
static void keys_that_are_neither_shown_nor_used_are_told(void **state)
{
	struct outcome o;

	(void)state;
	api_proxy->unwrap_sensitive(1);
	api_proxy->refuse("C_DecryptInit", CKR_MECHANISM_INVALID, 0, 1000);
	open_sized(&o, &cbc, MAKING_CONTENT, 0);
	assert_int_equal(o.status, HSMIME_ETOKEN);
	assert_non_null(strstr(o.words.data, "neither shows the content keys"));
	assert_non_null(strstr(o.words.data, "CKA_DECRYPT"));
	outcome_clear(&o);
}

/* Any answer to GCM's one call but the closed list is a verdict on the message. */
static void every_answer_to_gcm_looks_like_altered_content(void **state)
{
	static const CK_RV verdicts[] = { CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
		CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ARGUMENTS_BAD,
		0x7777 };
	static const CK_RV failures[] = { CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID,
		CKR_DEVICE_MEMORY };
	struct outcome altered, o;

	(void)state;
	api_proxy->unwrap_sensitive(1);
	faulty(&altered, NULL, &gcm, ALTERED_CONTENT);
	assert_int_equal(altered.status, HSMIME_EINVALID);
	/* Of the proof four, a look at the message's key, and then the content. */
	for (size_t i = 0; i < COUNT(verdicts) + COUNT(failures); i++) {
		bool failed = i >= COUNT(verdicts);

		api_proxy->refuse("C_Decrypt", failed ? failures[i - COUNT(verdicts)] : verdicts[i],
		    calls_of(&altered, "C_Decrypt") - 1, 1);
		open_sized(&o, &gcm, MAKING_CONTENT, 0);
		if (failed)
			assert_int_equal(o.status, HSMIME_ETOKEN);
		else
			assert_same_outcome(&altered, &o, "an answer");
		outcome_clear(&o);
	}
	outcome_clear(&altered);
}

/* The token is gone in the middle: nothing leaves, nothing is tried again, and the next one opens. */
static void a_token_lost_in_the_content_is_told_and_the_next_message_opens(void **state)
{
	static const CK_RV codes[] = { CKR_DEVICE_REMOVED, CKR_SESSION_HANDLE_INVALID,
		CKR_GENERAL_ERROR };

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		hsmime_ctx *ctx = api_ctx();
		struct text message = { 0 };
		struct outcome o;

		api_proxy->reset();
		api_proxy->unwrap_sensitive(1);
		making_make_sized(&message, &cbc, MIB);
		api_proxy->refuse("C_DecryptUpdate", codes[i], 3, 1);
		api_open(&o, ctx, message.data, message.len);
		assert_int_equal(o.status, HSMIME_ETOKEN);
		assert_int_equal(calls_of(&o, "C_DecryptUpdate"), 4);
		outcome_clear(&o);
		opens(ctx, &cbc, MIB);
		opens(ctx, &gcm, 100);
		hsmime_ctx_free(ctx);
		text_free(&message);
	}
}

static void one_session_is_enough(void **state)
{
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	api_proxy->unwrap_sensitive(1);
	api_proxy->limit_sessions(1);
	for (int i = 0; i < 3; i++) {
		opens(ctx, &cbc, MIB);
		opens(ctx, &gcm, 100);
	}
	hsmime_ctx_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_cipher_opens_at_every_size, reset),
		cmocka_unit_test_setup(a_large_message_is_decrypted_on_the_token_in_pieces, reset),
		cmocka_unit_test_setup(gcm_on_the_token_has_a_limit_that_is_told, reset),
		cmocka_unit_test_setup(
		    attributes_behind_the_content_are_authenticated_on_the_token, reset),
		cmocka_unit_test_setup(
		    a_message_cut_anywhere_is_malformed_and_lets_nothing_out, reset),
		cmocka_unit_test_setup(gcm_with_any_octet_altered_lets_nothing_out, reset),
		cmocka_unit_test_setup(
		    the_template_that_the_token_takes_is_found_and_remembered, reset),
		cmocka_unit_test_setup(
		    what_the_token_cannot_unwrap_is_named_and_not_the_message_s_fault, reset),
		cmocka_unit_test_setup(keys_that_are_neither_shown_nor_used_are_told, reset),
		cmocka_unit_test_setup(every_answer_to_gcm_looks_like_altered_content, reset),
		cmocka_unit_test_setup(
		    a_token_lost_in_the_content_is_told_and_the_next_message_opens, reset),
		cmocka_unit_test_setup(one_session_is_enough, reset),
	};

	return cmocka_run_group_tests(tests, api_setup_unwrap, api_teardown);
}
