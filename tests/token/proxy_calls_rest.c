/* What hsmime hardly calls: passed on, counted, with handles translated, mechanisms hidden. */
#include "proxy_calls.h"
#include "proxy_key.h"
#include "proxy_session.h"

/* Octets in, octets out. */
#define PASS_IN_OUT(name)                                                                          \
	CK_RV call_##name(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,            \
	    unsigned char *out, CK_ULONG *out_len)                                                 \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_begin(&c, F_##name, session);                                      \
                                                                                                   \
		if (rv == CKR_OK)                                                                  \
			rv = proxy_inner->C_##name(c.inner, data, len, out, out_len);              \
		(void)plan_lie(F_##name, rv, out_len);                                             \
		return call_end(&c, rv);                                                           \
	}

PASS_IN_OUT(Encrypt)
PASS_IN_OUT(EncryptUpdate)
PASS_IN_OUT(DecryptUpdate)
PASS_IN_OUT(Digest)
PASS_IN_OUT(SignRecover)
PASS_IN_OUT(VerifyRecover)
PASS_IN_OUT(DigestEncryptUpdate)
PASS_IN_OUT(DecryptDigestUpdate)
PASS_IN_OUT(SignEncryptUpdate)
PASS_IN_OUT(DecryptVerifyUpdate)

/* Octets out. */
#define PASS_OUT(name)                                                                             \
	CK_RV call_##name(CK_SESSION_HANDLE session, unsigned char *out, CK_ULONG *out_len)        \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_begin(&c, F_##name, session);                                      \
                                                                                                   \
		if (rv == CKR_OK)                                                                  \
			rv = proxy_inner->C_##name(c.inner, out, out_len);                         \
		(void)plan_lie(F_##name, rv, out_len);                                             \
		return call_end(&c, rv);                                                           \
	}

PASS_OUT(EncryptFinal)
PASS_OUT(DecryptFinal)
PASS_OUT(DigestFinal)
PASS_OUT(SignFinal)
PASS_OUT(GetOperationState)

/* Octets in. */
#define PASS_IN(name)                                                                              \
	CK_RV call_##name(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len)            \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_begin(&c, F_##name, session);                                      \
                                                                                                   \
		if (rv == CKR_OK)                                                                  \
			rv = proxy_inner->C_##name(c.inner, data, len);                            \
		return call_end(&c, rv);                                                           \
	}

PASS_IN(DigestUpdate)
PASS_IN(SignUpdate)
PASS_IN(VerifyUpdate)
PASS_IN(VerifyFinal)
PASS_IN(SeedRandom)
PASS_IN(GenerateRandom)

/* An operation with a public or secret key begins. */
#define PASS_INIT(name)                                                                            \
	CK_RV call_##name(                                                                         \
	    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)              \
	{                                                                                          \
		struct call c;                                                                     \
		CK_RV rv = call_begin(&c, F_##name, session);                                      \
                                                                                                   \
		if (rv == CKR_OK)                                                                  \
			rv = call_object(&c, &key, CKR_KEY_HANDLE_INVALID);                        \
		if (rv == CKR_OK)                                                                  \
			rv = key_mechanism(mechanism->mechanism);                                  \
		if (rv == CKR_OK)                                                                  \
			rv = proxy_inner->C_##name(c.inner, mechanism, key);                       \
		return call_end(&c, rv);                                                           \
	}

PASS_INIT(EncryptInit)
PASS_INIT(SignRecoverInit)
PASS_INIT(VerifyInit)
PASS_INIT(VerifyRecoverInit)

CK_RV call_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_DigestInit, session);

	if (rv == CKR_OK)
		rv = key_mechanism(mechanism->mechanism);
	if (rv == CKR_OK)
		rv = proxy_inner->C_DigestInit(c.inner, mechanism);
	return call_end(&c, rv);
}

CK_RV call_DigestKey(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_DigestKey, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &key, CKR_KEY_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = proxy_inner->C_DigestKey(c.inner, key);
	return call_end(&c, rv);
}

CK_RV call_Verify(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len, unsigned char *sig,
    CK_ULONG sig_len)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_Verify, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_Verify(c.inner, data, len, sig, sig_len);
	return call_end(&c, rv);
}

CK_RV call_SetOperationState(CK_SESSION_HANDLE session, unsigned char *state, CK_ULONG len,
    CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_SetOperationState, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &encryption_key, CKR_KEY_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = call_object(&c, &authentication_key, CKR_KEY_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = proxy_inner->C_SetOperationState(
		    c.inner, state, len, encryption_key, authentication_key);
	return call_end(&c, rv);
}

CK_RV call_GenerateKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_GenerateKey, session);

	if (rv == CKR_OK)
		rv = key_mechanism(mechanism->mechanism);
	if (rv == CKR_OK)
		rv = proxy_inner->C_GenerateKey(c.inner, mechanism, template, count, key);
	call_made(&c, rv, key, 1);
	return call_end(&c, rv);
}

CK_RV call_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
    CK_ATTRIBUTE *public_template, CK_ULONG public_count, CK_ATTRIBUTE *private_template,
    CK_ULONG private_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_GenerateKeyPair, session);

	if (rv == CKR_OK)
		rv = key_mechanism(mechanism->mechanism);
	if (rv == CKR_OK)
		rv = proxy_inner->C_GenerateKeyPair(c.inner, mechanism, public_template,
		    public_count, private_template, private_count, public_key, private_key);
	call_made(&c, rv, public_key, 1);
	call_made(&c, rv, private_key, 1);
	return call_end(&c, rv);
}

CK_RV call_WrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
    CK_OBJECT_HANDLE key, unsigned char *out, CK_ULONG *out_len)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_WrapKey, session);

	if (rv == CKR_OK)
		rv = call_object(&c, &wrapping, CKR_WRAPPING_KEY_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = call_object(&c, &key, CKR_KEY_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = key_mechanism(mechanism->mechanism);
	if (rv == CKR_OK)
		rv = proxy_inner->C_WrapKey(c.inner, mechanism, wrapping, key, out, out_len);
	return call_end(&c, rv);
}

/* Of a parallel past: nothing but CKR_FUNCTION_NOT_PARALLEL comes back. */
CK_RV call_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_GetFunctionStatus, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_GetFunctionStatus(c.inner);
	return call_end(&c, rv);
}

CK_RV call_CancelFunction(CK_SESSION_HANDLE session)
{
	struct call c;
	CK_RV rv = call_begin(&c, F_CancelFunction, session);

	if (rv == CKR_OK)
		rv = proxy_inner->C_CancelFunction(c.inner);
	return call_end(&c, rv);
}
