#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>

#include "engine/public_key.h"
#include "odd_rig.h"

struct odd_rig odd_rig;

int odd_rig_set_up(void **state)
{
	struct softtoken *st = &odd_rig.st;

	(void)state;
	softtoken_begin(st);
	softtoken_add(st, "Odd");
	EVP_PKEY_free(softtoken_rsa(st, 1, "rsa", 2048, KEY_SIGN | KEY_DECRYPT | KEY_UNWRAP));
	EVP_PKEY_free(softtoken_ec(st, 2, "ec", "P-256", KEY_SIGN | KEY_DERIVE));
	for (int i = 0; i < 2; i++) {
		softtoken_add(st, "Twin");
		EVP_PKEY_free(softtoken_ec(st, 1, "ec", "P-256", KEY_SIGN));
	}
	softtoken_seal(st);
	odd_rig.proxy = softtoken_proxy();
	return 0;
}

int odd_rig_tear_down(void **state)
{
	(void)state;
	softtoken_end(&odd_rig.st);
	return 0;
}

int odd_rig_begin(void **state)
{
	(void)state;
	odd_rig.proxy->reset();
	memset(&odd_rig.err, 0, sizeof(odd_rig.err));
	odd_rig.e = operate_engine();
	odd_rig.rsa = operate_key(odd_rig.e, ODD_RIG_RSA, ENGINE_DECRYPT);
	odd_rig.ec = operate_key(odd_rig.e, ODD_RIG_EC, ENGINE_SIGN);
	odd_rig.agrees = operate_key(odd_rig.e, ODD_RIG_EC, ENGINE_DECRYPT);
	assert_int_equal(operate_sign(odd_rig.ec, &odd_rig.err), 0);
	odd_rig.proxy->reset();
	return 0;
}

int odd_rig_end(void **state)
{
	(void)state;
	odd_rig.proxy->reset();
	token_key_free(odd_rig.rsa);
	token_key_free(odd_rig.ec);
	token_key_free(odd_rig.agrees);
	engine_free(odd_rig.e);
	return 0;
}

void odd_rig_edwards(unsigned char id)
{
	static unsigned char ed25519[] = { 6, 3, 0x2b, 0x65, 0x70 };
	CK_FUNCTION_LIST *f = softtoken_proxy_functions();
	CK_MECHANISM m = { CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE public_key[] = { { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_EC_PARAMS, ed25519, sizeof(ed25519) }, { CKA_ID, &id, 1 } };
	CK_ATTRIBUTE private_key[] = { { CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) }, { CKA_ID, &id, 1 },
		{ CKA_SIGN, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE a = 0, b = 0;
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(f->C_OpenSession(softtoken_slot(f, "Odd"),
			     CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(
	    f->C_GenerateKeyPair(session, &m, public_key, 3, private_key, 4, &a, &b), CKR_OK);
	assert_int_equal(f->C_CloseSession(session), CKR_OK);
}

int odd_rig_agree(void)
{
	EVP_PKEY *peer = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
	unsigned char point[PUBLIC_POINT_MAX], ours[66], theirs[66];
	size_t len = sizeof(point), ours_len = sizeof(ours), theirs_len = sizeof(theirs);
	int r;

	assert_true(public_key_point(point, &len, peer));
	r = token_key_derive(odd_rig.agrees, ours, &ours_len, point, len, &odd_rig.err);
	assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
	assert_int_equal(EVP_PKEY_derive_set_peer(ctx, token_key_public(odd_rig.agrees)), 1);
	assert_int_equal(EVP_PKEY_derive(ctx, theirs, &theirs_len), 1);
	if (r == 0) {
		assert_int_equal(ours_len, theirs_len);
		assert_memory_equal(ours, theirs, ours_len);
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return r;
}
