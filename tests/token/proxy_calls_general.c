/* Module, slots, sessions, logins. */
#include <stdatomic.h>

#include "proxy_calls.h"
#include "proxy_control.h"
#include "proxy_device.h"
#include "proxy_general.h"
#include "proxy_key.h"
#include "proxy_pin.h"
#include "proxy_session.h"

static atomic_bool initialised;
static atomic_int no_locks, keeps_failed;

void general_cant_lock(int on)
{
	atomic_store(&no_locks, on);
}

void general_keep_failed(int on)
{
	atomic_store(&keeps_failed, on);
}

bool general_keeps_failed(void)
{
	return atomic_load(&keeps_failed) != 0;
}

void general_reset(void)
{
	general_cant_lock(0);
	general_keep_failed(0);
}

static bool asks_for_locks(const CK_C_INITIALIZE_ARGS *args)
{
	return args != NULL && (args->flags & CKF_OS_LOCKING_OK) != 0;
}

CK_RV call_Initialize(void *args)
{
	CK_RV rv;

	control_start();
	rv = plan_enter(F_Initialize);
	/* A second call gets CKR_CRYPTOKI_ALREADY_INITIALIZED, whatever it asks for. */
	if (rv == CKR_OK && !initialised && atomic_load(&no_locks) != 0 && asks_for_locks(args))
		rv = CKR_CANT_LOCK;
	if (rv == CKR_OK)
		rv = proxy_inner->C_Initialize(args);
	if (rv == CKR_OK)
		initialised = true;
	if (rv == CKR_OK)
		device_starts();
	return plan_leave(rv);
}

CK_RV call_Finalize(void *reserved)
{
	CK_RV rv = plan_enter(F_Finalize);

	if (rv == CKR_OK) {
		device_ends();
		control_write_counts();
		rv = proxy_inner->C_Finalize(reserved);
		sessions_clear(NULL);
	}
	if (rv == CKR_OK)
		initialised = false;
	return plan_leave(rv);
}

CK_RV call_GetInfo(CK_INFO *info)
{
	CK_RV rv = plan_enter(F_GetInfo);

	if (rv == CKR_OK)
		rv = proxy_inner->C_GetInfo(info);
	return plan_leave(rv);
}

CK_RV call_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv = plan_enter(F_GetSlotList);

	if (rv == CKR_OK)
		rv = device_slots(present, list, count);
	if (list != NULL)
		(void)plan_lie(F_GetSlotList, rv, count);
	return plan_leave(rv);
}

CK_RV call_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = plan_enter(F_GetSlotInfo);

	if (rv == CKR_OK)
		rv = proxy_inner->C_GetSlotInfo(device_inner_slot(slot), info);
	if (rv == CKR_OK)
		device_slot_info(slot, info);
	return plan_leave(rv);
}

CK_RV call_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = plan_enter(F_GetTokenInfo);
	unsigned generation;

	if (rv == CKR_OK)
		rv = slot_enter(&slot, &generation);
	if (rv == CKR_OK)
		rv = proxy_inner->C_GetTokenInfo(slot, info);
	else if (rv == CKR_TOKEN_NOT_PRESENT && device_stale(slot, info))
		rv = CKR_OK;
	if (rv == CKR_OK) {
		device_token(info);
		pin_token(info);
	}
	return plan_leave(rv);
}

CK_RV call_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV rv = plan_enter(F_GetMechanismList);
	unsigned generation;

	if (rv == CKR_OK)
		rv = slot_enter(&slot, &generation);
	if (rv == CKR_OK)
		rv = key_mechanisms(slot, list, count);
	return plan_leave(rv);
}

CK_RV call_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	CK_RV rv = plan_enter(F_GetMechanismInfo);
	unsigned generation;

	if (rv == CKR_OK)
		rv = slot_enter(&slot, &generation);
	if (rv == CKR_OK)
		rv = key_mechanism(type);
	if (rv == CKR_OK)
		rv = proxy_inner->C_GetMechanismInfo(slot, type, info);
	return plan_leave(rv);
}

CK_RV call_InitToken(CK_SLOT_ID slot, unsigned char *pin, CK_ULONG len, unsigned char *label)
{
	CK_RV rv = plan_enter(F_InitToken);
	unsigned generation;

	if (rv == CKR_OK)
		rv = slot_enter(&slot, &generation);
	if (rv == CKR_OK)
		rv = proxy_inner->C_InitToken(slot, pin, len, label);
	return plan_leave(rv);
}

CK_RV call_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	CK_RV rv = plan_enter(F_WaitForSlotEvent);

	if (rv == CKR_OK)
		rv = device_wait(flags, slot, reserved);
	return plan_leave(rv);
}

CK_RV call_OpenSession(
    CK_SLOT_ID slot, CK_FLAGS flags, void *arg, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_RV rv = plan_enter(F_OpenSession);
	CK_SLOT_ID seen = slot;
	unsigned generation = 0;

	if (rv == CKR_OK)
		rv = slot_enter(&slot, &generation);
	if (rv == CKR_OK)
		rv = sessions_reserve();
	if (rv != CKR_OK)
		return plan_leave(rv);
	rv = proxy_inner->C_OpenSession(slot, flags, arg, notify, session);
	if (rv == CKR_OK)
		rv = sessions_add(session, seen, slot, generation);
	else
		sessions_release();
	return plan_leave(rv);
}

CK_RV call_CloseSession(CK_SESSION_HANDLE session)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_CloseSession, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_CloseSession(c.inner);
	if (rv == CKR_OK)
		sessions_remove(&c);
	return call_end(&c, rv);
}

CK_RV call_CloseAllSessions(CK_SLOT_ID slot)
{
	CK_RV rv = plan_enter(F_CloseAllSessions);
	unsigned generation;

	if (rv == CKR_OK)
		rv = slot_enter(&slot, &generation);
	if (rv == CKR_OK) {
		rv = proxy_inner->C_CloseAllSessions(slot);
		sessions_clear(&slot);
	}
	return plan_leave(rv);
}

CK_RV call_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_GetSessionInfo, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_GetSessionInfo(c.inner, info);
	if (rv == CKR_OK && c.session != NULL)
		info->slotID = c.session->seen_slot;
	return call_end(&c, rv);
}

CK_RV call_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_Login, session);

	pin_seen(pin);
	if (rv == CKR_OK)
		rv = pin_login(&c, user, pin, len);
	return call_end(&c, rv);
}

CK_RV call_Logout(CK_SESSION_HANDLE session)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_Logout, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_Logout(c.inner);
	return call_end(&c, rv);
}

CK_RV call_InitPIN(CK_SESSION_HANDLE session, unsigned char *pin, CK_ULONG len)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_InitPIN, session);

	if (rv == CKR_OK)
		rv = pin_init(&c, pin, len);
	return call_end(&c, rv);
}

CK_RV call_SetPIN(CK_SESSION_HANDLE session, unsigned char *old_pin, CK_ULONG old_len,
    unsigned char *new_pin, CK_ULONG new_len)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_SetPIN, session);

	if (rv == CKR_OK)
		rv = pin_set(&c, old_pin, old_len, new_pin, new_len);
	return call_end(&c, rv);
}
