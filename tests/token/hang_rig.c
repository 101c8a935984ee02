#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <unistd.h>

#include "engine/watch.h"
#include "engine/zone.h"
#include "hang_rig.h"

struct hang_rig hang_rig;
static struct softtoken st;

int hang_rig_set_up(void **state)
{
	static const char *const labels[] = { "Alpha", "Beta" };

	(void)state;
	softtoken_begin(&st);
	for (size_t i = 0; i < 2; i++) {
		softtoken_add(&st, labels[i]);
		EVP_PKEY_free(softtoken_ec(&st, 1, "one", "P-256", KEY_SIGN | KEY_DERIVE));
	}
	softtoken_seal(&st);
	hang_rig.proxy = softtoken_proxy();
	return 0;
}

int hang_rig_tear_down(void **state)
{
	(void)state;
	softtoken_end(&st);
	return 0;
}

int hang_rig_begin(void **state)
{
	(void)state;
	hang_rig.proxy->reset();
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	hang_rig.err = (struct error){ 0 };
	alarm(60);
	return 0;
}

int hang_rig_end(void **state)
{
	(void)state;
	hang_rig_close();
	zone_end();
	alarm(0);
	return 0;
}

struct engine *hang_rig_engine(const char *module, unsigned call_limit)
{
	struct engine_options options = {
		.module = module, .pin_source = "env:TEST_PIN", .call_limit = call_limit
	};
	struct engine *e = NULL;

	if (engine_new(&e, &options, &hang_rig.err) != 0)
		fail_msg("%s", hang_rig.err.message);
	return e;
}

void hang_rig_open(void)
{
	hang_rig.e = hang_rig_engine(PROXY_MODULE, HANG_LIMIT);
	hang_rig.alpha = operate_key(hang_rig.e, HANG_ALPHA, ENGINE_SIGN);
	hang_rig.beta = operate_key(hang_rig.e, HANG_BETA, ENGINE_SIGN);
}

void hang_rig_close(void)
{
	token_key_free(hang_rig.alpha);
	token_key_free(hang_rig.beta);
	engine_free(hang_rig.e);
	hang_rig.alpha = hang_rig.beta = NULL;
	hang_rig.e = NULL;
}

void hang_rig_says(const struct error *said, const char *what)
{
	if (said->code != HSMIME_ETOKEN || strstr(said->message, what) == NULL)
		fail_msg("%d, \"%s\" instead of \"%s\"", said->code, said->message, what);
	assert_true(said->hint[0] != '\0');
}

void hang_rig_release(void)
{
	hang_rig.proxy->release();
	while (watch_hanging() > 0)
		sched_yield();
}

static void *sign_beside(void *arg)
{
	struct hang_signing *s = arg;

	s->status = operate_sign(s->key, &s->err);
	return NULL;
}

void hang_rig_start(struct hang_signing *s, struct token_key *key)
{
	memset(s, 0, sizeof(*s));
	s->key = key;
	assert_int_equal(pthread_create(&s->thread, NULL, sign_beside, s), 0);
}

int hang_rig_join(struct hang_signing *s)
{
	pthread_join(s->thread, NULL);
	return s->status;
}
