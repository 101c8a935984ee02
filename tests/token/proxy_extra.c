#include "proxy_extra.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define EXTRA ((CK_OBJECT_HANDLE)1 << 30) /* beside the number of the key */

static atomic_ulong keys;

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
static CK_KEY_TYPE type = CKK_EC;
static unsigned char p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };

/* What all of them have. */
static const CK_ATTRIBUTE common[] = {
	{ CKA_CLASS, &class, sizeof(class) },
	{ CKA_KEY_TYPE, &type, sizeof(type) },
	{ CKA_TOKEN, &yes, sizeof(yes) },
	{ CKA_PRIVATE, &yes, sizeof(yes) },
	{ CKA_SENSITIVE, &yes, sizeof(yes) },
	{ CKA_EXTRACTABLE, &no, sizeof(no) },
	{ CKA_ALWAYS_AUTHENTICATE, &no, sizeof(no) },
	{ CKA_SIGN, &yes, sizeof(yes) },
	{ CKA_DERIVE, &yes, sizeof(yes) },
	{ CKA_DECRYPT, &no, sizeof(no) },
	{ CKA_UNWRAP, &no, sizeof(no) },
	{ CKA_EC_PARAMS, p256, sizeof(p256) },
};

static const CK_ATTRIBUTE *find(CK_ATTRIBUTE_TYPE wanted)
{
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (common[i].type == wanted)
			return &common[i];
	return NULL;
}

/* They match what is asked of all, and nothing that names one key. */
static bool matches(const CK_ATTRIBUTE *template, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++) {
		const CK_ATTRIBUTE *a = find(template[i].type);

		if (a == NULL || a->ulValueLen != template[i].ulValueLen ||
		    memcmp(a->pValue, template[i].pValue, a->ulValueLen) != 0)
			return false;
	}
	return true;
}

void extra_begin(struct call *c, const CK_ATTRIBUTE *template, CK_ULONG count)
{
	if (c->session != NULL)
		c->session->extras_left = matches(template, count) ? atomic_load(&keys) : 0;
}

void extra_find(struct call *c, CK_OBJECT_HANDLE *objects, CK_ULONG room, CK_ULONG *count)
{
	struct session *s = c->session;

	while (s != NULL && s->extras_left > 0 && *count < room)
		objects[(*count)++] = EXTRA | s->extras_left--;
}

bool extra_is(CK_OBJECT_HANDLE object)
{
	return (object & EXTRA) != 0;
}

static CK_RV give(CK_ATTRIBUTE *out, const CK_ATTRIBUTE *a)
{
	CK_ULONG room = out->ulValueLen;

	out->ulValueLen = a != NULL ? a->ulValueLen : CK_UNAVAILABLE_INFORMATION;
	if (a == NULL)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (out->pValue == NULL)
		return CKR_OK;
	if (room < a->ulValueLen) {
		out->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(out->pValue, a->pValue, a->ulValueLen);
	return CKR_OK;
}

CK_RV extra_attributes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	char name[32];
	int len = snprintf(name, sizeof(name), "extra-%lu", object & (EXTRA - 1));
	CK_ATTRIBUTE own = { 0, name, (CK_ULONG)len };
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < count; i++) {
		bool names = template[i].type == CKA_ID || template[i].type == CKA_LABEL;
		CK_RV one = give(&template[i], names ? &own : find(template[i].type));

		rv = rv == CKR_OK ? one : rv;
	}
	return rv;
}

void extra_keys(unsigned long count)
{
	atomic_store(&keys, count);
}
