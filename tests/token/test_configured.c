/* p11-kit's list of modules, where starting one of them hangs. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <sched.h>

#include "engine/diagnose.h"
#include "engine/engine_internal.h"
#include "engine/module.h"
#include "engine/uri.h"
#include "engine/watch.h"
#include "engine/zone.h"
#include "operate.h"
#include "softtoken.h"

#define LIMIT 300 /* milliseconds */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hangs;
static int loaded; /* times */

/* In p11-kit's place, for the whole program. */
CK_FUNCTION_LIST **p11_kit_modules_load(const char *reserved, int flags);

CK_FUNCTION_LIST **p11_kit_modules_load(const char *reserved, int flags)
{
	(void)reserved;
	(void)flags;
	pthread_mutex_lock(&lock);
	loaded++;
	while (hangs)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void set_hangs(bool on)
{
	pthread_mutex_lock(&lock);
	hangs = on;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* What is left to a thread that comes back outlives the test. */
static struct texts {
	struct diagnosis_configured *list;
	size_t count;
	struct error err;
} texts[3];

static int list(void *arg)
{
	struct texts *t = arg;

	return diagnose_configured(&t->list, &t->count, &t->err);
}

static void a_module_that_hangs_is_given_up(void **state)
{
	struct error err = { 0 };

	(void)state;
	set_hangs(true);
	assert_int_equal(zone_run(list, &texts[0], LIMIT, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.message, "behind p11-kit"));
	assert_non_null(strstr(err.message, "p11_kit_modules_load"));
	assert_int_equal(watch_hanging(), 1);
}

static void and_is_not_asked_before_it_is_back(void **state)
{
	struct module proxy = { .file = "/proxy.so", .proxy = true };
	struct error err = { 0 };
	struct uri u;

	(void)state;
	assert_int_equal(zone_run(list, &texts[2], 60000, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(texts[2].err.message, "stuck"));
	assert_int_equal(
	    uri_parse(&u, "pkcs11:token=A?module-path=/a.so", &proxy, &err), HSMIME_ETOKEN);
	assert_non_null(strstr(err.message, "stuck"));
	assert_int_equal(loaded, 1);
	assert_int_equal(watch_hanging(), 1);
}

static void and_is_asked_again_once_it_is_back(void **state)
{
	struct error err = { 0 };

	(void)state;
	set_hangs(false);
	while (watch_hanging() > 0)
		sched_yield();
	assert_int_equal(zone_run(list, &texts[1], 60000, &err), 0);
	/* Files that configure modules may be there: this p11-kit loaded none. */
	for (size_t i = 0; i < texts[1].count; i++)
		assert_true(texts[1].list[i].unloaded);
	diagnose_configured_free(texts[1].list, texts[1].count);
	zone_end();
}

/* Behind p11-kit's proxy any of the modules might be the one. */
static void what_a_uri_names_is_seen_without_them(void **state)
{
	const char uri[] = "pkcs11:token=Alpha;id=%01?module-name=other";
	struct token_key *k = NULL;
	struct softtoken st;
	struct engine *e;

	(void)state;
	softtoken_begin(&st);
	softtoken_add(&st, "Alpha");
	EVP_PKEY_free(softtoken_ec(&st, 1, "key", "P-256", KEY_SIGN));
	softtoken_seal(&st);
	e = operate_engine();
	k = operate_key(e, "pkcs11:token=Alpha", ENGINE_SIGN);
	assert_false(engine_uri_names(e, uri, k));
	assert_false(engine_names_token_only(e, "pkcs11:token=Alpha?module-name=other"));
	e->module->proxy = true;
	loaded = 0;
	assert_true(engine_uri_names(e, uri, k));
	assert_true(engine_names_token_only(e, "pkcs11:token=Alpha?module-name=other"));
	assert_false(engine_names_token_only(e, uri));
	assert_int_equal(loaded, 0);
	token_key_free(k);
	engine_free(e);
	softtoken_end(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_that_hangs_is_given_up),
		cmocka_unit_test(and_is_not_asked_before_it_is_back),
		cmocka_unit_test(and_is_asked_again_once_it_is_back),
		cmocka_unit_test(what_a_uri_names_is_seen_without_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
