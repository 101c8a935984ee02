/* The public keys of what a URI names, as doctor compares those of a group. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>

#include "engine/diagnose.h"
#include "operate.h"
#include "softtoken.h"
#include "softtoken_put.h"

#define MANY 16 /* keys that one URI may name */

/* Token "Few": EC 01 and 02. "Same": Few's 01 as its 05. "Many": as many keys as may be, and "More": one more. */
static struct softtoken st;
static EVP_PKEY *one;
static struct engine *e;
static const struct proxy *proxy;
static EVP_PKEY **keys;
static size_t count;
static struct error err;

static void fill(const char *label, unsigned n)
{
	softtoken_add(&st, label);
	for (unsigned i = 1; i <= n; i++)
		EVP_PKEY_free(softtoken_ec(&st, (unsigned char)i, "key", "P-256", KEY_SIGN));
}

static int set_up(void **state)
{
	struct softtoken_cert authority = { "authority", NULL, NULL, -60, 86400 };
	X509 *cert;

	(void)state;
	one = EVP_EC_gen("P-256");
	softtoken_begin(&st);
	softtoken_add(&st, "Few");
	softtoken_put(&st, 1, "one", one);
	cert = softtoken_issue(&st, one, &authority);
	softtoken_store(&st, cert, 1, "one", true, false);
	EVP_PKEY_free(softtoken_ec(&st, 2, "two", "P-256", KEY_SIGN));
	/* The CA's own certificate has nobody's key. */
	softtoken_store(&st, st.ca, 2, "two", true, false);
	softtoken_add(&st, "Same");
	softtoken_put(&st, 5, "five", one);
	fill("Many", MANY);
	fill("More", MANY + 1);
	softtoken_seal(&st);
	X509_free(cert);
	proxy = softtoken_proxy();
	e = operate_engine();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	engine_free(e);
	EVP_PKEY_free(one);
	softtoken_end(&st);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	proxy->reset();
	return 0;
}

static int end(void **state)
{
	(void)state;
	diagnose_public_free(keys, count);
	keys = NULL;
	return 0;
}

static void has(const char *uri, size_t expected)
{
	diagnose_public_free(keys, count);
	if (diagnose_public(&keys, &count, e, uri, &err) != 0)
		fail_msg("%s: %s", uri, err.message);
	if (count != expected)
		fail_msg("%s: %zu keys", uri, count);
}

static void each_key_is_there_once_whatever_shows_it(void **state)
{
	(void)state;
	has("pkcs11:token=Few;id=%01", 1);
	assert_int_equal(EVP_PKEY_eq(keys[0], one), 1);
	has("pkcs11:token=Few;object=one;type=private", 1);
	has("pkcs11:token=Same", 1);
	assert_int_equal(EVP_PKEY_eq(keys[0], one), 1);
	has("pkcs11:token=Few", 2);
	has("pkcs11:token=Few;id=%02", 1);
	has("pkcs11:token=Few;id=%03", 0);
	has("pkcs11:token=Nowhere", 0);
}

static void of_more_keys_than_may_be_meant_there_are_none(void **state)
{
	(void)state;
	has("pkcs11:token=Many", MANY);
	has("pkcs11:token=More", 0);
	has("pkcs11:token=More;id=%07", 1);
}

static void nobody_is_logged_in(void **state)
{
	(void)state;
	has("pkcs11:id=%01", 3);
	assert_int_equal(proxy->count("C_Login"), 0);
}

static void a_token_that_fails_is_no_token_without_keys(void **state)
{
	(void)state;
	for (unsigned long skip = 0; skip < 3; skip++) {
		proxy->refuse("C_FindObjectsInit", CKR_DEVICE_ERROR, skip, 1);
		assert_int_equal(
		    diagnose_public(&keys, &count, e, "pkcs11:id=%01", &err), HSMIME_ETOKEN);
		assert_null(keys);
		assert_int_equal(count, 0);
	}
	proxy->reset();
	has("pkcs11:id=%01", 3);
	end(state);
	assert_int_equal(
	    diagnose_public(&keys, &count, e, "pkcs11:colour=red", &err), HSMIME_EUSAGE);
	assert_null(keys);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_key_is_there_once_whatever_shows_it),
		TEST(of_more_keys_than_may_be_meant_there_are_none),
		TEST(nobody_is_logged_in),
		TEST(a_token_that_fails_is_no_token_without_keys),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
