#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy_rig.h"

struct proxy_rig proxy_rig;

CK_RV proxy_rig_log_in(const char *pin)
{
	unsigned char copy[64];

	memcpy(copy, pin, strlen(pin));
	return proxy_rig.f->C_Login(proxy_rig.session, CKU_USER, copy, strlen(pin));
}

void proxy_rig_open_session(void)
{
	assert_int_equal(proxy_rig.f->C_OpenSession(proxy_rig.slot,
			     CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &proxy_rig.session),
	    0);
}

int proxy_rig_set_up(void **state)
{
	(void)state;
	softtoken_begin(&proxy_rig.st);
	softtoken_add(&proxy_rig.st, "Saboteur");
	proxy_rig.rsa =
	    softtoken_rsa(&proxy_rig.st, 1, "rsa", 2048, KEY_SIGN | KEY_DECRYPT | KEY_UNWRAP);
	softtoken_seal(&proxy_rig.st);
	proxy_rig.proxy = softtoken_proxy();
	proxy_rig.f = softtoken_proxy_functions();
	return 0;
}

int proxy_rig_tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(proxy_rig.rsa);
	softtoken_end(&proxy_rig.st);
	return 0;
}

int proxy_rig_begin(void **state)
{
	(void)state;
	proxy_rig.proxy->reset();
	assert_int_equal(proxy_rig.f->C_Initialize(NULL), CKR_OK);
	proxy_rig.slot = softtoken_slot(proxy_rig.f, "Saboteur");
	proxy_rig_open_session();
	assert_int_equal(proxy_rig_log_in(SOFTTOKEN_PIN), CKR_OK);
	proxy_rig.proxy->reset();
	return 0;
}

int proxy_rig_end(void **state)
{
	(void)state;
	proxy_rig.proxy->reset();
	assert_int_equal(proxy_rig.f->C_Finalize(NULL), CKR_OK);
	return 0;
}

/* The private key 01. */
CK_OBJECT_HANDLE proxy_rig_key(void)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, (char *)"\x01", 1 } };
	CK_OBJECT_HANDLE handles[2] = { 0, 0 };
	CK_ULONG count = 0;

	assert_int_equal(proxy_rig.f->C_FindObjectsInit(proxy_rig.session, t, 2), CKR_OK);
	assert_int_equal(proxy_rig.f->C_FindObjects(proxy_rig.session, handles, 2, &count), CKR_OK);
	assert_int_equal(proxy_rig.f->C_FindObjectsFinal(proxy_rig.session), CKR_OK);
	assert_int_equal(count, 1);
	return handles[0];
}

CK_RV proxy_rig_begin_sign(CK_OBJECT_HANDLE k)
{
	CK_MECHANISM m = { CKM_RSA_PKCS, NULL, 0 };

	return proxy_rig.f->C_SignInit(proxy_rig.session, &m, k);
}

CK_RV proxy_rig_finish_sign(void)
{
	unsigned char data[32] = { 0 }, sig[512];
	CK_ULONG len = sizeof(sig);

	return proxy_rig.f->C_Sign(proxy_rig.session, data, sizeof(data), sig, &len);
}

CK_RV proxy_rig_sign(CK_OBJECT_HANDLE k)
{
	CK_RV rv = proxy_rig_begin_sign(k);

	return rv == CKR_OK ? proxy_rig_finish_sign() : rv;
}
