#include "engine/object.h"

#include <stdlib.h>
#include <string.h>

#include <hsmime/token.h>

#include "engine/crypto.h"
#include "engine/cryptoki.h"
#include "util/error.h"

#define VALUE_MAX (1024 * 1024)
#define OBJECTS_MAX (1024 * 1024)

static const struct object_want key_attributes[] = {
	{ CKA_CLASS, sizeof(CK_ULONG) },
	{ CKA_KEY_TYPE, sizeof(CK_ULONG) },
	{ CKA_ID, 256 },
	{ CKA_LABEL, 256 },
	{ CKA_SIGN, sizeof(CK_BBOOL) },
	{ CKA_DECRYPT, sizeof(CK_BBOOL) },
	{ CKA_DERIVE, sizeof(CK_BBOOL) },
	{ CKA_UNWRAP, sizeof(CK_BBOOL) },
	{ CKA_ALWAYS_AUTHENTICATE, sizeof(CK_BBOOL) },
	{ CKA_MODULUS, 1024 },
	{ CKA_PUBLIC_EXPONENT, 1024 },
	{ CKA_EC_PARAMS, 512 },
	{ CKA_EC_POINT, 512 },
};

static const struct object_want certificate_attributes[] = {
	{ CKA_ID, 256 },
	{ CKA_LABEL, 256 },
	{ CKA_VALUE, 8192 },
};

static CK_RV find_more(CK_OBJECT_HANDLE *handles, size_t room, size_t *count, struct module *m,
    CK_SESSION_HANDLE session)
{
	CK_RV rv = CKR_OK;
	CK_ULONG got = 0, asked;

	do {
		asked = room - *count;
		got = 0;
		rv = cryptoki_find(m, session, handles + *count, asked, &got);
		if (rv == CKR_OK && got <= asked)
			*count += got;
	} while (rv == CKR_OK && got == asked && *count < room);
	return rv;
}

static CK_RV find_rest(
    CK_OBJECT_HANDLE **handles, size_t *count, struct module *m, CK_SESSION_HANDLE session)
{
	size_t room = 0;
	CK_RV rv = CKR_OK;

	do {
		CK_OBJECT_HANDLE *larger = NULL;

		room = room == 0 ? 64 : room * 2;
		larger = realloc(*handles, room * sizeof(*larger));
		if (larger == NULL)
			return CKR_HOST_MEMORY;
		*handles = larger;
		rv = find_more(*handles, room, count, m, session);
	} while (rv == CKR_OK && *count == room && room < OBJECTS_MAX);
	return rv;
}

CK_RV object_find_all(CK_OBJECT_HANDLE **handles, size_t *count, struct module *m,
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, size_t template_len)
{
	CK_RV rv = cryptoki_find_init(m, session, template, template_len);

	*handles = NULL;
	*count = 0;
	if (rv != CKR_OK)
		return rv;
	rv = find_rest(handles, count, m, session);
	cryptoki_find_final(m, session);
	if (rv != CKR_OK || *count == 0) {
		free(*handles);
		*handles = NULL;
		*count = 0;
	}
	return rv;
}

/* What was asked for and is not there, of no concern. */
static bool partial(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID;
}

static CK_RV lay_out(struct object *o, const size_t *rooms)
{
	size_t total = 1, at = 0;

	free(o->memory);
	for (size_t i = 0; i < o->count; i++)
		total += rooms[i];
	o->memory = calloc(1, total);
	if (o->memory == NULL)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < o->count; i++) {
		o->attributes[i].pValue = o->memory + at;
		o->attributes[i].ulValueLen = rooms[i];
		at += rooms[i];
	}
	return CKR_OK;
}

static CK_RV ask_sizes(struct object *o, size_t *rooms, struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv;

	for (size_t i = 0; i < o->count; i++) {
		o->attributes[i].pValue = NULL;
		o->attributes[i].ulValueLen = 0;
	}
	rv = cryptoki_attributes(m, session, o->handle, o->attributes, o->count);
	for (size_t i = 0; i < o->count; i++) {
		CK_ULONG len = o->attributes[i].ulValueLen;

		rooms[i] = len == CK_UNAVAILABLE_INFORMATION ? 0 : len;
		if (partial(rv) && rooms[i] > VALUE_MAX)
			return CKR_BUFFER_TOO_SMALL;
	}
	return rv;
}

static CK_RV read_values(
    struct object *o, size_t *rooms, struct module *m, CK_SESSION_HANDLE session)
{
	CK_RV rv = lay_out(o, rooms);

	if (rv == CKR_OK)
		rv = cryptoki_attributes(m, session, o->handle, o->attributes, o->count);
	for (size_t i = 0; partial(rv) && i < o->count; i++)
		if (o->attributes[i].ulValueLen > rooms[i])
			o->attributes[i].ulValueLen = 0;
	return rv;
}

CK_RV object_read(struct object *o, struct module *m, CK_SESSION_HANDLE session,
    CK_OBJECT_HANDLE handle, const struct object_want *want, size_t count)
{
	size_t rooms[OBJECT_ATTRIBUTES] = { 0 };
	CK_RV rv;

	memset(o, 0, sizeof(*o));
	o->handle = handle;
	o->count = count < OBJECT_ATTRIBUTES ? count : OBJECT_ATTRIBUTES;
	for (size_t i = 0; i < o->count; i++) {
		o->attributes[i].type = want[i].type;
		rooms[i] = want[i].room;
	}
	rv = read_values(o, rooms, m, session);
	if (rv == CKR_BUFFER_TOO_SMALL) {
		rv = ask_sizes(o, rooms, m, session);
		if (partial(rv))
			rv = read_values(o, rooms, m, session);
	}
	if (partial(rv))
		return CKR_OK;
	object_free(o);
	return rv;
}

CK_RV object_read_key(
    struct object *o, struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle)
{
	return object_read(o, m, session, handle, key_attributes,
	    sizeof(key_attributes) / sizeof(key_attributes[0]));
}

CK_RV object_read_certificate(
    struct object *o, struct module *m, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle)
{
	return object_read(o, m, session, handle, certificate_attributes,
	    sizeof(certificate_attributes) / sizeof(certificate_attributes[0]));
}

bool object_copy(struct object *out, const struct object *o)
{
	size_t lengths[OBJECT_ATTRIBUTES] = { 0 };

	*out = *o;
	out->memory = NULL;
	for (size_t i = 0; i < o->count; i++)
		lengths[i] = o->attributes[i].ulValueLen;
	if (lay_out(out, lengths) != CKR_OK) {
		object_free(out);
		return false;
	}
	for (size_t i = 0; i < o->count; i++)
		if (lengths[i] > 0)
			memcpy(out->attributes[i].pValue, o->attributes[i].pValue, lengths[i]);
	return true;
}

void object_free(struct object *o)
{
	free(o->memory);
	memset(o, 0, sizeof(*o));
}

const CK_ATTRIBUTE *object_get(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->attributes[i].type == type && o->attributes[i].ulValueLen > 0)
			return &o->attributes[i];
	return NULL;
}

bool object_matches(const struct object *o, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *wanted)
{
	const CK_ATTRIBUTE *has = object_get(o, type);

	if (wanted == NULL)
		return true;
	return has != NULL && has->ulValueLen == wanted->ulValueLen &&
	       memcmp(has->pValue, wanted->pValue, has->ulValueLen) == 0;
}

CK_ULONG object_ulong(const struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise)
{
	const CK_ATTRIBUTE *a = object_get(o, type);
	CK_ULONG value = otherwise;

	if (a != NULL && a->ulValueLen == sizeof(value))
		memcpy(&value, a->pValue, sizeof(value));
	return value;
}

bool object_bool(const struct object *o, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	const CK_ATTRIBUTE *a = object_get(o, type);

	if (a == NULL || a->ulValueLen != sizeof(CK_BBOOL))
		return otherwise;
	return *(const CK_BBOOL *)a->pValue != CK_FALSE;
}

bool object_supported(const struct object *o)
{
	CK_ULONG type = object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);

	return type == CKK_RSA || type == CKK_EC;
}

unsigned object_usage(const struct object *o)
{
	if (!object_supported(o))
		return 0;
	return (object_bool(o, CKA_SIGN, false) ? HSMIME_KEY_SIGN : 0) |
	       (object_bool(o, CKA_DECRYPT, false) ? HSMIME_KEY_DECRYPT : 0) |
	       (object_bool(o, CKA_DERIVE, false) ? HSMIME_KEY_DERIVE : 0) |
	       (object_bool(o, CKA_UNWRAP, false) ? HSMIME_KEY_UNWRAP : 0);
}

bool object_unwraps_only(const struct object *o)
{
	return !object_bool(o, CKA_DECRYPT, true) && object_bool(o, CKA_UNWRAP, false);
}

X509 *object_certificate(const struct object *o)
{
	const CK_ATTRIBUTE *value = object_get(o, CKA_VALUE);
	const unsigned char *p = value != NULL ? value->pValue : NULL;
	X509 *cert = p != NULL ? X509_new_ex(crypto_context(), NULL) : NULL;

	/* On failure d2i_X509 frees what it was given. */
	if (cert != NULL && d2i_X509(&cert, &p, (long)value->ulValueLen) == NULL) {
		error_forget();
		return NULL;
	}
	return cert;
}
