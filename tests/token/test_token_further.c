/*
 * Which tokens get a PIN, and whom a person is asked for, where several have a key: tokens "Demo" and
 * "Spare", each with a PIN of its own. Both have RSA 01 "alice"; Demo has 02 "bob" and 03 "dave"; 04
 * "pair" is a key of its own on each, with one address.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/rsa.h>

#include "engine/engine.h"
#include "engine/log.h"
#include "operate.h"
#include "softtoken.h"
#include "softtoken_put.h"

#define YEAR 31536000L

static struct softtoken st;
static const struct proxy *proxy;
static struct engine *e;
static struct error err;
static X509 *alice, *bob, *dave;
static char state_folder[300];
static int warnings;

static const char *const labels[] = { "Demo", "Spare" };
static const char *const right[] = { SOFTTOKEN_PIN, "54321" };

static struct {
	const char *pins[2]; /* of Demo and Spare; NULL: gives up */
	int asked[2];
} person;

static ptrdiff_t ask(void *arg, const hsmime_pin_request *request, char *out, size_t size)
{
	size_t i = strcmp(request->token_label, labels[1]) == 0;

	(void)arg;
	person.asked[i]++;
	if (person.pins[i] == NULL)
		return HSMIME_EPIN;
	assert_true(strlen(person.pins[i]) <= size);
	memcpy(out, person.pins[i], strlen(person.pins[i]));
	return (ptrdiff_t)strlen(person.pins[i]);
}

static void log_it(void *arg, int level, const char *message)
{
	(void)arg;
	warnings += level == 0 && strstr(message, "is passed over") != NULL;
}

static X509 *certify(EVP_PKEY *key, unsigned char id, const char *name)
{
	char email[64];
	const struct softtoken_cert c = { name, email, "digitalSignature,keyEncipherment", -3600,
		YEAR };
	X509 *cert = NULL;

	snprintf(email, sizeof(email), "%s@example.org", name);
	cert = softtoken_issue(&st, key, &c);
	softtoken_store(&st, cert, id, name, true, false);
	return cert;
}

static X509 *make(unsigned char id, const char *name)
{
	EVP_PKEY *key = softtoken_rsa(&st, id, name, 2048, KEY_SIGN | KEY_DECRYPT);
	X509 *cert = certify(key, id, name);

	EVP_PKEY_free(key);
	return cert;
}

static int set_up(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);

	(void)state;
	softtoken_begin(&st);
	for (size_t i = 0; i < 2; i++) {
		softtoken_add(&st, labels[i]);
		softtoken_put(&st, 1, "alice", key);
		X509_free(make(4, "pair"));
		if (i == 0) {
			alice = certify(key, 1, "alice");
			bob = make(2, "bob");
			dave = make(3, "dave");
			continue;
		}
		softtoken_store(&st, alice, 1, "alice", true, false);
		assert_int_equal(st.functions->C_SetPIN(st.session, (unsigned char *)right[0],
				     strlen(right[0]), (unsigned char *)right[1], strlen(right[1])),
		    CKR_OK);
	}
	softtoken_seal(&st);
	EVP_PKEY_free(key);
	proxy = softtoken_proxy();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	X509_free(alice);
	X509_free(bob);
	X509_free(dave);
	softtoken_end(&st);
	return 0;
}

/* An engine with that PIN source, NULL: the person. */
static void open_engine(const char *source, const char *state_dir)
{
	struct engine_options options = { .module = PROXY_MODULE,
		.pin_source = source,
		.pin_callback = source == NULL ? ask : NULL,
		.state_dir = state_dir };

	engine_free(e);
	e = NULL;
	memset(&err, 0, sizeof(err));
	person.asked[0] = person.asked[1] = warnings = 0;
	proxy->reset();
	assert_int_equal(engine_new(&e, &options, &err), 0);
}

/* The person logs in to both, so that no wrong PIN counts any more. */
static int begin(void **state)
{
	static int tests;
	struct engine_found found = { 0 };

	(void)state;
	log_to((struct log_target){ log_it, NULL });
	snprintf(state_folder, sizeof(state_folder), "%s/state-%d", st.folder, tests++);
	memcpy(person.pins, right, sizeof(person.pins));
	open_engine(NULL, NULL);
	for (size_t i = 0; i < 2; i++) {
		const char *uri = i == 0 ? "pkcs11:token=Demo;id=%01" : "pkcs11:token=Spare;id=%01";

		assert_int_equal(engine_find_key(&found, e, uri, ENGINE_SIGN, &err), 0);
		engine_found_free(&found);
	}
	open_engine(NULL, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	engine_free(e);
	e = NULL;
	log_to((struct log_target){ NULL, NULL });
	return 0;
}

/* 0 or 1: which of the tokens is looked at first. */
static size_t first_token(void)
{
	hsmime_token *list = NULL;
	size_t count = 0, first;

	assert_int_equal(engine_tokens(&list, &count, e, &err), 0);
	assert_in_range(count, 2, 4);
	first = strcmp(list[0].label, labels[1]) == 0;
	engine_tokens_free(list, count);
	return first;
}

static int decrypt(
    struct engine_found *found, const char *key, X509 *const *recipients, size_t count)
{
	return operate_find_recipient(found, e, key, recipients, count, &err);
}

static int decrypt_for_alice(const char *key)
{
	struct engine_found found = { 0 };
	int r = decrypt(&found, key, &alice, 1);

	engine_found_free(&found);
	return r;
}

static int sign(const char *key)
{
	struct engine_found found = { 0 };
	int r = engine_find_key(&found, e, key, ENGINE_SIGN, &err);

	engine_found_free(&found);
	return r;
}

static void a_token_s_pin_is_asked_once_for_all_recipients_on_it(void **state)
{
	X509 *const both[] = { bob, dave };
	struct engine_found found = { 0 };

	(void)state;
	person.pins[0] = NULL;
	assert_int_equal(decrypt(&found, NULL, both, 2), HSMIME_EPIN);
	assert_int_equal(person.asked[0], 1);
	person.pins[0] = "99999";
	open_engine(NULL, NULL);
	assert_int_equal(decrypt(&found, NULL, both, 2), HSMIME_EPIN);
	assert_int_equal(person.asked[0], 1);
	assert_int_equal(proxy->count("C_Login"), 1);
	assert_int_equal(person.asked[1], 0);
}

static void nor_is_it_asked_again_after_another_token_failed(void **state)
{
	X509 *const all[] = { bob, alice, dave };
	struct engine_found found = { 0 };

	(void)state;
	person.pins[0] = "99999";
	proxy->refuse("C_Login", CKR_DEVICE_ERROR, 1, 1);
	assert_int_equal(decrypt(&found, NULL, all, 3), HSMIME_EPIN);
	assert_int_equal(person.asked[0], 1);
	assert_non_null(strstr(err.message, "\"Demo\" refused the PIN"));
	/* Of the other: its own is the error. */
	assert_int_equal(warnings, 1);
}

static void nothing_unattended_risks_the_pin_of_another_token(void **state)
{
	char key[400];
	FILE *f = NULL;

	(void)state;
	/* Without a memory it would be wrong each time. */
	setenv("TEST_PIN", right[first_token()], 1);
	open_engine("env:TEST_PIN", NULL);
	assert_int_equal(decrypt_for_alice(NULL), 0);
	assert_int_equal(proxy->count("C_Login"), 1);
	open_engine("env:TEST_PIN", "/dev/null/state");
	assert_int_equal(decrypt_for_alice(NULL), 0);
	assert_int_equal(sign("alice@example.org"), 0);
	assert_int_equal(sign("pkcs11:object=alice"), 0);
	assert_int_equal(proxy->count("C_Login"), 1);
	/* A URI's source is for one key. */
	snprintf(key, sizeof(key), "%s/pin", st.folder);
	f = fopen(key, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", getenv("TEST_PIN"));
	assert_int_equal(fclose(f), 0);
	snprintf(key, sizeof(key), "pkcs11:id=%%01?pin-source=file:%s/pin", st.folder);
	open_engine("env:TEST_PIN", state_folder);
	assert_int_equal(decrypt_for_alice(key), 0);
	assert_int_equal(sign(key), 0);
	assert_int_equal(proxy->count("C_Login"), 1);
	assert_int_equal(warnings, 0);
}

static void or_risks_it_once(void **state)
{
	(void)state;
	setenv("TEST_PIN", right[first_token()], 1);
	open_engine("env:TEST_PIN", state_folder);
	assert_int_equal(decrypt_for_alice(NULL), 0);
	assert_int_equal(proxy->count("C_Login"), 2);
	assert_int_equal(warnings, 1);
	for (int i = 0; i < 2; i++) {
		open_engine("env:TEST_PIN", state_folder);
		assert_int_equal(decrypt_for_alice(NULL), 0);
		assert_int_equal(sign("alice@example.org"), 0);
		assert_int_equal(proxy->count("C_Login"), 1);
		assert_int_equal(warnings, 0);
	}
}

/* The token that is looked at first has the other PIN: what was wrong there is not sent again. */
static void a_token_that_refused_its_pin_comes_last(void **state)
{
	static const char *const keys[] = { "alice@example.org", "pkcs11:object=alice" };

	(void)state;
	setenv("TEST_PIN", right[1 - first_token()], 1);
	open_engine("env:TEST_PIN", NULL);
	assert_int_equal(sign(keys[0]), 0);
	assert_int_equal(proxy->count("C_Login"), 2);
	assert_int_equal(warnings, 1);
	for (size_t i = 0; i < 2; i++) {
		open_engine("env:TEST_PIN", NULL);
		assert_int_equal(sign(keys[i]), 0);
		assert_int_equal(decrypt_for_alice(NULL), 0);
		assert_int_equal(proxy->count("C_Login"), 1);
		assert_int_equal(warnings, 0);
	}
}

static void a_person_is_asked_for_one_token_with_the_key(void **state)
{
	static const char *const keys[] = { "alice@example.org", "subject=alice",
		"pkcs11:object=alice", "pkcs11:id=%01" };
	size_t first = first_token();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		memcpy(person.pins, right, sizeof(person.pins));
		open_engine(NULL, NULL);
		assert_int_equal(sign(keys[i]), 0);
		assert_int_equal(person.asked[first], 1);
		assert_int_equal(person.asked[1 - first], 0);
		/* That failed: the other one has it too. */
		person.pins[first] = NULL;
		open_engine(NULL, NULL);
		assert_int_equal(sign(keys[i]), 0);
		assert_int_equal(person.asked[first], 1);
		assert_int_equal(person.asked[1 - first], 1);
		assert_int_equal(warnings, 1);
		person.pins[1 - first] = NULL;
		open_engine(NULL, NULL);
		assert_int_equal(sign(keys[i]), HSMIME_EPIN);
		assert_int_equal(person.asked[first], 1);
		assert_int_equal(person.asked[1 - first], 1);
	}
}

/* A PIN that fails does not decide which of two keys it is. */
static void of_several_keys_none_is_left_out(void **state)
{
	static const char *const keys[] = { "pair@example.org", "pkcs11:object=pair",
		"pkcs11:id=%04" };
	size_t first = first_token();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		memcpy(person.pins, right, sizeof(person.pins));
		open_engine(NULL, NULL);
		assert_int_equal(sign(keys[i]), HSMIME_ENOKEY);
		assert_non_null(strstr(err.message, "several keys fit"));
		assert_int_equal(person.asked[0], 1);
		assert_int_equal(person.asked[1], 1);
		person.pins[first] = NULL;
		open_engine(NULL, NULL);
		assert_int_equal(sign(keys[i]), HSMIME_EPIN);
		assert_int_equal(person.asked[1 - first], 0);
	}
}

static void a_token_that_fails_is_told_of_once(void **state)
{
	X509 *const all[] = { bob, dave, alice };
	struct engine_found found = { 0 };

	(void)state;
	proxy->only("Spare");
	proxy->refuse("C_FindObjectsInit", CKR_DEVICE_ERROR, 0, 1000);
	assert_int_equal(decrypt(&found, NULL, all, 3), 0);
	assert_int_equal(found.match, 0);
	engine_found_free(&found);
	assert_int_equal(warnings, 1);
	/* Where it is the only one, its failure is the error. */
	open_engine(NULL, NULL);
	proxy->only("Spare");
	proxy->refuse("C_FindObjectsInit", CKR_DEVICE_ERROR, 0, 1000);
	assert_int_equal(sign("pkcs11:token=Spare;id=%01"), HSMIME_ETOKEN);
	assert_int_equal(warnings, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_token_s_pin_is_asked_once_for_all_recipients_on_it),
		TEST(nor_is_it_asked_again_after_another_token_failed),
		TEST(nothing_unattended_risks_the_pin_of_another_token),
		TEST(or_risks_it_once),
		TEST(a_token_that_refused_its_pin_comes_last),
		TEST(a_person_is_asked_for_one_token_with_the_key),
		TEST(of_several_keys_none_is_left_out),
		TEST(a_token_that_fails_is_told_of_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
