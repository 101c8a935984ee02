#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/public_key.h"
#include "operate.h"
#include "softtoken.h"

/*
 * A module that says of what it gave that it is longer, shorter or of no known length: what it
 * says is checked before it is used. Token "Lies": RSA 01 (signs, decrypts), EC 02 (signs, agrees).
 */
static struct softtoken st;
static struct engine *e;
static struct token_key *rsa, *ec, *agree;
static struct error err;
static const struct proxy *proxy;

static const CK_ULONG lengths[] = { 0, 1, 63, 65, 255, 257, 1024, 65536, INT32_MAX,
	(CK_ULONG)INT32_MAX + 1, UINT32_MAX, (CK_ULONG)UINT32_MAX + 65, ((CK_ULONG)1 << 62),
	CK_UNAVAILABLE_INFORMATION - 1, CK_UNAVAILABLE_INFORMATION };

#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

static int set_up(void **state)
{
	struct softtoken_cert c = { "Lies", NULL, NULL, -3600, 360000 };
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;

	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Lies");
	key = softtoken_rsa(&st, 1, "rsa", 2048, KEY_SIGN | KEY_DECRYPT);
	cert = softtoken_issue(&st, key, &c);
	softtoken_store(&st, cert, 1, "rsa", true, false);
	X509_free(cert);
	EVP_PKEY_free(key);
	EVP_PKEY_free(softtoken_ec(&st, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE));
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	e = operate_engine();
	rsa = operate_key(e, "pkcs11:token=Lies;id=%01", ENGINE_DECRYPT);
	ec = operate_key(e, "pkcs11:token=Lies;id=%02", ENGINE_SIGN);
	agree = operate_key(e, "pkcs11:token=Lies;id=%02", ENGINE_DECRYPT);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	token_key_free(rsa);
	token_key_free(ec);
	token_key_free(agree);
	engine_free(e);
	softtoken_end(&st);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	proxy->reset();
	memset(&err, 0, sizeof(err));
	return 0;
}

static int sign_blindly(struct token_key *k, unsigned char *sig, size_t *len)
{
	static const unsigned char digest[32] = { 1 };
	struct token_sign q = { .digest = "SHA256", .data = digest, .len = 32 };

	q.scheme = token_key_type(k) == TOKEN_KEY_RSA ? TOKEN_SIGN_RSA_PKCS1 : TOKEN_SIGN_ECDSA;
	return token_key_sign(k, sig, len, &q, &err);
}

static void a_signature_of_another_length_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTHS; i++) {
		unsigned char sig[512];
		size_t len = sizeof(sig);

		proxy->lie("C_Sign", lengths[i], 1);
		assert_int_equal(sign_blindly(ec, sig, &len),
		    lengths[i] == 0 || lengths[i] % 2 != 0 || lengths[i] > 64 ? HSMIME_ETOKEN : 0);
		len = sizeof(sig);
		proxy->lie("C_Sign", lengths[i], 1);
		/* A short one has lost leading zeros. */
		assert_int_equal(sign_blindly(rsa, sig, &len),
		    lengths[i] == 0 || lengths[i] > 256 ? HSMIME_ETOKEN : 0);
		assert_int_equal(operate_sign(ec, &err), 0);
		assert_int_equal(operate_sign(rsa, &err), 0);
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
			proxy->lie("C_Decrypt", lengths[i], 1);
			assert_int_equal(
			    token_key_decrypt(rsa, out, &out_len, &q, &err), HSMIME_EINVALID);
			assert_int_equal(out_len, 0);
		}
		q.substitute = substitute;
		q.substitute_len = sizeof(substitute);
		out_len = sizeof(out);
		proxy->lie("C_Decrypt", lengths[i], 1);
		assert_int_equal(token_key_decrypt(rsa, out, &out_len, &q, &err), 0);
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

		proxy->lie("C_Decrypt", lengths[i], 1);
		assert_int_equal(token_key_decrypt(rsa, out, &out_len, &q, &err), HSMIME_EINVALID);
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
		proxy->reset();
		proxy->lie("C_GetAttributeValue", lengths[i], 1);
		out_len = sizeof(out);
		assert_int_equal(
		    token_key_derive(agree, out, &out_len, point, len, &err), HSMIME_ETOKEN);
		assert_int_equal(out_len, 0);
		assert_non_null(strstr(err.message, "malformed"));
		assert_int_equal(proxy->count("C_DestroyObject"), 1);
	}
	EVP_PKEY_free(peer);
}

static int find(const char *uri)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, e, uri, ENGINE_SIGN, &err);

	engine_found_free(&found);
	return r;
}

static void attributes_of_another_length_are_absent(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTHS; i++)
		for (unsigned long times = 1; times <= 8; times++) {
			int r;

			proxy->lie("C_GetAttributeValue", lengths[i], times);
			r = find("pkcs11:token=Lies;id=%01");
			/* Without its type the key is not for signing. */
			assert_int_equal(r, HSMIME_ENOKEY);
			proxy->reset();
			assert_int_equal(find("pkcs11:token=Lies;id=%01"), 0);
		}
}

static void a_list_is_shown_whatever_the_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTHS; i++) {
		hsmime_key *keys = NULL;
		size_t count = 0;

		proxy->lie("C_GetAttributeValue", lengths[i], 100);
		assert_int_equal(engine_keys(&keys, &count, e, "pkcs11:token=Lies", true, &err), 0);
		engine_keys_free(keys, count);
		proxy->reset();
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
		proxy->reset();
		proxy->refuse("C_GetAttributeValue", CKR_BUFFER_TOO_SMALL, skip, 1000);
		assert_int_equal(engine_keys(&keys, &count, e, "pkcs11:token=Lies", true, &err), 0);
		assert_int_equal(count, listed[skip]);
		engine_keys_free(keys, count);
	}
	proxy->reset();
	/* Of the five objects one; what else has its ID still shows. */
	proxy->refuse("C_GetAttributeValue", CKR_BUFFER_TOO_SMALL, 0, 2);
	assert_int_equal(engine_keys(&keys, &count, e, "pkcs11:token=Lies", true, &err), 0);
	assert_int_equal(count, 2);
	engine_keys_free(keys, count);
}

static void more_objects_than_there_was_room_for_are_none(void **state)
{
	static const CK_ULONG counts[] = { 65, 100000, (CK_ULONG)1 << 62, (CK_ULONG)-1 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		hsmime_key *keys = NULL;
		size_t count = 0;

		proxy->lie("C_FindObjects", counts[i], 1);
		assert_int_equal(find("pkcs11:token=Lies;id=%01"), HSMIME_ENOKEY);
		proxy->lie("C_FindObjects", counts[i], 100);
		assert_int_equal(engine_keys(&keys, &count, e, "pkcs11:token=Lies", true, &err), 0);
		assert_int_equal(count, 0);
		engine_keys_free(keys, count);
		proxy->reset();
	}
}

static void more_slots_than_there_was_room_for_are_an_error(void **state)
{
	static const CK_ULONG counts[] = { 257, 100000, (CK_ULONG)1 << 62, (CK_ULONG)-1 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		hsmime_token *tokens = NULL;
		size_t count = 0;

		proxy->lie("C_GetSlotList", counts[i], 1);
		assert_int_equal(engine_tokens(&tokens, &count, e, &err), HSMIME_ETOKEN);
		assert_int_equal(count, 0);
		assert_int_equal(engine_tokens(&tokens, &count, e, &err), 0);
		assert_true(count > 0);
		engine_tokens_free(tokens, count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_signature_of_another_length_is_malformed, begin),
		cmocka_unit_test_setup(a_plaintext_of_another_length_fails_like_any_other, begin),
		cmocka_unit_test_setup(
		    a_raw_plaintext_of_another_length_fails_like_any_other, begin),
		cmocka_unit_test_setup(a_shared_secret_of_another_length_is_malformed, begin),
		cmocka_unit_test_setup(attributes_of_another_length_are_absent, begin),
		cmocka_unit_test_setup(a_list_is_shown_whatever_the_lengths, begin),
		cmocka_unit_test_setup(sizes_that_grow_hide_the_object_alone, begin),
		cmocka_unit_test_setup(more_objects_than_there_was_room_for_are_none, begin),
		cmocka_unit_test_setup(more_slots_than_there_was_room_for_are_an_error, begin),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
