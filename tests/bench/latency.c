/*
 * latency: a PKCS#11 module in front of another one, as far away as a network
 * makes it. Every call that a remote token has to answer waits first, and is
 * counted.
 *
 * LATENCY_MODULE     the module behind it
 * LATENCY_US         microseconds before every call
 * LATENCY_CRYPTO_US  microseconds before C_Sign, C_Decrypt and C_DeriveKey instead
 * LATENCY_REPLAY     set: C_Sign, C_Decrypt and C_DeriveKey answer what the same key
 *                    answered before, so that the wait is all they cost
 * LATENCY_SESSIONS   sessions that C_OpenSession grants at a time
 * LATENCY_COUNTS     file that holds the counts, one 64-bit number per call in the
 *                    order of enum latency_call (latency_way.h); processes add up
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "latency_replay.h"
#include "latency_way.h"

static CK_FUNCTION_LIST *inner;
static CK_FUNCTION_LIST outer;
static long session_limit;
static atomic_long sessions;
static bool replay;
static _Thread_local struct latency_started started; /* its operation follows on the same thread */

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	latency_trip(CALL_SLOT_LIST);
	return inner->C_GetSlotList(present, list, count);
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	latency_trip(CALL_SLOT_INFO);
	return inner->C_GetSlotInfo(slot, info);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	latency_trip(CALL_TOKEN_INFO);
	return inner->C_GetTokenInfo(slot, info);
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	latency_trip(CALL_MECHANISM_LIST);
	return inner->C_GetMechanismList(slot, list, count);
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	latency_trip(CALL_MECHANISM_INFO);
	return inner->C_GetMechanismInfo(slot, type, info);
}

static CK_RV open_session(
    CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_RV rv;

	latency_trip(CALL_OPEN_SESSION);
	if (session_limit > 0 && atomic_fetch_add(&sessions, 1) >= session_limit) {
		atomic_fetch_sub(&sessions, 1);
		return CKR_SESSION_COUNT;
	}
	rv = inner->C_OpenSession(slot, flags, arg, notify, session);
	if (rv != CKR_OK)
		atomic_fetch_sub(&sessions, 1);
	return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
	latency_trip(CALL_CLOSE_SESSION);
	atomic_fetch_sub(&sessions, 1);
	return inner->C_CloseSession(session);
}

static CK_RV close_all_sessions(CK_SLOT_ID slot)
{
	latency_trip(CALL_CLOSE_ALL);
	return inner->C_CloseAllSessions(slot);
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	latency_trip(CALL_SESSION_INFO);
	return inner->C_GetSessionInfo(session, info);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
	latency_trip(CALL_LOGIN);
	return inner->C_Login(session, user, pin, len);
}

static CK_RV logout(CK_SESSION_HANDLE session)
{
	latency_trip(CALL_LOGOUT);
	return inner->C_Logout(session);
}

static CK_RV create_object(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	latency_trip(CALL_CREATE);
	return inner->C_CreateObject(session, template, count, object);
}

static CK_RV copy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	latency_trip(CALL_COPY);
	return inner->C_CopyObject(session, object, template, count, copy);
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	latency_trip(CALL_DESTROY);
	if (latency_secret(object) != NULL)
		return CKR_OK;
	return inner->C_DestroyObject(session, object);
}

static CK_RV tell_secret(const struct latency_secret *s, CK_ATTRIBUTE *template, CK_ULONG count)
{
	if (count != 1 || template->type != CKA_VALUE || template->ulValueLen < s->len)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	memcpy(template->pValue, s->octets, s->len);
	template->ulValueLen = s->len;
	return CKR_OK;
}

static CK_RV get_attribute_value(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	latency_trip(CALL_GET_ATTRIBUTES);
	if (latency_secret(object) != NULL)
		return tell_secret(latency_secret(object), template, count);
	return inner->C_GetAttributeValue(session, object, template, count);
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	latency_trip(CALL_FIND_INIT);
	return inner->C_FindObjectsInit(session, template, count);
}

static CK_RV find_objects(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count)
{
	latency_trip(CALL_FIND);
	return inner->C_FindObjects(session, objects, max, count);
}

static CK_RV init_operation(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, bool decrypt,
    CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))
{
	started.decrypt = decrypt;
	started.mechanism = *mechanism;
	started.key = key;
	return replay ? CKR_OK : init(session, mechanism, key);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	latency_trip(CALL_SIGN_INIT);
	return init_operation(session, mechanism, key, false, inner->C_SignInit);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	latency_trip(CALL_DECRYPT_INIT);
	return init_operation(session, mechanism, key, true, inner->C_DecryptInit);
}

static CK_RV sign(
    CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = CKR_OK;

	latency_crypto_trip(CALL_SIGN);
	if (!replay)
		return inner->C_Sign(session, data, len, out, out_len);
	if (latency_replayed(&started, out, out_len))
		return CKR_OK;
	rv = inner->C_SignInit(session, &started.mechanism, started.key);
	if (rv == CKR_OK)
		rv = inner->C_Sign(session, data, len, out, out_len);
	if (rv == CKR_OK)
		latency_remember(&started, out, *out_len);
	return rv;
}

static CK_RV decrypt(
    CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = CKR_OK;

	latency_crypto_trip(CALL_DECRYPT);
	if (!replay)
		return inner->C_Decrypt(session, data, len, out, out_len);
	memcpy(started.of, data, len < LATENCY_OF ? len : LATENCY_OF);
	if (latency_replayed(&started, out, out_len))
		return CKR_OK;
	rv = inner->C_DecryptInit(session, &started.mechanism, started.key);
	if (rv == CKR_OK)
		rv = inner->C_Decrypt(session, data, len, out, out_len);
	if (rv == CKR_OK)
		latency_remember(&started, out, *out_len);
	return rv;
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct latency_secret s = { .base = base };
	CK_ATTRIBUTE value = { CKA_VALUE, s.octets, sizeof(s.octets) };
	CK_RV rv;

	latency_crypto_trip(CALL_DERIVE);
	if (replay && latency_replayed_secret(base, key))
		return CKR_OK;
	rv = inner->C_DeriveKey(session, mechanism, base, template, count, key);
	if (replay && rv == CKR_OK &&
	    inner->C_GetAttributeValue(session, *key, &value, 1) == CKR_OK) {
		s.len = value.ulValueLen;
		latency_remember_secret(&s);
	}
	return rv;
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
    CK_BYTE *wrapped, CK_ULONG len, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	latency_crypto_trip(CALL_UNWRAP);
	return inner->C_UnwrapKey(session, mechanism, with, wrapped, len, template, count, key);
}

static CK_RV generate_random(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG len)
{
	latency_trip(CALL_RANDOM);
	return inner->C_GenerateRandom(session, out, len);
}

static CK_RV get_function_list(CK_FUNCTION_LIST **list)
{
	*list = &outer;
	return CKR_OK;
}

static void take_over(void)
{
	outer = *inner;
	outer.C_GetFunctionList = get_function_list;
	outer.C_GetSlotList = get_slot_list;
	outer.C_GetSlotInfo = get_slot_info;
	outer.C_GetTokenInfo = get_token_info;
	outer.C_GetMechanismList = get_mechanism_list;
	outer.C_GetMechanismInfo = get_mechanism_info;
	outer.C_OpenSession = open_session;
	outer.C_CloseSession = close_session;
	outer.C_CloseAllSessions = close_all_sessions;
	outer.C_GetSessionInfo = get_session_info;
	outer.C_Login = login;
	outer.C_Logout = logout;
	outer.C_CreateObject = create_object;
	outer.C_CopyObject = copy_object;
	outer.C_DestroyObject = destroy_object;
	outer.C_GetAttributeValue = get_attribute_value;
	outer.C_FindObjectsInit = find_objects_init;
	outer.C_FindObjects = find_objects;
	outer.C_SignInit = sign_init;
	outer.C_Sign = sign;
	outer.C_DecryptInit = decrypt_init;
	outer.C_Decrypt = decrypt;
	outer.C_DeriveKey = derive_key;
	outer.C_UnwrapKey = unwrap_key;
	outer.C_GenerateRandom = generate_random;
}

static void start(void)
{
	const char *path = getenv("LATENCY_MODULE");
	void *handle = path != NULL ? dlopen(path, RTLD_NOW) : NULL;
	CK_C_GetFunctionList get = NULL;

	if (handle != NULL)
		*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get == NULL || get(&inner) != CKR_OK) {
		inner = NULL;
		return;
	}
	latency_start();
	session_limit = latency_number("LATENCY_SESSIONS");
	replay = getenv("LATENCY_REPLAY") != NULL;
	take_over();
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start);
	return inner != NULL ? get_function_list(list) : CKR_GENERAL_ERROR;
}
