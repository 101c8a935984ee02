#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/rsa.h>

#include "engine/key.h"
#include "engine/log.h"
#include "engine/slot.h"
#include "engine/zone.h"
#include "group_rig.h"
#include "operate.h"
#include "softtoken_put.h"

struct group_rig group_rig;

static struct softtoken st;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[65536]; /* under the lock */

int group_rig_set_up(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
	static const char *const labels[] = { "Alpha", "Beta" };

	(void)state;
	softtoken_begin(&st);
	for (size_t i = 0; i < 2; i++) {
		softtoken_add(&st, labels[i]);
		softtoken_put(&st, 1, "rsa", rsa);
		softtoken_put(&st, 2, "ec", ec);
		softtoken_put_for(&st, 4, "unwraps", rsa, KEY_SIGN | KEY_UNWRAP);
		EVP_PKEY_free(softtoken_ec(&st, 3, "own", "P-256", KEY_SIGN));
	}
	softtoken_seal(&st);
	group_rig.proxy = softtoken_proxy();
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	return 0;
}

int group_rig_tear_down(void **state)
{
	(void)state;
	softtoken_end(&st);
	return 0;
}

static void note(void *arg, int level, const char *message)
{
	size_t len;

	(void)arg;
	(void)level;
	pthread_mutex_lock(&lock);
	len = strlen(logged);
	snprintf(logged + len, sizeof(logged) - len, "%s\n", message);
	pthread_mutex_unlock(&lock);
}

void group_rig_listen(void)
{
	log_to((struct log_target){ note, NULL });
}

int group_rig_begin(void **state)
{
	(void)state;
	group_rig.proxy->reset();
	setenv("TEST_PIN", SOFTTOKEN_PIN, 1);
	logged[0] = '\0';
	group_rig_listen();
	alarm(120);
	return 0;
}

int group_rig_end(void **state)
{
	(void)state;
	group_rig.proxy->reset();
	token_key_free(group_rig.group);
	token_key_free(group_rig.alpha);
	token_key_free(group_rig.beta);
	engine_free(group_rig.e);
	group_rig.group = group_rig.alpha = group_rig.beta = NULL;
	group_rig.e = NULL;
	zone_end();
	log_to((struct log_target){ NULL, NULL });
	alarm(0);
	return 0;
}

static struct token_key *find(const char *label, const char *id)
{
	char uri[64];

	snprintf(uri, sizeof(uri), "pkcs11:token=%s;id=%s", label, id);
	return operate_key(group_rig.e, uri, ENGINE_SIGN);
}

void group_rig_open_two(const char *of_alpha, const char *of_beta, unsigned call_limit)
{
	struct engine_options options = {
		.module = PROXY_MODULE, .pin_source = "env:TEST_PIN", .call_limit = call_limit
	};
	struct token_key *keys[2];
	struct error err = { 0 };

	assert_int_equal(engine_new(&group_rig.e, &options, &err), 0);
	keys[0] = group_rig.alpha = find("Alpha", of_alpha);
	keys[1] = group_rig.beta = find("Beta", of_beta);
	assert_int_equal(token_key_group(&group_rig.group, keys, 2, 0, &err), 0);
}

void group_rig_open(const char *id, unsigned call_limit)
{
	group_rig_open_two(id, id, call_limit);
}

bool group_rig_logged(const char *what)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = strstr(logged, what) != NULL;
	pthread_mutex_unlock(&lock);
	return found;
}

void group_rig_was_logged(const char *what)
{
	if (!group_rig_logged(what))
		fail_msg("no \"%s\" in: %s", what, logged);
}

void group_rig_is_due(struct token_key *k)
{
	atomic_store(&k->token->health.again, 1);
}
