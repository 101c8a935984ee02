#include "proxy.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The functions that are counted; all others go straight to the inner module. */
enum function {
	F_INITIALIZE,
	F_FINALIZE,
	F_GETINFO,
	F_GETSLOTLIST,
	F_GETSLOTINFO,
	F_GETTOKENINFO,
	F_GETMECHANISMLIST,
	F_GETMECHANISMINFO,
	F_OPENSESSION,
	F_CLOSESESSION,
	F_CLOSEALLSESSIONS,
	F_GETSESSIONINFO,
	F_LOGIN,
	F_LOGOUT,
	F_COPYOBJECT,
	F_DESTROYOBJECT,
	F_GETATTRIBUTEVALUE,
	F_FINDOBJECTSINIT,
	F_FINDOBJECTS,
	F_FINDOBJECTSFINAL,
	F_DECRYPTINIT,
	F_DECRYPT,
	F_SIGNINIT,
	F_SIGN,
	F_DERIVEKEY,
	F_UNWRAPKEY,
	FUNCTIONS
};

static const char *const names[FUNCTIONS] = {
	[F_INITIALIZE] = "C_Initialize",
	[F_FINALIZE] = "C_Finalize",
	[F_GETINFO] = "C_GetInfo",
	[F_GETSLOTLIST] = "C_GetSlotList",
	[F_GETSLOTINFO] = "C_GetSlotInfo",
	[F_GETTOKENINFO] = "C_GetTokenInfo",
	[F_GETMECHANISMLIST] = "C_GetMechanismList",
	[F_GETMECHANISMINFO] = "C_GetMechanismInfo",
	[F_OPENSESSION] = "C_OpenSession",
	[F_CLOSESESSION] = "C_CloseSession",
	[F_CLOSEALLSESSIONS] = "C_CloseAllSessions",
	[F_GETSESSIONINFO] = "C_GetSessionInfo",
	[F_LOGIN] = "C_Login",
	[F_LOGOUT] = "C_Logout",
	[F_COPYOBJECT] = "C_CopyObject",
	[F_DESTROYOBJECT] = "C_DestroyObject",
	[F_GETATTRIBUTEVALUE] = "C_GetAttributeValue",
	[F_FINDOBJECTSINIT] = "C_FindObjectsInit",
	[F_FINDOBJECTS] = "C_FindObjects",
	[F_FINDOBJECTSFINAL] = "C_FindObjectsFinal",
	[F_DECRYPTINIT] = "C_DecryptInit",
	[F_DECRYPT] = "C_Decrypt",
	[F_SIGNINIT] = "C_SignInit",
	[F_SIGN] = "C_Sign",
	[F_DERIVEKEY] = "C_DeriveKey",
	[F_UNWRAPKEY] = "C_UnwrapKey",
};

static CK_FUNCTION_LIST *inner;
static CK_FUNCTION_LIST outer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong counts[FUNCTIONS];
static atomic_long sessions;
static atomic_long session_limit;
static atomic_ulong extra_flags;
static atomic_int no_locks;
static atomic_int inside;
static atomic_ulong overlap_count;
static struct {
	CK_RV rv;
	unsigned long skip;
	unsigned long times;
} failures[FUNCTIONS];

static int find(const char *name)
{
	for (int i = 0; i < FUNCTIONS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	abort();
}

static CK_RV planned_failure(enum function f)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (failures[f].skip > 0)
		failures[f].skip--;
	else if (failures[f].times > 0) {
		failures[f].times--;
		rv = failures[f].rv;
	}
	pthread_mutex_unlock(&lock);
	return rv;
}

/* Count the call; what it is to give instead of being passed on. */
static CK_RV enter(enum function f)
{
	atomic_fetch_add(&counts[f], 1);
	if (atomic_fetch_add(&inside, 1) > 0)
		atomic_fetch_add(&overlap_count, 1);
	return planned_failure(f);
}

static CK_RV leave(CK_RV rv)
{
	atomic_fetch_sub(&inside, 1);
	return rv;
}

/* The session is granted or refused before the inner module is asked. */
static CK_RV grant(void)
{
	long limit = atomic_load(&session_limit);

	if (atomic_fetch_add(&sessions, 1) < limit || limit == 0)
		return CKR_OK;
	atomic_fetch_sub(&sessions, 1);
	return CKR_SESSION_COUNT;
}

static int asks_for_locks(const CK_C_INITIALIZE_ARGS *args)
{
	return args != NULL && (args->flags & CKF_OS_LOCKING_OK) != 0;
}

static CK_RV call_initialize(void *args)
{
	CK_RV rv = enter(F_INITIALIZE);

	if (rv == CKR_OK && atomic_load(&no_locks) != 0 && asks_for_locks(args))
		rv = CKR_CANT_LOCK;
	if (rv == CKR_OK)
		rv = inner->C_Initialize(args);
	return leave(rv);
}

static CK_RV call_finalize(void *reserved)
{
	CK_RV rv = enter(F_FINALIZE);

	if (rv == CKR_OK)
		rv = inner->C_Finalize(reserved);
	atomic_store(&sessions, 0);
	return leave(rv);
}

static CK_RV call_getinfo(CK_INFO *info)
{
	CK_RV rv = enter(F_GETINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetInfo(info);
	return leave(rv);
}

static CK_RV call_getslotlist(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv = enter(F_GETSLOTLIST);

	if (rv == CKR_OK)
		rv = inner->C_GetSlotList(present, list, count);
	return leave(rv);
}

static CK_RV call_getslotinfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = enter(F_GETSLOTINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetSlotInfo(slot, info);
	return leave(rv);
}

static CK_RV call_gettokeninfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = enter(F_GETTOKENINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetTokenInfo(slot, info);
	if (rv == CKR_OK)
		info->flags |= atomic_load(&extra_flags);
	return leave(rv);
}

static CK_RV call_getmechanismlist(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV rv = enter(F_GETMECHANISMLIST);

	if (rv == CKR_OK)
		rv = inner->C_GetMechanismList(slot, list, count);
	return leave(rv);
}

static CK_RV call_getmechanisminfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	CK_RV rv = enter(F_GETMECHANISMINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetMechanismInfo(slot, type, info);
	return leave(rv);
}

static CK_RV call_opensession(
    CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_RV rv = enter(F_OPENSESSION);

	if (rv == CKR_OK)
		rv = grant();
	if (rv != CKR_OK)
		return leave(rv);
	if (rv == CKR_OK)
		rv = inner->C_OpenSession(slot, flags, arg, notify, session);
	if (rv != CKR_OK)
		atomic_fetch_sub(&sessions, 1);
	return leave(rv);
}

static CK_RV call_closesession(CK_SESSION_HANDLE session)
{
	CK_RV rv = enter(F_CLOSESESSION);

	if (rv == CKR_OK)
		rv = inner->C_CloseSession(session);
	if (rv == CKR_OK)
		atomic_fetch_sub(&sessions, 1);
	return leave(rv);
}

static CK_RV call_closeallsessions(CK_SLOT_ID slot)
{
	CK_RV rv = enter(F_CLOSEALLSESSIONS);

	if (rv == CKR_OK)
		rv = inner->C_CloseAllSessions(slot);
	atomic_store(&sessions, 0);
	return leave(rv);
}

static CK_RV call_getsessioninfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	CK_RV rv = enter(F_GETSESSIONINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetSessionInfo(session, info);
	return leave(rv);
}

static CK_RV call_login(
    CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
	CK_RV rv = enter(F_LOGIN);

	if (rv == CKR_OK)
		rv = inner->C_Login(session, user, pin, len);
	return leave(rv);
}

static CK_RV call_logout(CK_SESSION_HANDLE session)
{
	CK_RV rv = enter(F_LOGOUT);

	if (rv == CKR_OK)
		rv = inner->C_Logout(session);
	return leave(rv);
}

static CK_RV call_copyobject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	CK_RV rv = enter(F_COPYOBJECT);

	if (rv == CKR_OK)
		rv = inner->C_CopyObject(session, object, template, count, copy);
	return leave(rv);
}

static CK_RV call_destroyobject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_RV rv = enter(F_DESTROYOBJECT);

	if (rv == CKR_OK)
		rv = inner->C_DestroyObject(session, object);
	return leave(rv);
}

static CK_RV call_getattributevalue(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = enter(F_GETATTRIBUTEVALUE);

	if (rv == CKR_OK)
		rv = inner->C_GetAttributeValue(session, object, template, count);
	return leave(rv);
}

static CK_RV call_findobjectsinit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = enter(F_FINDOBJECTSINIT);

	if (rv == CKR_OK)
		rv = inner->C_FindObjectsInit(session, template, count);
	return leave(rv);
}

static CK_RV call_findobjects(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count)
{
	CK_RV rv = enter(F_FINDOBJECTS);

	if (rv == CKR_OK)
		rv = inner->C_FindObjects(session, objects, room, count);
	return leave(rv);
}

static CK_RV call_findobjectsfinal(CK_SESSION_HANDLE session)
{
	CK_RV rv = enter(F_FINDOBJECTSFINAL);

	if (rv == CKR_OK)
		rv = inner->C_FindObjectsFinal(session);
	return leave(rv);
}

static CK_RV call_decryptinit(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = enter(F_DECRYPTINIT);

	if (rv == CKR_OK)
		rv = inner->C_DecryptInit(session, mechanism, key);
	return leave(rv);
}

static CK_RV call_decrypt(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
    unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv = enter(F_DECRYPT);

	if (rv == CKR_OK)
		rv = inner->C_Decrypt(session, data, len, out, out_len);
	return leave(rv);
}

static CK_RV call_signinit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = enter(F_SIGNINIT);

	if (rv == CKR_OK)
		rv = inner->C_SignInit(session, mechanism, key);
	return leave(rv);
}

static CK_RV call_sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
    unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv = enter(F_SIGN);

	if (rv == CKR_OK)
		rv = inner->C_Sign(session, data, len, out, out_len);
	return leave(rv);
}

static CK_RV call_derivekey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *derived)
{
	CK_RV rv = enter(F_DERIVEKEY);

	if (rv == CKR_OK)
		rv = inner->C_DeriveKey(session, mechanism, key, template, count, derived);
	return leave(rv);
}

static CK_RV call_unwrapkey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *unwrapped)
{
	CK_RV rv = enter(F_UNWRAPKEY);

	if (rv == CKR_OK)
		rv = inner->C_UnwrapKey(
		    session, mechanism, key, wrapped, len, template, count, unwrapped);
	return leave(rv);
}

static unsigned long get_count(const char *name)
{
	return atomic_load(&counts[find(name)]);
}

static unsigned long get_round_trips(void)
{
	unsigned long total = 0;

	for (int i = 0; i < FUNCTIONS; i++)
		if (i != F_INITIALIZE && i != F_FINALIZE && i != F_GETINFO &&
		    i != F_FINDOBJECTSFINAL)
			total += atomic_load(&counts[i]);
	return total;
}

static void reset(void)
{
	pthread_mutex_lock(&lock);
	memset(failures, 0, sizeof(failures));
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < FUNCTIONS; i++)
		atomic_store(&counts[i], 0);
	atomic_store(&session_limit, 0);
	atomic_store(&extra_flags, 0);
	atomic_store(&no_locks, 0);
	atomic_store(&overlap_count, 0);
}

static void limit_sessions(unsigned long limit)
{
	atomic_store(&session_limit, (long)limit);
}

static void refuse(const char *name, CK_RV rv, unsigned long skip, unsigned long times)
{
	int f = find(name);

	pthread_mutex_lock(&lock);
	failures[f].rv = rv;
	failures[f].skip = skip;
	failures[f].times = times;
	pthread_mutex_unlock(&lock);
}

static void set_flags(CK_FLAGS flags)
{
	atomic_store(&extra_flags, flags);
}

static void cant_lock(int on)
{
	atomic_store(&no_locks, on);
}

static unsigned long get_overlaps(void)
{
	return atomic_load(&overlap_count);
}

const struct proxy *proxy_control(void) __attribute__((visibility("default")));

const struct proxy *proxy_control(void)
{
	static const struct proxy control = { get_count, get_round_trips, reset, limit_sessions,
		refuse, set_flags, cant_lock, get_overlaps };

	return &control;
}

static CK_RV load_inner(void)
{
	const char *path = getenv("PROXY_INNER");
	void *handle = dlopen(path != NULL ? path : SOFTHSM_MODULE, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;

	if (handle == NULL)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	return get != NULL ? get(&inner) : CKR_GENERAL_ERROR;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) __attribute__((visibility("default")));

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	CK_RV rv = CKR_OK;

	pthread_mutex_lock(&lock);
	if (inner == NULL)
		rv = load_inner();
	if (rv == CKR_OK && outer.C_GetFunctionList == NULL) {
		outer = *inner;
		outer.C_GetFunctionList = C_GetFunctionList;
		outer.C_Initialize = call_initialize;
		outer.C_Finalize = call_finalize;
		outer.C_GetInfo = call_getinfo;
		outer.C_GetSlotList = call_getslotlist;
		outer.C_GetSlotInfo = call_getslotinfo;
		outer.C_GetTokenInfo = call_gettokeninfo;
		outer.C_GetMechanismList = call_getmechanismlist;
		outer.C_GetMechanismInfo = call_getmechanisminfo;
		outer.C_OpenSession = call_opensession;
		outer.C_CloseSession = call_closesession;
		outer.C_CloseAllSessions = call_closeallsessions;
		outer.C_GetSessionInfo = call_getsessioninfo;
		outer.C_Login = call_login;
		outer.C_Logout = call_logout;
		outer.C_CopyObject = call_copyobject;
		outer.C_DestroyObject = call_destroyobject;
		outer.C_GetAttributeValue = call_getattributevalue;
		outer.C_FindObjectsInit = call_findobjectsinit;
		outer.C_FindObjects = call_findobjects;
		outer.C_FindObjectsFinal = call_findobjectsfinal;
		outer.C_DecryptInit = call_decryptinit;
		outer.C_Decrypt = call_decrypt;
		outer.C_SignInit = call_signinit;
		outer.C_Sign = call_sign;
		outer.C_DeriveKey = call_derivekey;
		outer.C_UnwrapKey = call_unwrapkey;
	}
	pthread_mutex_unlock(&lock);
	*list = &outer;
	return rv;
}
