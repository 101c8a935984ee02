/* What a key does, call by call. */
#include "engine/cryptoki.h"

#include "engine/module.h"

CK_RV cryptoki_sign_init(
    struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = module_enter(m, "C_SignInit");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_SignInit(session, mechanism, key);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_sign(struct module *m, CK_SESSION_HANDLE session, const unsigned char *data,
    CK_ULONG len, unsigned char *signature, CK_ULONG *signature_len)
{
	CK_RV rv = module_enter(m, "C_Sign");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_Sign(session, (unsigned char *)data, len, signature, signature_len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_decrypt_init(
    struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = module_enter(m, "C_DecryptInit");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_DecryptInit(session, mechanism, key);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_decrypt(struct module *m, CK_SESSION_HANDLE session, const unsigned char *data,
    CK_ULONG len, unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv = module_enter(m, "C_Decrypt");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_Decrypt(session, (unsigned char *)data, len, out, out_len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_derive(struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *derived)
{
	CK_RV rv = module_enter(m, "C_DeriveKey");

	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_DeriveKey(session, mechanism, key, template, count, derived);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_unwrap(struct module *m, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_OBJECT_HANDLE key, const unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *unwrapped)
{
	CK_RV rv;

	if (m->functions->C_UnwrapKey == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_UnwrapKey");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_UnwrapKey(
	    session, mechanism, key, (unsigned char *)wrapped, len, template, count, unwrapped);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_decrypt_update(struct module *m, CK_SESSION_HANDLE session,
    const unsigned char *data, CK_ULONG len, unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv;

	if (m->functions->C_DecryptUpdate == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_DecryptUpdate");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_DecryptUpdate(session, (unsigned char *)data, len, out, out_len);
	module_leave(m);
	return rv;
}

CK_RV cryptoki_decrypt_final(
    struct module *m, CK_SESSION_HANDLE session, unsigned char *out, CK_ULONG *out_len)
{
	CK_RV rv;

	if (m->functions->C_DecryptFinal == NULL)
		return CKR_FUNCTION_NOT_SUPPORTED;
	rv = module_enter(m, "C_DecryptFinal");
	if (rv != CKR_OK)
		return rv;
	rv = m->functions->C_DecryptFinal(session, out, out_len);
	module_leave(m);
	return rv;
}
