/*
 * unwrap_only MODULE LABEL PIN ID: from here on the RSA private key with that CKA_ID (one octet,
 * hexadecimal) on the token with that label unwraps and does not decrypt, as the policy of some HSMs
 * has it.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *f;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void ok(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "unwrap_only: %s: 0x%lx\n", what, rv);
	exit(1);
}

static void load(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW);
	CK_C_GetFunctionList get = NULL;

	if (handle != NULL)
		*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get == NULL) {
		fprintf(stderr, "unwrap_only: %s is no module\n", path);
		exit(1);
	}
	ok(get(&f), "C_GetFunctionList");
	ok(f->C_Initialize(NULL), "C_Initialize");
}

static CK_SLOT_ID slot_of(const char *label)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = 64;

	ok(f->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;

		ok(f->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
		if (memcmp(info.label, label, strlen(label)) == 0)
			return slots[i];
	}
	ok(CKR_TOKEN_NOT_PRESENT, label);
	return 0;
}

static CK_OBJECT_HANDLE key_of(CK_SESSION_HANDLE session, unsigned char id)
{
	CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &private_key, sizeof(private_key) },
		{ CKA_ID, &id, 1 } };
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG count = 0;

	ok(f->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
	ok(f->C_FindObjects(session, &key, 1, &count), "C_FindObjects");
	ok(f->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	ok(count == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID, "the key");
	return key;
}

int main(int argc, char **argv)
{
	CK_ATTRIBUTE use[] = { { CKA_DECRYPT, &no, sizeof(no) },
		{ CKA_UNWRAP, &yes, sizeof(yes) } };
	CK_SESSION_HANDLE session = 0;

	if (argc != 5)
		return 2;
	load(argv[1]);
	ok(f->C_OpenSession(
	       slot_of(argv[2]), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
	    "C_OpenSession");
	ok(f->C_Login(session, CKU_USER, (unsigned char *)argv[3], strlen(argv[3])), "C_Login");
	ok(f->C_SetAttributeValue(
	       session, key_of(session, (unsigned char)strtoul(argv[4], NULL, 16)), use, 2),
	    "C_SetAttributeValue");
	ok(f->C_Finalize(NULL), "C_Finalize");
	return 0;
}
