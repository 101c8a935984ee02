#include "proxy_padding.h"

#define MODULUS_MAX 2048
#define PADDING_MIN 10 /* 00 02 and eight octets (RFC 8017 section 7.2.2) */

bool padding_is_bad(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned char *data, CK_ULONG len)
{
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	unsigned char plain[MODULUS_MAX];
	CK_ULONG n = sizeof(plain), zero = 2;

	if (proxy_inner->C_DecryptInit(session, &raw, key) != CKR_OK ||
	    proxy_inner->C_Decrypt(session, data, len, plain, &n) != CKR_OK || n < PADDING_MIN)
		return false;
	while (zero < n && plain[zero] != 0)
		zero++;
	return plain[0] != 0 || plain[1] != 2 || zero < PADDING_MIN || zero == n;
}
