/*
 * bare: the least that a process has to do for one signature by a key on a
 * token: what start-up is measured against.
 *
 * usage: bench_bare (the RSA key with CKA_ID 01 of $BENCH_TOKEN)
 */
#include "raw_token.h"

#include <unistd.h>

int main(void)
{
	static const unsigned char id[] = { 1 };
	unsigned char data[51] = { 0 }, signature[1024];
	CK_ULONG signature_len = sizeof(signature);
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_OBJECT_HANDLE key = 0;
	struct raw_token t;

	raw_token_open(&t);
	key = raw_token_find(&t, t.session, CKO_PRIVATE_KEY, id, sizeof(id));
	raw_check(t.f->C_SignInit(t.session, &mechanism, key), "C_SignInit");
	raw_check(t.f->C_Sign(t.session, data, sizeof(data), signature, &signature_len), "C_Sign");
	_exit(0);
}
