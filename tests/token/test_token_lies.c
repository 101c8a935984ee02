#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/public_key.h"
#include "token_rig.h"

/*
 * A module that says of what it gave that it is longer, shorter or of no known length: what it
 * says is checked before it is used.
 */
static struct engine *e;
static struct token_key *rsa, *ec, *agree;

static const CK_ULONG lengths[] = { 0, 1, 63, 65, 255, 257, 1024, 65536, INT32_MAX,
	(CK_ULONG)INT32_MAX + 1, UINT32_MAX, (CK_ULONG)UINT32_MAX + 65, ((CK_ULONG)1 << 62),
	CK_UNAVAILABLE_INFORMATION - 1, CK_UNAVAILABLE_INFORMATION };

#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static int set_up(void **state)
{
	token_rig_set_up(state);
	e = operate_engine();
	rsa = operate_key(e, TOKEN_RIG_RSA, ENGINE_DECRYPT);
	ec = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);
	agree = operate_key(e, TOKEN_RIG_EC, ENGINE_DECRYPT);
	return 0;
}

static int tear_down(void **state)
{
	token_key_free(rsa);
	token_key_free(ec);
	token_key_free(agree);
	engine_free(e);
	return token_rig_tear_down(state);
}

static int sign_blindly(struct token_key *k, unsigned char *sig, size_t *len)
{
	static const unsigned char digest[32] = { 1 };
	struct token_sign q = { .digest = "SHA256", .data = digest, .len = 32 };

	q.scheme = token_key_type(k) == TOKEN_KEY_RSA ? TOKEN_SIGN_RSA_PKCS1 : TOKEN_SIGN_ECDSA;
	return token_key_sign(k, sig, len, &q, &token_rig.err);
}

static void a_signature_of_another_length_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTHS; i++) {
		unsigned char sig[512];
		size_t len = sizeof(sig);

		token_rig.proxy->lie("C_Sign", lengths[i], 1);
		assert_int_equal(sign_blindly(ec, sig, &len),
		    lengths[i] == 0 || lengths[i] % 2 != 0 || lengths[i] > 64 ? HSMIME_ETOKEN : 0);
		len = sizeof(sig);
		token_rig.proxy->lie("C_Sign", lengths[i], 1);
		/* A short one has lost leading zeros. */
		assert_int_equal(sign_blindly(rsa, sig, &len),
		    lengths[i] == 0 || lengths[i] > 256 ? HSMIME_ETOKEN : 0);
		assert_int_equal(operate_sign(ec, &token_rig.err), 0);
		assert_int_equal(operate_sign(rsa, &token_rig.err), 0);
	}
}

static void a_plaintext_of_another_length_fails_like_any_other(void **state)
{
	unsigned char data[512], substitute[OPERATE_SECRET];
	size_t len = operate_encrypt(data, rsa);

	(void)state;
	memset(substitute, 0x77, sizeof(substitute));
	for (size_t i = 0; i < LENGTHS; i++) {
		struct token_decrypt q = {
			.scheme = TOKEN_DECRYPT_RSA_PKCS1, .data = data, .len = len
		};
		unsigned char out[256];
		size_t out_len = sizeof(out);

		if (lengths[i] > 256) {
			token_rig.proxy->lie("C_Decrypt", lengths[i], 1);
			assert_int_equal(token_key_decrypt(rsa, out, &out_len, &q, &token_rig.err),
			    HSMIME_EINVALID);
			assert_int_equal(out_len, 0);
		}
		q.substitute = substitute;
		q.substitute_len = sizeof(substitute);
		out_len = sizeof(out);
		token_rig.proxy->lie("C_Decrypt", lengths[i], 1);
		assert_int_equal(token_key_decrypt(rsa, out, &out_len, &q, &token_rig.err), 0);
		assert_int_equal(out_len, sizeof(substitute));
		assert_memory_equal(out, substitute, sizeof(substitute));
	}
}

static void a_raw_plaintext_of_another_length_fails_like_any_other(void **state)
{
	unsigned char data[512];
	size_t len = operate_encrypt(data, rsa);

	(void)state;
	for (size_t i = 0; i < LENGTHS; i++) {
		struct token_decrypt q = { .scheme = TOKEN_DECRYPT_RSA_OAEP,
			.digest = "SHA512",
			.data = data,
			.len = len };
		unsigned char out[256];
		size_t out_len = sizeof(out);

		token_rig.proxy->lie("C_Decrypt", lengths[i], 1);
		assert_int_equal(
		    token_key_decrypt(rsa, out, &out_len, &q, &token_rig.err), HSMIME_EINVALID);
		assert_int_equal(out_len, 0);
	}
}

static void a_shared_secret_of_another_length_is_malformed(void **state)
{
	EVP_PKEY *peer = EVP_EC_gen("P-256");
	unsigned char point[PUBLIC_POINT_MAX], out[66];
	size_t len = sizeof(point), out_len;

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	for (size_t i = 0; i < LENGTHS; i++) {
		if (lengths[i] > 0 && lengths[i] <= 32)
			continue; /* leading zeros left out */
		token_rig.proxy->reset();
		token_rig.proxy->lie("C_GetAttributeValue", lengths[i], 1);
		out_len = sizeof(out);
		assert_int_equal(token_key_derive(agree, out, &out_len, point, len, &token_rig.err),
		    HSMIME_ETOKEN);
		assert_int_equal(out_len, 0);
		assert_non_null(strstr(token_rig.err.message, "malformed"));
		assert_int_equal(token_rig.proxy->count("C_DestroyObject"), 1);
	}
	EVP_PKEY_free(peer);
}

static int find(const char *uri)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, e, uri, ENGINE_SIGN, &token_rig.err);

	engine_found_free(&found);
	return r;
}

static void attributes_of_another_length_are_absent(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTHS; i++)
		for (unsigned long times = 1; times <= 8; times++) {
			int r;

			token_rig.proxy->lie("C_GetAttributeValue", lengths[i], times);
			r = find(TOKEN_RIG_RSA);
			/* Without its type the key is not for signing. */
			assert_int_equal(r, HSMIME_ENOKEY);
			token_rig.proxy->reset();
			assert_int_equal(find(TOKEN_RIG_RSA), 0);
		}
}

static void a_list_is_shown_whatever_the_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTHS; i++) {
		hsmime_key *keys = NULL;
		size_t count = 0;

		token_rig.proxy->lie("C_GetAttributeValue", lengths[i], 100);
		assert_int_equal(
		    engine_keys(&keys, &count, e, "pkcs11:token=Rig", true, &token_rig.err), 0);
		engine_keys_free(keys, count);
		token_rig.proxy->reset();
	}
}

/* The values grow between the question for their size and the reading of them. */
static void sizes_that_grow_hide_the_object_alone(void **state)
{
	hsmime_key *keys = NULL;
	size_t count = 0;

	(void)state;
	static const size_t listed[] = { 0, 1, 2 };

	for (unsigned long skip = 0; skip < 3; skip++) {
		token_rig.proxy->reset();
		token_rig.proxy->refuse("C_GetAttributeValue", CKR_BUFFER_TOO_SMALL, skip, 1000);
		assert_int_equal(
		    engine_keys(&keys, &count, e, "pkcs11:token=Rig", true, &token_rig.err), 0);
		assert_int_equal(count, listed[skip]);
		engine_keys_free(keys, count);
	}
	token_rig.proxy->reset();
	/* Of the five objects one; what else has its ID still shows. */
	token_rig.proxy->refuse("C_GetAttributeValue", CKR_BUFFER_TOO_SMALL, 0, 2);
	assert_int_equal(
	    engine_keys(&keys, &count, e, "pkcs11:token=Rig", true, &token_rig.err), 0);
	assert_int_equal(count, 2);
	engine_keys_free(keys, count);
}

static void more_objects_than_there_was_room_for_are_none(void **state)
{
	static const CK_ULONG counts[] = { 81, 100000, (CK_ULONG)1 << 62, (CK_ULONG)-1 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		hsmime_key *keys = NULL;
		size_t count = 0;

		token_rig.proxy->lie("C_FindObjects", counts[i], 1);
		assert_int_equal(find(TOKEN_RIG_RSA), HSMIME_ENOKEY);
		token_rig.proxy->lie("C_FindObjects", counts[i], 100);
		assert_int_equal(
		    engine_keys(&keys, &count, e, "pkcs11:token=Rig", true, &token_rig.err), 0);
		assert_int_equal(count, 0);
		engine_keys_free(keys, count);
		token_rig.proxy->reset();
	}
}

static void more_slots_than_there_was_room_for_are_asked_for_again_and_then_an_error(void **state)
{
	static const CK_ULONG counts[] = { 257, 100000, (CK_ULONG)1 << 62, (CK_ULONG)-1 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		hsmime_token *tokens = NULL;
		size_t count = 0;

		token_rig.proxy->lie("C_GetSlotList", counts[i], 100);
		assert_int_equal(engine_tokens(&tokens, &count, e, &token_rig.err), HSMIME_ETOKEN);
		assert_int_equal(count, 0);
		token_rig.proxy->lie("C_GetSlotList", counts[i], 1);
		assert_int_equal(engine_tokens(&tokens, &count, e, &token_rig.err), 0);
		assert_true(count > 0);
		engine_tokens_free(tokens, count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_signature_of_another_length_is_malformed, token_rig_begin),
		cmocka_unit_test_setup(
		    a_plaintext_of_another_length_fails_like_any_other, token_rig_begin),
		cmocka_unit_test_setup(
		    a_raw_plaintext_of_another_length_fails_like_any_other, token_rig_begin),
		cmocka_unit_test_setup(
		    a_shared_secret_of_another_length_is_malformed, token_rig_begin),
		cmocka_unit_test_setup(attributes_of_another_length_are_absent, token_rig_begin),
		cmocka_unit_test_setup(a_list_is_shown_whatever_the_lengths, token_rig_begin),
		cmocka_unit_test_setup(sizes_that_grow_hide_the_object_alone, token_rig_begin),
		cmocka_unit_test_setup(
		    more_objects_than_there_was_room_for_are_none, token_rig_begin),
		cmocka_unit_test_setup(
		    more_slots_than_there_was_room_for_are_asked_for_again_and_then_an_error,
		    token_rig_begin),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
