/* Objects and searches. */
#include "proxy_calls.h"
#include "proxy_extra.h"
#include "proxy_key.h"
#include "proxy_session.h"

CK_RV call_CreateObject(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_CreateObject, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_CreateObject(c.inner, template, count, object);
	call_made(&c, rv, object, 1);
	return call_end(&c, rv);
}

CK_RV call_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_CopyObject, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &object, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = proxy_inner->C_CopyObject(c.inner, object, template, count, copy);
	call_made(&c, rv, copy, 1);
	return call_end(&c, rv);
}

CK_RV call_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_DestroyObject, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &object, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = proxy_inner->C_DestroyObject(c.inner, object);
	return call_end(&c, rv);
}

CK_RV call_GetObjectSize(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_GetObjectSize, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &object, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = proxy_inner->C_GetObjectSize(c.inner, object, size);
	return call_end(&c, rv);
}

CK_RV call_GetAttributeValue(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_GetAttributeValue, session);
	CK_ULONG lie = 0;

	if (rv == CKR_OK)
		rv = call_object(&c, &object, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK && extra_is(object))
		rv = extra_attributes(object, template, count);
	else if (rv == CKR_OK)
		rv = key_attributes(&c, object, template, count,
		    proxy_inner->C_GetAttributeValue(c.inner, object, template, count));
	if (plan_lie(F_GetAttributeValue, CKR_OK, &lie))
		for (CK_ULONG i = 0; i < count; i++)
			template[i].ulValueLen = lie;
	return call_end(&c, rv);
}

CK_RV call_SetAttributeValue(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_SetAttributeValue, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &object, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = proxy_inner->C_SetAttributeValue(c.inner, object, template, count);
	return call_end(&c, rv);
}

CK_RV call_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_FindObjectsInit, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_FindObjectsInit(c.inner, template, count);
	if (rv == CKR_OK)
		extra_begin(&c, template, count);
	return call_end(&c, rv);
}

CK_RV call_FindObjects(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_FindObjects, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_FindObjects(c.inner, objects, room, count);
	if (rv == CKR_OK) {
		extra_find(&c, objects, room, count);
		call_made(&c, rv, objects, *count);
	}
	(void)plan_lie(F_FindObjects, rv, count);
	return call_end(&c, rv);
}

CK_RV call_FindObjectsFinal(CK_SESSION_HANDLE session)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_FindObjectsFinal, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_FindObjectsFinal(c.inner);
	return call_end(&c, rv);
}
