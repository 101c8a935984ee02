#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "token_rig.h"

struct token_rig token_rig;

int token_rig_set_up(void **state)
{
	struct softtoken *st = &token_rig.st;
	struct softtoken_cert c = { "Rig", NULL, NULL, -3600, 360000 };
	EVP_PKEY *rsa = NULL;
	X509 *cert = NULL;

	(void)state;
	softtoken_begin(st);
	softtoken_add(st, "Rig");
	rsa = softtoken_rsa(st, 1, "rsa", 2048, KEY_SIGN | KEY_DECRYPT);
	cert = softtoken_issue(st, rsa, &c);
	softtoken_store(st, cert, 1, "rsa", true, false);
	X509_free(cert);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(softtoken_ec(st, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE));
	softtoken_seal(st);
	token_rig.proxy = softtoken_proxy();
	return 0;
}

int token_rig_tear_down(void **state)
{
	(void)state;
	softtoken_end(&token_rig.st);
	return 0;
}

int token_rig_begin(void **state)
{
	(void)state;
	token_rig.proxy->reset();
	memset(&token_rig.err, 0, sizeof(token_rig.err));
	return 0;
}

int token_rig_begin_with(void **state, const char *key)
{
	token_rig_begin(state);
	token_rig.e = operate_engine();
	token_rig.k = operate_key(token_rig.e, key, ENGINE_SIGN);
	alarm(120);
	return 0;
}

int token_rig_end(void **state)
{
	(void)state;
	token_key_free(token_rig.k);
	engine_free(token_rig.e);
	alarm(0);
	return 0;
}

void token_rig_works(void)
{
	struct engine *e = operate_engine();
	struct token_key *k = operate_key(e, TOKEN_RIG_EC, ENGINE_SIGN);

	assert_int_equal(operate_sign(k, &token_rig.err), 0);
	token_key_free(k);
	engine_free(e);
}
