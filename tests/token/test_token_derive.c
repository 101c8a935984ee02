#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/public_key.h"
#include "operate.h"
#include "softtoken.h"

/* Token "Agree": EC 01, 02 and 03, on the curves below. */
static struct softtoken st;
static EVP_PKEY *ec[3];
static struct engine *e;
static struct token_key *agree[3];
static struct error err;
static const struct proxy *proxy;

static const char *const curves[] = { "P-256", "P-384", "P-521" };

static int set_up(void **state)
{
	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Agree");
	for (unsigned i = 0; i < 3; i++)
		ec[i] = softtoken_ec(&st, (unsigned char)(1 + i), curves[i], curves[i], KEY_DERIVE);
	softtoken_seal(&st);
	proxy = softtoken_proxy();
	e = operate_engine();
	for (unsigned i = 0; i < 3; i++) {
		char uri[32];

		snprintf(uri, sizeof(uri), "pkcs11:id=%%0%u", 1 + i);
		agree[i] = operate_key(e, uri, ENGINE_DECRYPT);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		token_key_free(agree[i]);
		EVP_PKEY_free(ec[i]);
	}
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

/* The secret as OpenSSL computes it from the other side. */
static size_t agree_in_software(unsigned char *out, size_t room, EVP_PKEY *own, EVP_PKEY *peer)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);

	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, out, &room), 1);
	EVP_PKEY_CTX_free(ctx);
	return room;
}

static void both_sides_agree_on_every_curve(void **state)
{
	static const size_t sizes[] = { 32, 48, 66 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int round = 0; round < 20; round++) {
			unsigned char point[256], ours[128], theirs[128];
			size_t len = sizeof(point), got = sizeof(ours);
			EVP_PKEY *peer = EVP_EC_gen(curves[i]);

			assert_true(public_key_point(point, &len, peer));
			assert_int_equal(
			    token_key_derive(agree[i], ours, &got, point, len, &err), 0);
			assert_int_equal(got, sizes[i]);
			assert_int_equal(
			    agree_in_software(theirs, sizeof(theirs), peer, ec[i]), sizes[i]);
			assert_memory_equal(ours, theirs, got);
			EVP_PKEY_free(peer);
		}
}

static void every_form_of_the_point_and_template_is_tried(void **state)
{
	unsigned char point[256], out[128];
	size_t len = sizeof(point), got = 0;
	EVP_PKEY *peer = EVP_EC_gen("P-256");

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	for (unsigned long n = 0; n < 4; n++) {
		proxy->reset();
		proxy->refuse("C_DeriveKey", CKR_DATA_INVALID, 0, n);
		got = sizeof(out);
		(void)token_key_derive(agree[0], out, &got, point, len, &err);
		assert_in_range(proxy->count("C_DeriveKey"), n + 1, 4);
	}
	proxy->reset();
	proxy->refuse("C_DeriveKey", CKR_DATA_INVALID, 0, 4);
	got = sizeof(out);
	assert_int_equal(token_key_derive(agree[0], out, &got, point, len, &err), HSMIME_ETOKEN);
	assert_int_equal(got, 0);
	assert_int_equal(proxy->count("C_DeriveKey"), 4);
	EVP_PKEY_free(peer);
}

/* The secret is the one that software finds; how many calls it took. */
static unsigned long agree_once(size_t curve)
{
	unsigned char point[256], ours[128], theirs[128];
	size_t len = sizeof(point), got = sizeof(ours);
	EVP_PKEY *peer = EVP_EC_gen(curves[curve]);
	unsigned long before = proxy->count("C_DeriveKey");

	assert_true(public_key_point(point, &len, peer));
	assert_int_equal(token_key_derive(agree[curve], ours, &got, point, len, &err), 0);
	assert_int_equal(agree_in_software(theirs, sizeof(theirs), peer, ec[curve]), got);
	assert_memory_equal(ours, theirs, got);
	EVP_PKEY_free(peer);
	return proxy->count("C_DeriveKey") - before;
}

/* What the token took last is tried first: the form that it takes costs one call from then on. */
static void a_token_that_takes_one_form_of_the_point_only_gets_it(void **state)
{
	static const enum proxy_point forms[] = { PROXY_POINT_BARE, PROXY_POINT_DER };

	(void)state;
	proxy->derive_point(PROXY_POINT_DER);
	(void)agree_once(0);
	for (size_t i = 0; i < 2; i++) {
		proxy->derive_point(forms[i]);
		assert_in_range(agree_once(0), 2, 4);
		for (size_t curve = 0; curve < 3; curve++)
			assert_int_equal(agree_once(curve), 1);
	}
}

static void a_token_that_can_not_agree_says_what_it_lacks(void **state)
{
	unsigned char point[256], out[128];
	size_t len = sizeof(point), got = sizeof(out);
	EVP_PKEY *peer = EVP_EC_gen("P-256");

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	proxy->refuse("C_DeriveKey", CKR_MECHANISM_INVALID, 0, 4);
	assert_int_equal(token_key_derive(agree[0], out, &got, point, len, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.hint, "lacks ECDH key agreement (CKM_ECDH1_DERIVE)"));
	EVP_PKEY_free(peer);
}

static void a_point_off_the_curve_never_reaches_the_token(void **state)
{
	unsigned char point[256], out[128];
	size_t len = sizeof(point), got = sizeof(out);
	EVP_PKEY *peer = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-384");

	(void)state;
	assert_true(public_key_point(point, &len, peer));
	point[len - 1] ^= 1;
	assert_int_equal(token_key_derive(agree[0], out, &got, point, len, &err), HSMIME_EINVALID);
	point[len - 1] ^= 1;
	for (size_t n = 0; n < len; n++) {
		got = sizeof(out);
		assert_int_equal(
		    token_key_derive(agree[0], out, &got, point, n, &err), HSMIME_EINVALID);
		assert_int_equal(got, 0);
	}
	memset(point + 1, 0, len - 1);
	got = sizeof(out);
	assert_int_equal(token_key_derive(agree[0], out, &got, point, len, &err), HSMIME_EINVALID);
	len = sizeof(point);
	assert_true(public_key_point(point, &len, other));
	got = sizeof(out);
	assert_int_equal(token_key_derive(agree[0], out, &got, point, len, &err), HSMIME_EINVALID);
	assert_int_equal(proxy->count("C_DeriveKey"), 0);
	got = 31;
	assert_int_equal(token_key_derive(agree[0], out, &got, point, len, &err), HSMIME_EUSAGE);
	EVP_PKEY_free(peer);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_sides_agree_on_every_curve, reset),
		cmocka_unit_test_setup(every_form_of_the_point_and_template_is_tried, reset),
		cmocka_unit_test_setup(
		    a_token_that_takes_one_form_of_the_point_only_gets_it, reset),
		cmocka_unit_test_setup(a_token_that_can_not_agree_says_what_it_lacks, reset),
		cmocka_unit_test_setup(a_point_off_the_curve_never_reaches_the_token, reset),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
