/* A key that unwraps only: how it is found, what other programs get of it, and what is left on the token. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "engine/content_on_token.h"
#include "engine/probe.h"
#include "engine/watch.h"
#include "operate.h"
#include "softtoken.h"
#include "util/sink.h"

#define KEY 32
#define BLOCKS 4
#define THREADS 4
#define ROUNDS 25

static struct softtoken st;
static EVP_PKEY *rsa;
static struct engine *e;
static struct token_key *key;
static struct error err;
static const struct proxy *proxy;
static unsigned char content_key[KEY], substitute[KEY], encrypted_key[256];

static void encrypt_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa, NULL);
	size_t len = sizeof(encrypted_key);

	memset(content_key, 0xc0, KEY);
	memset(substitute, 0x50, KEY);
	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, encrypted_key, &len, content_key, KEY), 1);
	EVP_PKEY_CTX_free(ctx);
}

/* Token "Both" has a key of each sort; token "Unwraps" one that unwraps. */
static int set_up(void **state)
{
	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Both");
	EVP_PKEY_free(softtoken_rsa(&st, 1, "decrypts", 2048, KEY_DECRYPT | KEY_UNWRAP));
	EVP_PKEY_free(softtoken_rsa(&st, 2, "unwraps", 2048, KEY_UNWRAP));
	EVP_PKEY_free(softtoken_rsa(&st, 3, "signs", 2048, KEY_SIGN));
	softtoken_add(&st, "Unwraps");
	rsa = softtoken_rsa(&st, 1, "unwraps", 2048, KEY_UNWRAP);
	EVP_PKEY_free(softtoken_ec(&st, 2, "ec", "P-256", KEY_UNWRAP));
	softtoken_seal(&st);
	encrypt_key();
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

static struct token_decrypt request(void)
{
	return (struct token_decrypt){ .scheme = TOKEN_DECRYPT_RSA_PKCS1,
		.data = encrypted_key,
		.len = sizeof(encrypted_key) };
}

static void other_programs_get_the_octets_where_they_can_be_read(void **state)
{
	struct token_decrypt q = request();
	unsigned char out[256];
	size_t len = sizeof(out);

	(void)state;
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_int_equal(len, KEY);
	assert_memory_equal(out, content_key, KEY);
	q.substitute = substitute;
	q.substitute_len = KEY;
	len = sizeof(out);
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_memory_equal(out, content_key, KEY);
	q.substitute_len = KEY - 1;
	len = sizeof(out);
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_int_equal(len, KEY - 1);
	assert_memory_equal(out, substitute, KEY - 1);
}

static void a_wrong_ciphertext_fails_without_a_reason(void **state)
{
	struct token_decrypt q = request();
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
	struct token_decrypt q = request();
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
	struct token_decrypt q = request();
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

static const unsigned char iv[16] = "initialisation ";

static void encrypt_blocks(unsigned char *out, const unsigned char *plain)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_aes_256_cbc(), content_key, iv, NULL), 1);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &len, plain, BLOCKS * 16), 1);
	EVP_CIPHER_CTX_free(ctx);
}

/* One octet at a time; 0, or where it went wrong. */
static int decrypt_blocks(struct token_content_key *c, const unsigned char *plain)
{
	static const struct token_content_end end = { NULL, NULL, 0 };
	struct token_content_params p = { iv, sizeof(iv), 0 };
	unsigned char encrypted[BLOCKS * 16];
	struct error own = { 0 };
	struct buffer out;
	hsmime_sink sink;
	int r;

	buffer_init(&out, 1000);
	sink_buffer(&sink, &out);
	encrypt_blocks(encrypted, plain);
	r = token_content_begin(c, &p, &sink, &own);
	for (size_t i = 0; r == 0 && i < sizeof(encrypted); i++)
		r = token_content_update(c, encrypted + i, 1, &own);
	if (r == 0)
		r = token_content_finish(c, &end, &own);
	if (r == 0 && (out.len != BLOCKS * 16 || memcmp(out.data, plain, out.len) != 0))
		r = 1;
	buffer_free(&out);
	return r;
}

static int unwrap_and_decrypt(unsigned char seed, int times)
{
	struct token_decrypt q = request();
	struct token_content_key *c = NULL;
	unsigned char out[256], plain[BLOCKS * 16];
	struct error own = { 0 };
	size_t len = sizeof(out);
	int r;

	memset(plain, seed, sizeof(plain));
	q.substitute = substitute;
	q.substitute_len = KEY;
	r = token_key_unwrap(&c, out, &len, key, &q, TOKEN_CONTENT_AES_CBC, &own);
	if (r == 0 && c == NULL)
		r = 2;
	for (int i = 0; r == 0 && i < times; i++)
		r = decrypt_blocks(c, plain);
	token_content_free(c);
	return r;
}

/* Secret keys on the token, which only tests count. */
static size_t secret_keys(void)
{
	CK_FUNCTION_LIST *f = softtoken_proxy_functions();
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template = { CKA_CLASS, &object_class, sizeof(object_class) };
	CK_OBJECT_HANDLE found[16];
	CK_SESSION_HANDLE session = 0;
	CK_ULONG count = 0;

	assert_int_equal(f->C_OpenSession(softtoken_slot(f, "Unwraps"), CKF_SERIAL_SESSION, NULL,
			     NULL, &session),
	    CKR_OK);
	assert_int_equal(f->C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(f->C_FindObjects(session, found, 16, &count), CKR_OK);
	assert_int_equal(f->C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(f->C_CloseSession(session), CKR_OK);
	return count;
}

static void nothing_is_left_on_the_token(void **state)
{
	struct token_decrypt q = request();
	unsigned char out[256];
	size_t len = sizeof(out);

	(void)state;
	assert_int_equal(token_key_decrypt(key, out, &len, &q, &err), 0);
	assert_int_equal(secret_keys(), 0);
	proxy->unwrap_sensitive(1);
	assert_int_equal(unwrap_and_decrypt(1, 1), 0);
	assert_int_equal(secret_keys(), 0);
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
	assert_int_equal(secret_keys(), 0);
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
		    a_call_that_hangs_is_given_up_and_its_memory_left_alone, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
