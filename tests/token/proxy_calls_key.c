/* What private keys do. */
#include "proxy_calls.h"
#include "proxy_general.h"
#include "proxy_key.h"
#include "proxy_output.h"
#include "proxy_pin.h"
#include "proxy_session.h"

/* What stands before every operation: the handle, the PIN, the key, the mechanism. */
static CK_RV begin_with_key(
    struct call *c, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *key, enum proxy_usage usage)
{
	CK_RV rv = call_object(c, key, CKR_KEY_HANDLE_INVALID);

	if (rv == CKR_OK)
		rv = pin_operation();
	return rv == CKR_OK ? key_begin(c, mechanism, *key, usage) : rv;
}

CK_RV call_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_DecryptInit, session);

	if (rv == CKR_OK)
		rv = begin_with_key(&c, mechanism, &key, PROXY_DECRYPT);
	if (rv == CKR_OK)
		rv = proxy_inner->C_DecryptInit(c.inner, mechanism, key);
	return call_end(&c, rv);
}

CK_RV call_Decrypt(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len, unsigned char *out,
    CK_ULONG *out_len)
{
	struct call c;
	const struct output o = { data, len, out, out_len };
	CK_RV rv = call_begin(&c, F_Decrypt, session);

	/* A refusal ends the operation, as it does in a module. */
	output_seen(len);
	if (rv != CKR_OK && !general_keeps_failed())
		output_end(&c, &o, true);
	if (rv == CKR_OK) {
		rv = key_operate(&c);
		if (rv != CKR_OK)
			output_end(&c, &o, true);
		else
			rv = output_decrypt(&c, &o);
		key_operated(&c, out == NULL);
	}
	(void)plan_lie(F_Decrypt, rv, out_len);
	return call_end(&c, rv);
}

CK_RV call_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_SignInit, session);

	if (rv == CKR_OK)
		rv = begin_with_key(&c, mechanism, &key, PROXY_SIGN);
	if (rv == CKR_OK)
		rv = proxy_inner->C_SignInit(c.inner, mechanism, key);
	return call_end(&c, rv);
}

CK_RV call_Sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len, unsigned char *out,
    CK_ULONG *out_len)
{
	struct call c;
	const struct output o = { data, len, out, out_len };
	CK_RV rv = call_begin(&c, F_Sign, session);

	if (rv == CKR_OK) {
		rv = key_operate(&c);
		if (rv != CKR_OK)
			output_end(&c, &o, false);
		else
			rv = proxy_inner->C_Sign(c.inner, data, len, out, out_len);
		key_operated(&c, out == NULL);
	}
	(void)plan_lie(F_Sign, rv, out_len);
	return call_end(&c, rv);
}

CK_RV call_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *derived)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_DeriveKey, session);

	if (rv == CKR_OK)
		rv = begin_with_key(&c, mechanism, &key, PROXY_DERIVE);
	if (rv == CKR_OK)
		rv = key_point(mechanism);
	if (rv == CKR_OK)
		rv = proxy_inner->C_DeriveKey(c.inner, mechanism, key, template, count, derived);
	call_made(&c, rv, derived, 1);
	return call_end(&c, rv);
}

CK_RV call_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    unsigned char *wrapped, CK_ULONG len, CK_ATTRIBUTE *template, CK_ULONG count,
    CK_OBJECT_HANDLE *unwrapped)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_UnwrapKey, session);

	if (rv == CKR_OK)
		rv = begin_with_key(&c, mechanism, &key, PROXY_UNWRAP);
	if (rv == CKR_KEY_HANDLE_INVALID)
		rv = CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	if (rv == CKR_OK) {
		rv = key_operate(&c);
		if (rv == CKR_OK)
			rv = output_unwrap(&c,
			    &(struct output_wrapped){
				mechanism, key, wrapped, len, template, count },
			    unwrapped);
		key_operated(&c, false);
	}
	call_made(&c, rv, unwrapped, 1);
	return call_end(&c, rv);
}
