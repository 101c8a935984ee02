/* hsmime_doctor for a program: what it hands out, and that one check that fails is one finding. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hsmime/pin.h>

#include "api_token.h"

static hsmime_finding *list;
static size_t count;

static void examine(hsmime_ctx *ctx, const char *key, int login)
{
	hsmime_doctor_options o = HSMIME_DOCTOR_OPTIONS_INIT;

	hsmime_findings_free(list, count);
	o.key = key;
	o.login = login;
	assert_int_equal(hsmime_doctor(&list, &count, ctx, &o), 0);
	assert_true(count > 0);
	assert_string_equal(hsmime_ctx_error(ctx), "");
}

static size_t found(const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += strcmp(list[i].id, id) == 0;
	return n;
}

/* Refusals that may be for the PIN are not to hinder the next login. */
static void forget(void)
{
	hsmime_pin_options all = HSMIME_PIN_OPTIONS_INIT;
	hsmime_ctx *ctx = api_ctx();

	api_proxy->reset();
	assert_int_equal(hsmime_pin_forget(ctx, &all), 0);
	hsmime_ctx_free(ctx);
}

static int each_begins_afresh(void **state)
{
	(void)state;
	forget();
	return 0;
}

static void every_finding_says_what_it_is(void **state)
{
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	examine(ctx, NULL, 1);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(list[i].id);
		assert_non_null(list[i].area);
		assert_non_null(list[i].what);
		assert_true(list[i].what[0] != '\0');
		assert_int_equal(list[i].status, 0);
		assert_true(list[i].level < HSMIME_FINDING_ERROR);
		assert_true(list[i].level != HSMIME_FINDING_WARNING || list[i].what_to_do != NULL);
	}
	assert_int_equal(found("key-signs"), 2);
	assert_int_equal(found("key-decrypts"), 2);
	assert_int_equal(found("certificate-expires"), 2);
	assert_int_equal(found("key-mismatch"), 0);
	hsmime_ctx_free(ctx);
}

static void only_what_is_named_is_tried(void **state)
{
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	examine(ctx, "emil@example.com", 1);
	assert_int_equal(found("key-signs"), 1);
	assert_int_equal(api_proxy->count("C_Sign"), 1);
	assert_int_equal(api_proxy->count("C_Decrypt"), 0);
	examine(ctx, "pkcs11:id=%01", 1);
	assert_int_equal(api_proxy->count("C_Decrypt"), 1);
	examine(ctx, "nobody@example.com", 0);
	assert_int_equal(found("key-none"), 1);
	hsmime_ctx_free(ctx);
}

static void without_login_nothing_is_sent(void **state)
{
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	examine(ctx, NULL, 0);
	assert_int_equal(found("login-left-out"), 1);
	assert_int_equal(found("key-signs"), 0);
	assert_int_equal(api_proxy->count("C_Login"), 0);
	hsmime_ctx_free(ctx);
}

static ptrdiff_t somebody(void *arg, const hsmime_pin_request *request, char *pin, size_t size)
{
	(void)request;
	assert_true(size >= strlen(SOFTTOKEN_PIN));
	*(int *)arg += 1;
	memcpy(pin, SOFTTOKEN_PIN, strlen(SOFTTOKEN_PIN));
	return (ptrdiff_t)strlen(SOFTTOKEN_PIN);
}

/* Whoever is there. */
static void the_last_try_is_not_the_doctor_s(void **state)
{
	static const CK_FLAGS flags[] = { CKF_USER_PIN_LOCKED, CKF_USER_PIN_FINAL_TRY };
	static const char *const ids[] = { "pin-locked", "pin-final-try" };
	int asked = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		hsmime_ctx *ctx = api_ctx();

		assert_int_equal(hsmime_ctx_set_pin_source(ctx, NULL), 0);
		hsmime_ctx_set_pin_callback(ctx, somebody, &asked);
		api_proxy->set_flags(flags[i]);
		examine(ctx, NULL, 1);
		assert_int_equal(found(ids[i]), 1);
		assert_int_equal(found("login-withheld"), 1);
		assert_int_equal(api_proxy->count("C_Login"), 0);
		hsmime_ctx_free(ctx);
	}
	assert_int_equal(asked, 0);
}

/* What is told where a function gives CKR_DEVICE_ERROR, once it was called so often, and what is well then. */
static const struct refusal {
	const char *function;
	unsigned long skip;
	const char *id; /* of the finding */
	size_t times;
	size_t errors; /* of all kinds */
	size_t signs, decrypts, certificates;
} refusals[] = {
	{ "C_GetInfo", 0, "module-nameless", 1, 0, 2, 2, 2 },
	{ "C_GetSlotList", 0, "module-failed", 1, 1, 0, 0, 0 },
	{ "C_GetSlotList", 1, "reader-list-failed", 1, 2, 0, 0, 0 },
	{ "C_GetSlotList", 2, "token-unreadable", 1, 1, 0, 0, 0 },
	{ "C_GetSlotInfo", 0, "reader-failed", 2, 0, 2, 2, 2 },
	{ "C_GetTokenInfo", 0, "module-failed", 1, 1, 0, 0, 0 },
	{ "C_GetTokenInfo", 2, "reader-failed", 2, 1, 0, 0, 0 },
	{ "C_GetMechanismInfo", 0, "mechanisms-failed", 1, 0, 2, 2, 2 },
	{ "C_OpenSession", 0, "token-unreadable", 1, 1, 0, 0, 0 },
	{ "C_Login", 0, "login-failed", 1, 1, 0, 0, 2 },
	{ "C_FindObjectsInit", 0, "token-unreadable", 1, 1, 0, 0, 0 },
	{ "C_FindObjectsInit", 3, "key-sign-failed", 2, 4, 0, 0, 2 },
	{ "C_FindObjects", 0, "token-unreadable", 1, 1, 0, 0, 0 },
	{ "C_FindObjects", 3, "key-decrypt-failed", 2, 4, 0, 0, 2 },
	{ "C_GetAttributeValue", 0, "token-unreadable", 1, 1, 0, 0, 0 },
	{ "C_SignInit", 0, "key-sign-failed", 2, 2, 0, 2, 2 },
	{ "C_Sign", 0, "key-sign-failed", 2, 2, 0, 2, 2 },
	{ "C_Sign", 1, "key-sign-failed", 1, 1, 1, 2, 2 },
	{ "C_DecryptInit", 0, "key-decrypt-failed", 1, 1, 2, 1, 2 },
	{ "C_Decrypt", 0, "key-decrypt-failed", 1, 1, 2, 1, 2 },
	{ "C_DeriveKey", 0, "key-decrypt-failed", 1, 1, 2, 1, 2 },
	{ "C_Login", 1, "login-done", 1, 0, 2, 2, 2 },
};

static size_t errors(void)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		bool error = list[i].level == HSMIME_FINDING_ERROR;

		assert_int_equal(error, list[i].status != 0);
		assert_true(!error || list[i].what_to_do != NULL);
		n += error;
	}
	return n;
}

static void tells(const struct refusal *r)
{
	size_t seen[] = { found(r->id), errors(), found("key-signs"), found("key-decrypts"),
		found("certificate-expires") };
	size_t expected[] = { r->times, r->errors, r->signs, r->decrypts, r->certificates };

	if (memcmp(seen, expected, sizeof(seen)) != 0)
		fail_msg("%s from call %lu on: %zu %s, %zu errors, %zu sign, %zu decrypt, "
			 "%zu certificates",
		    r->function, r->skip + 1, seen[0], r->id, seen[1], seen[2], seen[3], seen[4]);
}

/* What was looked at before and beside it is told. */
static void what_fails_is_a_finding_and_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		hsmime_ctx *ctx = api_ctx();

		forget();
		api_proxy->refuse(refusals[i].function, CKR_DEVICE_ERROR, refusals[i].skip, 1000);
		examine(ctx, NULL, 1);
		tells(&refusals[i]);
		assert_int_equal(found("versions"), 1);
		hsmime_ctx_free(ctx);
	}
}

/* The first call of that function in the list of readers, after those at the start. */
static void a_reader_at_which_the_module_hangs_is_named(void **state)
{
	hsmime_ctx *ctx = api_ctx();
	size_t i = 0;

	(void)state;
	hsmime_ctx_set_call_limit(ctx, 1);
	api_proxy->hang("C_GetTokenInfo", 2);
	examine(ctx, NULL, 1);
	assert_int_equal(found("module-loaded"), 1);
	assert_int_equal(found("module-stuck"), 1);
	while (strcmp(list[i].id, "module-stuck") != 0)
		i++;
	assert_non_null(strstr(list[i].subject, "slot ID"));
	assert_non_null(strstr(list[i].what, "C_GetTokenInfo has not returned"));
	api_proxy->release();
	hsmime_ctx_free(ctx);
}

static void every_finding_of_a_reader_names_it(void **state)
{
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	api_proxy->refuse("C_GetSlotInfo", CKR_DEVICE_ERROR, 0, 1000);
	examine(ctx, NULL, 0);
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].id, "reader-failed") == 0)
			assert_non_null(strstr(list[i].subject, "slot "));
	assert_int_equal(found("reader-failed"), 2);
	hsmime_ctx_free(ctx);
}

static void a_key_that_fails_leaves_the_others(void **state)
{
	hsmime_ctx *ctx = api_ctx();

	(void)state;
	api_proxy->refuse("C_Sign", CKR_DEVICE_ERROR, 0, 1);
	examine(ctx, NULL, 1);
	assert_int_equal(found("key-sign-failed"), 1);
	assert_int_equal(found("key-signs"), 1);
	assert_int_equal(found("key-decrypts"), 2);
	hsmime_ctx_free(ctx);
}

static void refused(int status, const char *key, const char *more)
{
	const char *names[] = { more, NULL };
	hsmime_ctx *ctx = api_ctx();
	hsmime_doctor_options o = HSMIME_DOCTOR_OPTIONS_INIT;
	hsmime_finding *none = (hsmime_finding *)&o;
	size_t n = 7;

	o.key = key;
	o.more_keys = names;
	o.login = 1;
	assert_int_equal(hsmime_doctor(&none, &n, ctx, &o), status);
	assert_null(none);
	assert_int_equal(n, 0);
	assert_true(hsmime_ctx_hint(ctx)[0] != '\0');
	assert_int_equal(api_proxy->count("C_Login"), 0);
	hsmime_ctx_free(ctx);
}

static void a_malformed_key_is_an_error_of_usage(void **state)
{
	(void)state;
	refused(HSMIME_EUSAGE, "serial=", NULL);
	refused(HSMIME_EUSAGE, "pkcs11:colour=red", NULL);
	refused(HSMIME_EUSAGE, "emil@example.com", "pkcs11:id=%zz");
	refused(HSMIME_EPOLICY, NULL, "pkcs11:id=%01?pin-value=12345");
	refused(HSMIME_EPOLICY, NULL, "pkcs11:id=%01?pin-source=env:TEST_PIN");
	refused(HSMIME_EPOLICY, "pkcs11:id=%01?module-name=nobody", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_finding_says_what_it_is, each_begins_afresh),
		cmocka_unit_test_setup(only_what_is_named_is_tried, each_begins_afresh),
		cmocka_unit_test_setup(without_login_nothing_is_sent, each_begins_afresh),
		cmocka_unit_test_setup(the_last_try_is_not_the_doctor_s, each_begins_afresh),
		cmocka_unit_test_setup(what_fails_is_a_finding_and_no_more, each_begins_afresh),
		cmocka_unit_test_setup(every_finding_of_a_reader_names_it, each_begins_afresh),
		cmocka_unit_test_setup(a_key_that_fails_leaves_the_others, each_begins_afresh),
		cmocka_unit_test_setup(a_malformed_key_is_an_error_of_usage, each_begins_afresh),
		/* The last one: the module counts as stuck. */
		cmocka_unit_test_setup(
		    a_reader_at_which_the_module_hangs_is_named, each_begins_afresh),
	};
	int failed = cmocka_run_group_tests(tests, api_setup, api_teardown);

	hsmime_findings_free(list, count);
	return failed;
}
