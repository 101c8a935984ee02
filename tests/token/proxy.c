#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proxy_plan.h"

static CK_FUNCTION_LIST *inner;
static CK_FUNCTION_LIST outer;
static atomic_bool initialised;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static CK_RV call_initialize(void *args)
{
	CK_RV rv = plan_enter(F_INITIALIZE);

	/* A second call gets CKR_CRYPTOKI_ALREADY_INITIALIZED, whatever it asks for. */
	if (rv == CKR_OK && !initialised && plan_cant_lock(args))
		rv = CKR_CANT_LOCK;
	if (rv == CKR_OK)
		rv = inner->C_Initialize(args);
	if (rv == CKR_OK)
		initialised = true;
	return plan_leave(rv);
}

static CK_RV call_finalize(void *reserved)
{
	CK_RV rv = plan_enter(F_FINALIZE);

	if (rv == CKR_OK)
		rv = inner->C_Finalize(reserved);
	if (rv == CKR_OK)
		initialised = false;
	plan_sessions_gone(0);
	return plan_leave(rv);
}

static CK_RV call_getinfo(CK_INFO *info)
{
	CK_RV rv = plan_enter(F_GETINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetInfo(info);
	return plan_leave(rv);
}

static CK_RV call_getslotlist(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv = plan_enter(F_GETSLOTLIST);

	if (rv == CKR_OK)
		rv = inner->C_GetSlotList(present, list, count);
	plan_slots(rv, count);
	if (list != NULL)
		plan_length(F_GETSLOTLIST, rv, count);
	return plan_leave(rv);
}

static CK_RV call_getslotinfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = plan_enter(F_GETSLOTINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetSlotInfo(slot, info);
	return plan_leave(rv);
}

static CK_RV call_gettokeninfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = plan_enter(F_GETTOKENINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetTokenInfo(slot, info);
	if (rv == CKR_OK)
		plan_token(info);
	return plan_leave(rv);
}

static CK_RV call_getmechanismlist(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV rv = plan_enter(F_GETMECHANISMLIST);

	if (rv == CKR_OK)
		rv = inner->C_GetMechanismList(slot, list, count);
	return plan_leave(rv);
}

static CK_RV call_getmechanisminfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	CK_RV rv = plan_enter(F_GETMECHANISMINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetMechanismInfo(slot, type, info);
	return plan_leave(rv);
}

static CK_RV call_opensession(
    CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_RV rv = plan_enter(F_OPENSESSION);

	if (rv == CKR_OK)
		rv = plan_session();
	if (rv != CKR_OK)
		return plan_leave(rv);
	if (rv == CKR_OK)
		rv = inner->C_OpenSession(slot, flags, arg, notify, session);
	if (rv != CKR_OK)
		plan_sessions_gone(1);
	return plan_leave(rv);
}

static CK_RV call_closesession(CK_SESSION_HANDLE session)
{
	CK_RV rv = plan_enter(F_CLOSESESSION);

	if (rv == CKR_OK)
		rv = inner->C_CloseSession(session);
	if (rv == CKR_OK)
		plan_sessions_gone(1);
	return plan_leave(rv);
}

static CK_RV call_closeallsessions(CK_SLOT_ID slot)
{
	CK_RV rv = plan_enter(F_CLOSEALLSESSIONS);

	if (rv == CKR_OK)
		rv = inner->C_CloseAllSessions(slot);
	plan_sessions_gone(0);
	return plan_leave(rv);
}

static CK_RV call_getsessioninfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	CK_RV rv = plan_enter(F_GETSESSIONINFO);

	if (rv == CKR_OK)
		rv = inner->C_GetSessionInfo(session, info);
	return plan_leave(rv);
}

static CK_RV call_login(
    CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
	CK_RV rv = plan_enter(F_LOGIN);

	plan_pin(pin);
	if (rv == CKR_OK)
		rv = inner->C_Login(session, user, pin, len);
	return plan_leave(rv);
}

static CK_RV call_logout(CK_SESSION_HANDLE session)
{
	CK_RV rv = plan_enter(F_LOGOUT);

	if (rv == CKR_OK)
		rv = inner->C_Logout(session);
	return plan_leave(rv);
}

static CK_RV call_copyobject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	CK_RV rv = plan_enter(F_COPYOBJECT);

	if (rv == CKR_OK)
		rv = inner->C_CopyObject(session, object, template, count, copy);
	return plan_leave(rv);
}

static CK_RV call_destroyobject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_RV rv = plan_enter(F_DESTROYOBJECT);

	if (rv == CKR_OK)
		rv = inner->C_DestroyObject(session, object);
	return plan_leave(rv);
}

static CK_RV call_getattributevalue(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = plan_enter(F_GETATTRIBUTEVALUE);
	CK_ULONG lie = 0;

	if (rv == CKR_OK)
		rv = inner->C_GetAttributeValue(session, object, template, count);
	if (plan_lie(F_GETATTRIBUTEVALUE, CKR_OK, &lie))
		for (CK_ULONG i = 0; i < count; i++)
			template[i].ulValueLen = lie;
	return plan_leave(rv);
}

static CK_RV call_findobjectsinit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = plan_enter(F_FINDOBJECTSINIT);

	if (rv == CKR_OK)
		rv = inner->C_FindObjectsInit(session, template, count);
	return plan_leave(rv);
}

static CK_RV call_findobjects(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count)
{
	CK_RV rv = plan_enter(F_FINDOBJECTS);

	if (rv == CKR_OK)
		rv = inner->C_FindObjects(session, objects, room, count);
	plan_length(F_FINDOBJECTS, rv, count);
	return plan_leave(rv);
}

static CK_RV call_findobjectsfinal(CK_SESSION_HANDLE session)
{
	CK_RV rv = plan_enter(F_FINDOBJECTSFINAL);

	if (rv == CKR_OK)
		rv = inner->C_FindObjectsFinal(session);
	return plan_leave(rv);
}

static CK_RV call_decryptinit(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = plan_enter(F_DECRYPTINIT);

	if (rv == CKR_OK)
		rv = inner->C_DecryptInit(session, mechanism, key);
	return plan_leave(rv);
}

static CK_RV call_decrypt(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
    unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv = plan_enter(F_DECRYPT), done = CKR_OK;

	if (plan_decrypt(len) || rv == CKR_OK)
		done = inner->C_Decrypt(session, data, len, out, out_len);
	if (rv == CKR_OK)
		rv = done;
	plan_length(F_DECRYPT, rv, out_len);
	return plan_leave(rv);
}

static CK_RV call_signinit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = plan_enter(F_SIGNINIT);

	if (rv == CKR_OK)
		rv = inner->C_SignInit(session, mechanism, key);
	return plan_leave(rv);
}

static CK_RV call_sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
    unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv = plan_enter(F_SIGN);

	if (rv == CKR_OK)
		rv = inner->C_Sign(session, data, len, out, out_len);
	plan_length(F_SIGN, rv, out_len);
	return plan_leave(rv);
}

static CK_RV call_derivekey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *derived)
{
	CK_RV rv = plan_enter(F_DERIVEKEY);

	if (rv == CKR_OK)
		rv = inner->C_DeriveKey(session, mechanism, key, template, count, derived);
	return plan_leave(rv);
}

static CK_RV call_unwrapkey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *unwrapped)
{
	CK_RV rv = plan_enter(F_UNWRAPKEY);

	if (rv == CKR_OK)
		rv = inner->C_UnwrapKey(
		    session, mechanism, key, wrapped, len, template, count, unwrapped);
	return plan_leave(rv);
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
