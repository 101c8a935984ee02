#include "engine/cryptoki.h"

#include "engine/module.h"

/* Without a PIN the token asks a person for it. */
static CK_RV enter_with_pin(struct module *m, const char *function, const unsigned char *pin)
{
	return pin == NULL ? module_enter_patient(m, function) : module_enter(m, function);
}

/* Before module_leave, which may not return. */
static void leave_answer(atomic_ulong *answer, CK_RV rv)
{
	if (answer != NULL)
		atomic_store(answer, rv);
}

CK_RV cryptoki_slots(struct module *m, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv = module_enter(m, "C_GetSlotList");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetSlotList(CK_TRUE, list, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_all_slots(struct module *m, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv = module_enter(m, "C_GetSlotList");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetSlotList(CK_FALSE, list, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_slot_info(struct module *m, CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = module_enter(m, "C_GetSlotInfo");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetSlotInfo(slot, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_token_info(struct module *m, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = module_enter(m, "C_GetTokenInfo");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetTokenInfo(slot, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_open(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE *session)
{
	CK_RV rv = module_enter(m, "C_OpenSession");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_close(struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv = module_enter(m, "C_CloseSession");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_CloseSession(session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_session_info(struct module *m, CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	CK_RV rv = module_enter(m, "C_GetSessionInfo");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetSessionInfo(session, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_login(struct module *m, CK_SESSION_HANDLE session, CK_USER_TYPE user,
    const unsigned char *pin, CK_ULONG len, atomic_ulong *answer)
{
	CK_RV rv = enter_with_pin(m, "C_Login", pin);

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_Login(session, user, (unsigned char *)pin, len);
	leave_answer(answer, rv);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_find_init(
    struct module *m, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = module_enter(m, "C_FindObjectsInit");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_FindObjectsInit(session, template, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_find(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects,
    CK_ULONG room, CK_ULONG *count)
{
	CK_RV rv = module_enter(m, "C_FindObjects");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_FindObjects(session, objects, room, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_find_final(struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv = module_enter(m, "C_FindObjectsFinal");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_FindObjectsFinal(session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_attributes(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV rv = module_enter(m, "C_GetAttributeValue");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetAttributeValue(session, object, attributes, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_copy(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	CK_RV rv;

	if (m->functions->C_CopyObject == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_CopyObject");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_CopyObject(session, object, template, count, copy);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_destroy(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_RV rv = module_enter(m, "C_DestroyObject");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_DestroyObject(session, object);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_info(struct module *m, CK_INFO *info)
{
	CK_RV rv;

	if (m->functions->C_GetInfo == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_GetInfo");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetInfo(info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_wait_slot(struct module *m, CK_FLAGS flags, CK_SLOT_ID *slot)
{
	CK_RV rv;

	if (m->functions->C_WaitForSlotEvent == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter_endless(m, "C_WaitForSlotEvent");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_WaitForSlotEvent(flags, slot, NULL);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_mechanisms(
    struct module *m, CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV rv;

	if (m->functions->C_GetMechanismList == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_GetMechanismList");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetMechanismList(slot, list, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_mechanism_info(
    struct module *m, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	CK_RV rv;

	if (m->functions->C_GetMechanismInfo == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_GetMechanismInfo");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_GetMechanismInfo(slot, type, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_init_token(struct module *m, CK_SLOT_ID slot, const unsigned char *so_pin,
    CK_ULONG len, const unsigned char *label, atomic_ulong *answer)
{
	CK_RV rv;

	if (m->functions->C_InitToken == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = enter_with_pin(m, "C_InitToken", so_pin);
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_InitToken(slot, (unsigned char *)so_pin, len, (unsigned char *)label);
	leave_answer(answer, rv);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_open_rw(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE *session)
{
	CK_RV rv = module_enter(m, "C_OpenSession");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_OpenSession(
	    slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_logout(struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv;

	if (m->functions->C_Logout == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_Logout");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_Logout(session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_init_pin(
    struct module *m, CK_SESSION_HANDLE session, const unsigned char *pin, CK_ULONG len)
{
	CK_RV rv;

	if (m->functions->C_InitPIN == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = enter_with_pin(m, "C_InitPIN", pin);
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_InitPIN(session, (unsigned char *)pin, len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_set_pin(struct module *m, CK_SESSION_HANDLE session, const unsigned char *old_pin,
    CK_ULONG old_len, const unsigned char *new_pin, CK_ULONG new_len, atomic_ulong *answer)
{
	CK_RV rv;

	if (m->functions->C_SetPIN == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = enter_with_pin(m, "C_SetPIN", old_pin);
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_SetPIN(
	    session, (unsigned char *)old_pin, old_len, (unsigned char *)new_pin, new_len);
	leave_answer(answer, rv);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_create(struct module *m, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	CK_RV rv;

	if (m->functions->C_CreateObject == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_CreateObject");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_CreateObject(session, template, count, object);
	module_leave(m);
	return rv;
}
