#include "raw_token.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *bench_env(const char *name)
{
	const char *value = getenv(name);

	if (value == NULL) {
		fprintf(stderr, "%s is not set\n", name);
		exit(2);
	}
	return value;
}

unsigned bench_number(const char *text)
{
	char *end = NULL;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value == 0 || value > 1000000) {
		fprintf(stderr, "not a number of use here: %s\n", text);
		exit(2);
	}
	return (unsigned)value;
}

void raw_check(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", what, rv);
	exit(1);
}

static CK_FUNCTION_LIST *load(const char *path)
{
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST *f = NULL;
	void *handle = dlopen(path, RTLD_NOW);

	if (handle != NULL)
		*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get == NULL) {
		fprintf(stderr, "%s: %s\n", path, dlerror());
		exit(1);
	}
	raw_check(get(&f), "C_GetFunctionList");
	return f;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *f, const char *label)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = 64;
	CK_TOKEN_INFO info;
	size_t len = strlen(label);

	raw_check(f->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	for (CK_ULONG i = 0; i < count; i++) {
		raw_check(f->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
		if (memcmp(info.label, label, len) == 0 && (len == 32 || info.label[len] == ' '))
			return slots[i];
	}
	fprintf(stderr, "no token %s\n", label);
	exit(1);
}

void raw_token_load(struct raw_token *t, const char *module)
{
	t->f = load(module);
}

void raw_token_login(struct raw_token *t)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	const char *pin = bench_env("BENCH_PIN");
	CK_RV rv = t->f->C_Initialize(&args);

	if (rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		raw_check(rv, "C_Initialize");
	t->slot = find_slot(t->f, bench_env("BENCH_TOKEN"));
	raw_check(t->f->C_OpenSession(
		      t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session),
	    "C_OpenSession");
	rv = t->f->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
	if (rv != CKR_USER_ALREADY_LOGGED_IN)
		raw_check(rv, "C_Login");
}

void raw_token_open(struct raw_token *t)
{
	raw_token_load(t, bench_env("HSMIME_MODULE"));
	raw_token_login(t);
}

CK_SESSION_HANDLE raw_token_session(const struct raw_token *t)
{
	CK_SESSION_HANDLE session = 0;

	raw_check(t->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &session),
	    "C_OpenSession");
	return session;
}

CK_OBJECT_HANDLE raw_token_find(const struct raw_token *t, CK_SESSION_HANDLE session,
    CK_OBJECT_CLASS cls, const unsigned char *id, size_t id_len)
{
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &cls, sizeof(cls) },
		{ CKA_ID, (void *)(uintptr_t)id, id_len },
	};
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG found = 0;

	raw_check(t->f->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
	raw_check(t->f->C_FindObjects(session, &object, 1, &found), "C_FindObjects");
	raw_check(t->f->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	if (found != 1) {
		fprintf(stderr, "no such object on the token\n");
		exit(1);
	}
	return object;
}
