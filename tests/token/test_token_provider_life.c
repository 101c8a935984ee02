#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/provider.h>

#include "provider_rig.h"

#define THREADS 8
#define ROUNDS 16

static const unsigned char text[] = "Agreed: 1000 units at 5.";

static bool signs(OSSL_LIB_CTX *libctx, EVP_PKEY *key, int id)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[512];
	size_t len = sizeof(sig);
	bool ok = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, key, NULL) == 1 &&
		  EVP_DigestSign(ctx, sig, &len, text, sizeof(text)) == 1 &&
		  rig_verifies(id, "SHA256", sig, len, text, sizeof(text));

	EVP_MD_CTX_free(ctx);
	return ok;
}

static void was_opened_once(void)
{
	assert_int_equal(rig.proxy->count("C_Initialize"), 1);
}

static void was_finalised(void)
{
	was_opened_once();
	assert_int_equal(rig.proxy->count("C_Finalize"), 1);
}

/* The loadable module, as a program outside this project has it. */
static OSSL_LIB_CTX *outside_context(OSSL_PROVIDER **hsmime, OSSL_PROVIDER **software)
{
	OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

	assert_int_equal(OSSL_PROVIDER_set_default_search_path(libctx, PROVIDER_FOLDER), 1);
	*hsmime = OSSL_PROVIDER_load(libctx, "hsmime");
	*software = OSSL_PROVIDER_load(libctx, "default");
	assert_non_null(*hsmime);
	assert_non_null(*software);
	return libctx;
}

/* As an ordinary program does: all in the default context, which OPENSSL_cleanup tears down. */
static void hold_and_exit(void)
{
	static EVP_PKEY *held[2];
	static EVP_MD_CTX *begun;

	OSSL_PROVIDER_set_default_search_path(NULL, PROVIDER_FOLDER);
	if (OSSL_PROVIDER_load(NULL, "hsmime") == NULL ||
	    OSSL_PROVIDER_load(NULL, "default") == NULL)
		_exit(2);
	held[0] = rig_load(NULL, "pkcs11:token=Rig;id=%01", NULL, NULL);
	held[1] = rig_load(NULL, "pkcs11:token=Rig;id=%03", NULL, NULL);
	begun = EVP_MD_CTX_new();
	if (!signs(NULL, held[0], 1) || !signs(NULL, held[1], 3) ||
	    EVP_DigestSignInit_ex(begun, NULL, "SHA256", NULL, NULL, held[0], NULL) != 1)
		_exit(3);
	exit(0);
}

static void a_program_that_ends_with_keys_in_hand_ends_well(void **state)
{
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0)
		hold_and_exit();
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void the_module_is_loaded_and_unloaded_again_and_again(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		OSSL_PROVIDER *hsmime = NULL, *software = NULL;
		OSSL_LIB_CTX *libctx = outside_context(&hsmime, &software);
		EVP_PKEY *key = rig_key(libctx, 3);

		assert_true(signs(libctx, key, 3));
		EVP_PKEY_free(key);
		OSSL_PROVIDER_unload(hsmime);
		OSSL_PROVIDER_unload(software);
		OSSL_LIB_CTX_free(libctx);
		was_finalised();
		rig.proxy->reset();
	}
}

static void a_provider_that_no_uri_came_to_loads_no_pkcs11_module(void **state)
{
	OSSL_PROVIDER *hsmime = NULL, *software = NULL;
	OSSL_LIB_CTX *libctx = outside_context(&hsmime, &software);

	(void)state;
	assert_int_equal(OSSL_PROVIDER_self_test(hsmime), 1);
	OSSL_PROVIDER_unload(hsmime);
	OSSL_PROVIDER_unload(software);
	OSSL_LIB_CTX_free(libctx);
	assert_int_equal(rig.proxy->count("C_Initialize"), 0);
}

static void a_key_keeps_the_token_after_the_provider_is_unloaded(void **state)
{
	OSSL_PROVIDER *hsmime = NULL, *software = NULL;
	OSSL_LIB_CTX *libctx = outside_context(&hsmime, &software);
	EVP_PKEY *key = rig_key(libctx, 1);

	(void)state;
	OSSL_PROVIDER_unload(hsmime);
	assert_true(signs(libctx, key, 1));
	EVP_PKEY_free(key);
	OSSL_PROVIDER_unload(software);
	OSSL_LIB_CTX_free(libctx);
	was_finalised();
}

static void two_contexts_share_the_token(void **state)
{
	OSSL_LIB_CTX *one = rig_context("default", "hsmime"),
		     *two = rig_context("hsmime", "default");
	EVP_PKEY *a = rig_key(one, 1), *b = rig_key(two, 1);

	(void)state;
	was_opened_once();
	assert_int_equal(EVP_PKEY_eq(a, b), 1);
	EVP_PKEY_free(a);
	rig_close(one);
	assert_true(signs(two, b, 1));
	EVP_PKEY_free(b);
	rig_close(two);
	was_finalised();
}

struct crowd {
	OSSL_LIB_CTX *libctx;
	EVP_PKEY *key; /* NULL: each loads its own */
	int id;
	atomic_int failed;
};

static void *sign_often(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < ROUNDS; i++)
		if (!signs(c->libctx, c->key, c->id))
			atomic_fetch_add(&c->failed, 1);
	return NULL;
}

static void *load_and_sign(void *arg)
{
	struct crowd *c = arg;
	EVP_PKEY *key = rig_load(c->libctx, "pkcs11:token=Rig;id=%03", NULL, NULL);

	if (key == NULL || !signs(c->libctx, key, 3))
		atomic_fetch_add(&c->failed, 1);
	EVP_PKEY_free(key);
	return NULL;
}

static void run(struct crowd *c, void *(*work)(void *))
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, c), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&c->failed), 0);
}

static void many_threads_sign_with_one_key(void **state)
{
	(void)state;
	for (int id = 1; id <= 3; id += 2) {
		struct crowd c = { .libctx = rig_context("hsmime", "default"), .id = id };

		c.key = rig_key(c.libctx, id);
		run(&c, sign_often);
		EVP_PKEY_free(c.key);
		rig_close(c.libctx);
	}
}

static void threads_that_come_first_together_open_the_module_and_log_in_once(void **state)
{
	struct crowd c = { .libctx = rig_context("default", "hsmime") };

	(void)state;
	run(&c, load_and_sign);
	was_opened_once();
	assert_int_equal(rig.proxy->count("C_Login"), 1);
	rig_close(c.libctx);
}

/*
 * As a server's workers do: nothing of the parent's sessions, and keys that go on. One after the
 * other: SoftHSM fails at random where several processes open one folder at once.
 */
static void keys_that_were_loaded_before_a_fork_work_on_both_sides(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");
	EVP_PKEY *rsa = rig_key(libctx, 1), *ec = rig_key(libctx, 3);

	(void)state;
	assert_true(signs(libctx, rsa, 1));
	for (size_t i = 0; i < 3; i++) {
		pid_t child = fork();
		int status = -1;

		if (child == 0)
			_exit(signs(libctx, rsa, 1) && signs(libctx, ec, 3) && signs(libctx, rsa, 1)
				  ? 0
				  : 1);
		assert_true(child > 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		assert_true(signs(libctx, ec, 3));
	}
	assert_true(signs(libctx, rsa, 1));
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	rig_close(libctx);
}

struct person {
	const char *pin;
	int asked;
};

static int answer(char *buf, int size, int writing, void *arg)
{
	struct person *p = arg;
	size_t len = strlen(p->pin);

	(void)writing;
	p->asked++;
	assert_true(len < (size_t)size);
	memcpy(buf, p->pin, len);
	return (int)len;
}

static EVP_PKEY *load_by(OSSL_LIB_CTX *libctx, struct person *p)
{
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(answer, 0);
	EVP_PKEY *key = rig_load(libctx, "pkcs11:token=Rig;id=%01", ui, p);

	UI_destroy_method(ui);
	return key;
}

static void the_program_is_asked_for_the_pin_once(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");
	struct person right = { SOFTTOKEN_PIN, 0 };
	EVP_PKEY *key = NULL;

	(void)state;
	unsetenv("HSMIME_PIN_SOURCE");
	key = load_by(libctx, &right);
	assert_non_null(key);
	assert_true(signs(libctx, key, 1));
	EVP_PKEY_free(key);
	key = load_by(libctx, &right);
	assert_int_equal(right.asked, 1);
	EVP_PKEY_free(key);
	rig_close(libctx);
}

static void a_wrong_pin_of_the_program_is_sent_once(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");
	struct person wrong = { "999999", 0 }, right = { SOFTTOKEN_PIN, 0 };
	EVP_PKEY *key = NULL;

	(void)state;
	unsetenv("HSMIME_PIN_SOURCE");
	for (int i = 0; i < 3; i++)
		assert_null(load_by(libctx, &wrong));
	assert_true(rig_said("refused"));
	assert_int_equal(rig.proxy->count("C_Login"), 1);
	key = load_by(libctx, &right);
	assert_non_null(key);
	EVP_PKEY_free(key);
	rig_close(libctx);
}

/* Whether a person answered can't be seen. */
static void the_last_try_is_not_used_whatever_the_program_answers(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");
	struct person right = { SOFTTOKEN_PIN, 0 };

	(void)state;
	unsetenv("HSMIME_PIN_SOURCE");
	rig.proxy->set_flags(CKF_USER_PIN_FINAL_TRY);
	assert_null(load_by(libctx, &right));
	assert_true(rig_said("one more wrong PIN locks token"));
	assert_int_equal(right.asked, 0);
	assert_int_equal(rig.proxy->count("C_Login"), 0);
	rig_close(libctx);
}

static void where_nobody_is_asked_there_is_no_login(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("default", "hsmime");
	struct person nobody = { "", 0 };

	(void)state;
	unsetenv("HSMIME_PIN_SOURCE");
	assert_null(load_by(libctx, &nobody));
	assert_int_equal(rig.proxy->count("C_Login"), 0);
	rig_close(libctx);
}

static void fetching_by_property_gives_keys_of_this_provider_and_nothing_else(void **state)
{
	OSSL_LIB_CTX *libctx = rig_context("hsmime", "default");
	EVP_KEYMGMT *keys = EVP_KEYMGMT_fetch(libctx, "EC", "provider=hsmime");
	EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(libctx, "RSA", "provider=hsmime");
	EVP_SIGNATURE *other = EVP_SIGNATURE_fetch(libctx, "RSA", "provider=default");
	EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_from_name(libctx, "EC", "provider=hsmime");

	(void)state;
	assert_string_equal(OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(keys)), "hsmime");
	assert_string_equal(
	    OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(signature)), "hsmime");
	assert_string_equal(OSSL_PROVIDER_get0_name(EVP_SIGNATURE_get0_provider(other)), "default");
	assert_null(EVP_MD_fetch(libctx, "SHA256", "provider=hsmime"));
	assert_null(EVP_CIPHER_fetch(libctx, "AES-256-CBC", "provider=hsmime"));
	assert_null(EVP_RAND_fetch(libctx, "CTR-DRBG", "provider=hsmime"));
	assert_int_not_equal(EVP_PKEY_keygen_init(generator), 1);
	EVP_PKEY_CTX_free(generator);
	EVP_SIGNATURE_free(other);
	EVP_SIGNATURE_free(signature);
	EVP_KEYMGMT_free(keys);
	rig_close(libctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_program_that_ends_with_keys_in_hand_ends_well, rig_reset),
		cmocka_unit_test_setup(
		    the_module_is_loaded_and_unloaded_again_and_again, rig_reset),
		cmocka_unit_test_setup(
		    a_provider_that_no_uri_came_to_loads_no_pkcs11_module, rig_reset),
		cmocka_unit_test_setup(
		    a_key_keeps_the_token_after_the_provider_is_unloaded, rig_reset),
		cmocka_unit_test_setup(two_contexts_share_the_token, rig_reset),
		cmocka_unit_test_setup(many_threads_sign_with_one_key, rig_reset),
		cmocka_unit_test_setup(
		    threads_that_come_first_together_open_the_module_and_log_in_once, rig_reset),
		cmocka_unit_test_setup(
		    keys_that_were_loaded_before_a_fork_work_on_both_sides, rig_reset),
		cmocka_unit_test_setup(the_program_is_asked_for_the_pin_once, rig_reset),
		cmocka_unit_test_setup(a_wrong_pin_of_the_program_is_sent_once, rig_reset),
		cmocka_unit_test_setup(
		    the_last_try_is_not_used_whatever_the_program_answers, rig_reset),
		cmocka_unit_test_setup(where_nobody_is_asked_there_is_no_login, rig_reset),
		cmocka_unit_test_setup(
		    fetching_by_property_gives_keys_of_this_provider_and_nothing_else, rig_reset),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
