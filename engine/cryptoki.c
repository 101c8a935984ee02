#include "engine/cryptoki.h"

#include "engine/module.h"

CK_RV cryptoki_slots(struct module *m, CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_GetSlotList(CK_TRUE, list, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_slot_info(struct module *m, CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_GetSlotInfo(slot, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_token_info(struct module *m, CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_GetTokenInfo(slot, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_open(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE *session)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_close(struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_CloseSession(session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_session_info(struct module *m, CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_GetSessionInfo(session, info);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_login(struct module *m, CK_SESSION_HANDLE session, CK_USER_TYPE user,
    const unsigned char *pin, CK_ULONG len)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_Login(session, user, (unsigned char *)pin, len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_find_init(
    struct module *m, CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_FindObjectsInit(session, template, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_find(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects,
    CK_ULONG room, CK_ULONG *count)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_FindObjects(session, objects, room, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_find_final(struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_FindObjectsFinal(session);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_attributes(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_GetAttributeValue(session, object, attributes, count);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_copy(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	CK_RV rv;

	/* Not among those that a module must have. */
	if (m->functions->C_CopyObject == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	module_enter(m);
	rv = m->functions->C_CopyObject(session, object, template, count, copy);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_destroy(struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_DestroyObject(session, object);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_sign_init(
    struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_SignInit(session, mechanism, key);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_sign(struct module *m, CK_SESSION_HANDLE session, const unsigned char *data,
    CK_ULONG len, unsigned char *signature, CK_ULONG *signature_len)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_Sign(session, (unsigned char *)data, len, signature, signature_len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_decrypt_init(
    struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_DecryptInit(session, mechanism, key);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_decrypt(struct module *m, CK_SESSION_HANDLE session, const unsigned char *data,
    CK_ULONG len, unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_Decrypt(session, (unsigned char *)data, len, out, out_len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_derive(struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *derived)
{
	CK_RV rv;

	module_enter(m);
	rv = m->functions->C_DeriveKey(session, mechanism, key, template, count, derived);
	module_leave(m);
	return rv;
}
