#include "proxy_guard.h"

#include <pthread.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static const CK_FUNCTION_LIST *bare;
static CK_FUNCTION_LIST guarded;

static CK_RV leave(CK_RV rv)
{
	pthread_rwlock_unlock(&lock);
	return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	pthread_rwlock_rdlock(&lock);
	return leave(bare->C_SignInit(session, mechanism, key));
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	pthread_rwlock_rdlock(&lock);
	return leave(bare->C_DecryptInit(session, mechanism, key));
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	pthread_rwlock_rdlock(&lock);
	return leave(bare->C_DeriveKey(session, mechanism, base, template, count, key));
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
    CK_BYTE *wrapped, CK_ULONG len, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	pthread_rwlock_rdlock(&lock);
	return leave(
	    bare->C_UnwrapKey(session, mechanism, with, wrapped, len, template, count, key));
}

static CK_RV copy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	pthread_rwlock_rdlock(&lock);
	return leave(bare->C_CopyObject(session, object, template, count, copy));
}

static CK_RV logout(CK_SESSION_HANDLE session)
{
	pthread_rwlock_wrlock(&lock);
	return leave(bare->C_Logout(session));
}

CK_FUNCTION_LIST *proxy_guard(const CK_FUNCTION_LIST *inner)
{
	bare = inner;
	guarded = *inner;
	guarded.C_SignInit = sign_init;
	guarded.C_DecryptInit = decrypt_init;
	guarded.C_DeriveKey = derive_key;
	guarded.C_UnwrapKey = unwrap_key;
	guarded.C_CopyObject = copy_object;
	guarded.C_Logout = logout;
	return &guarded;
}
