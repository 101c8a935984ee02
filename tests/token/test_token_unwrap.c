/* A key that unwraps only: how it is found, what other programs get of it, and what is left on the token. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "engine/probe.h"
#include "engine/watch.h"
#include "operate.h"
#include "softtoken.h"
#include "unwrap_rig.h"

#define THREADS 4
#define ROUNDS 25

static struct softtoken st;
static EVP_PKEY *rsa;
static struct engine *e;
static struct token_key *key;
static struct error err;
static const struct proxy *proxy;

/* Token "Both" has a key of each sort; "Unwraps" one that unwraps, "Picky" two. */
static int set_up(void **state)
{
	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Both");
	EVP_PKEY_free(softtoken_rsa(&st, 1, "decrypts", 2048, KEY_DECRYPT | KEY_UNWRAP));
	EVP_PKEY_free(softtoken_rsa(&st, 2, "unwraps", 2048, KEY_UNWRAP));
	EVP_PKEY_free(softtoken_rsa(&st, 3, "signs", 2048, KEY_SIGN));
	softtoken_add(&st, "Picky");
	EVP_PKEY_free(softtoken_rsa(&st, 1, "unwraps", 2048, KEY_UNWRAP));
	EVP_PKEY_free(softtoken_rsa(&st, 2, "unwraps too", 2048, KEY_UNWRAP));
	softtoken_add(&st, "Unwraps");
	rsa = softtoken_rsa(&st, 1, "unwraps", 2048, KEY_UNWRAP);
	EVP_PKEY_free(softtoken_ec(&st, 2, "ec", "P-256", KEY_UNWRAP));
	softtoken_seal(&st);
	unwrap_rig_encrypt_key(rsa);
	proxy = softtoken_proxy();
	e = operate_engine();
	key = operate_key(e, "pkcs11:token=Unwraps;id=%01", ENGINE_DECRYPT);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	token_key_free(key);
	EVP_PKEY_free(rsa);
	engine_free(e);
	softtoken_end(&st);
	return 0;
}

static int reset(void **state)
{
	(void)state;
	proxy->reset();
	memset(&err, 0, sizeof(err));
	return 0;
}

static void a_key_that_unwraps_fits_to_decrypt_where_none_decrypts(void **state)
{
	struct engine_found found = { 0 };
	struct token_key *k = operate_key(e, "pkcs11:token=Both", ENGINE_DECRYPT);

	(void)state;
	assert_false(token_key_unwraps(k));
	token_key_free(k);
	k = operate_key(e, "pkcs11:token=Both;id=%02", ENGINE_DECRYPT);
	assert_true(token_key_unwraps(k));
	token_key_free(k);
	k = operate_key(e, "pkcs11:token=Unwraps", ENGINE_DECRYPT);
	assert_true(token_key_unwraps(k));
	token_key_free(k);
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:token=Unwraps;id=%01", ENGINE_SIGN, &err),
	    HSMIME_ENOKEY);
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:token=Unwraps;id=%02", ENGINE_DECRYPT, &err),
	    HSMIME_ENOKEY);
	assert_int_equal(
	    engine_find_key(&found, e, "pkcs11:token=Both;id=%03", ENGINE_DECRYPT, &err),
	    HSMIME_ENOKEY);
}

static void other_programs_get_the_octets_where_they_can_be_read(void **state)
{
	struct token_decrypt q = unwrap_rig_request();
	unsigned char out[256];
	size_t len = sizeof(out);

	(void)state;
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_int_equal(len, UNWRAP_KEY);
	assert_memory_equal(out, unwrap_rig.content_key, UNWRAP_KEY);
	q.substitute = unwrap_rig.substitute;
	q.substitute_len = UNWRAP_KEY;
	len = sizeof(out);
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_memory_equal(out, unwrap_rig.content_key, UNWRAP_KEY);
	q.substitute_len = UNWRAP_KEY - 1;
	len = sizeof(out);
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_int_equal(len, UNWRAP_KEY - 1);
	assert_memory_equal(out, unwrap_rig.substitute, UNWRAP_KEY - 1);
}

static void a_wrong_ciphertext_fails_without_a_reason(void **state)
{
	struct token_decrypt q = unwrap_rig_request();
	unsigned char out[256], wrong[256];
	size_t len = sizeof(out);

	(void)state;
	/* SoftHSM over OpenSSL 3.2 and later unwraps it to something. */
	proxy->refuse("C_UnwrapKey", CKR_WRAPPED_KEY_INVALID, 0, 1);
	memset(wrong, 0x11, sizeof(wrong));
	q.data = wrong;
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), HSMIME_EINVALID);
	assert_int_equal(len, 0);
	assert_string_equal(err.message, "decryption failed");
}

static void what_unwrapping_does_not_give_is_told(void **state)
{
	struct token_decrypt q = unwrap_rig_request();
	unsigned char out[256];
	size_t len = sizeof(out);

	(void)state;
	q.scheme = TOKEN_DECRYPT_RSA_RAW;
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), HSMIME_EUNSUPPORTED);
	assert_non_null(strstr(err.message, "unwraps only"));
	assert_int_equal(proxy->count("C_UnwrapKey"), 0);
}

/* With a key of which nothing was proved before. */
static void octets_that_stay_on_the_token_are_told(void **state)
{
	struct token_decrypt q = unwrap_rig_request();
	struct token_key *k = operate_key(e, "pkcs11:token=Both;id=%02", ENGINE_DECRYPT);
	unsigned char out[256];
	size_t len = sizeof(out);

	(void)state;
	proxy->unwrap_sensitive(1);
	assert_int_equal(token_key_decrypt(k, out, &len, &q, &err), HSMIME_ETOKEN);
	assert_int_equal(len, 0);
	assert_non_null(strstr(err.message, "does not show what it unwraps"));
	assert_non_null(strstr(err.hint, "CKA_DECRYPT"));
	token_key_free(k);
}

/* On the token: of octets that were read, 2. */
static int unwrap_and_decrypt(unsigned char value, int times)
{
	struct token_content_key *c = NULL;
	struct error own = { 0 };
	int r = unwrap_rig_unwrap(&c, key, TOKEN_CONTENT_AES_CBC, &own);

	if (r == 0 && c == NULL)
		r = 2;
	for (int i = 0; r == 0 && i < times; i++)
		r = unwrap_rig_decrypt(c, value, &own);
	token_content_free(c);
	return r;
}

static void nothing_is_left_on_the_token(void **state)
{
	struct token_decrypt q = unwrap_rig_request();
	unsigned char out[256];
	size_t len = sizeof(out);

	(void)state;
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_int_equal(operate_secret_keys("Unwraps"), 0);
	proxy->unwrap_sensitive(1);
	assert_int_equal(unwrap_and_decrypt(1, 1), 0);
	assert_int_equal(operate_secret_keys("Unwraps"), 0);
}

static void the_same_content_is_decrypted_as_often_as_is_asked(void **state)
{
	(void)state;
	proxy->unwrap_sensitive(1);
	assert_int_equal(unwrap_and_decrypt(2, 3), 0);
}

static void *work(void *arg)
{
	intptr_t failed = 0;

	for (int i = 0; i < ROUNDS && failed == 0; i++)
		failed = unwrap_and_decrypt((unsigned char)(uintptr_t)arg, 1);
	return (void *)failed;
}

static void threads_do_not_disturb_each_other(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	proxy->unwrap_sensitive(1);
	proxy->limit_sessions(THREADS - 1);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	proxy->limit_sessions(0);
	assert_int_equal(operate_secret_keys("Unwraps"), 0);
}

static void a_key_that_unwraps_is_tried_out_by_unwrapping(void **state)
{
	struct token_key *k = operate_key(e, "pkcs11:token=Both;id=%02", ENGINE_DECRYPT);
	struct token_key *keys[] = { k, key };

	(void)state;
	/* The first can be read, and of the second a test above has seen that it stays. */
	for (int i = 0; i < 2; i++) {
		proxy->reset();
		proxy->unwrap_sensitive(i);
		assert_int_equal(probe_run(keys[i], PROBE_DECRYPT, &err), 0);
		assert_int_equal(proxy->count("C_DecryptUpdate"), i);
		proxy->refuse("C_UnwrapKey", CKR_GENERAL_ERROR, 0, 100);
		assert_int_equal(probe_run(keys[i], PROBE_DECRYPT, &err), HSMIME_ETOKEN);
		assert_non_null(strstr(err.message, "answers wrongly"));
	}
	token_key_free(k);
}

static void a_call_that_hangs_is_given_up_and_its_memory_left_alone(void **state)
{
	static const char *const calls[] = { "C_UnwrapKey", "C_DecryptInit", "C_DecryptUpdate",
		"C_DecryptFinal", "C_DestroyObject" };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct engine *own = operate_engine();
		struct token_key *k, *before = key;

		proxy->reset();
		proxy->unwrap_sensitive(1);
		k = operate_key(own, "pkcs11:token=Unwraps;id=%01", ENGINE_DECRYPT);
		key = k;
		engine_set_call_limit(own, 200);
		proxy->hang(calls[i], 0);
		/* Content that is through stays so, whatever becomes of the key afterwards. */
		assert_int_equal(unwrap_and_decrypt(3, 1),
		    strcmp(calls[i], "C_DestroyObject") == 0 ? 0 : HSMIME_ETOKEN);
		assert_int_equal(unwrap_and_decrypt(3, 1), HSMIME_ETOKEN);
		assert_int_equal(watch_hanging(), 1);
		proxy->release();
		while (watch_hanging() > 0)
			sched_yield();
		key = before;
		token_key_free(k);
		engine_free(own);
	}
}

/* C_UnwrapKey calls of k's next message. */
static unsigned long unwraps_of(struct token_key *k)
{
	struct token_content_key *c = NULL;

	unwrap_rig_encrypt_key(token_key_public(k));
	proxy->reset();
	proxy->unwrap_length(PROXY_LENGTH_REQUIRED);
	assert_int_equal(unwrap_rig_unwrap(&c, k, TOKEN_CONTENT_AES_CBC, &err), 0);
	assert_null(c);
	return proxy->count("C_UnwrapKey");
}

/* One that the token refuses is not tried again with each of its keys; that each key unwraps is. */
static void what_the_token_takes_for_one_key_comes_first_for_another(void **state)
{
	struct token_key *one = operate_key(e, "pkcs11:token=Picky;id=%01", ENGINE_DECRYPT);
	struct token_key *other = operate_key(e, "pkcs11:token=Picky;id=%02", ENGINE_DECRYPT);

	(void)state;
	assert_int_equal(unwraps_of(one), 3);
	assert_int_equal(unwraps_of(one), 1);
	assert_int_equal(unwraps_of(other), 2);
	assert_int_equal(unwraps_of(other), 1);
	token_key_free(one);
	token_key_free(other);
	unwrap_rig_encrypt_key(rsa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    a_key_that_unwraps_fits_to_decrypt_where_none_decrypts, reset),
		cmocka_unit_test_setup(other_programs_get_the_octets_where_they_can_be_read, reset),
		cmocka_unit_test_setup(a_wrong_ciphertext_fails_without_a_reason, reset),
		cmocka_unit_test_setup(what_unwrapping_does_not_give_is_told, reset),
		cmocka_unit_test_setup(octets_that_stay_on_the_token_are_told, reset),
		cmocka_unit_test_setup(nothing_is_left_on_the_token, reset),
		cmocka_unit_test_setup(the_same_content_is_decrypted_as_often_as_is_asked, reset),
		cmocka_unit_test_setup(threads_do_not_disturb_each_other, reset),
		cmocka_unit_test_setup(a_key_that_unwraps_is_tried_out_by_unwrapping, reset),
		cmocka_unit_test_setup(
		    what_the_token_takes_for_one_key_comes_first_for_another, reset),
		cmocka_unit_test_setup(
		    a_call_that_hangs_is_given_up_and_its_memory_left_alone, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
