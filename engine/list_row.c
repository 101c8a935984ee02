#include "engine/list_row.h"

#include <stdlib.h>
#include <string.h>

#include "engine/certificate.h"
#include "engine/compat.h"
#include "engine/public_key.h"
#include "engine/slot.h"
#include "engine/uri.h"
#include "util/name.h"

/* What a token or a BIO gives has no NUL at its end. */
static char *text_of_octets(const void *octets, size_t len)
{
	char *text = malloc(len + 1);

	if (text == NULL)
		return NULL;
	if (len > 0)
		memcpy(text, octets, len);
	text[len] = '\0';
	return text;
}

static char *text_of(const CK_ATTRIBUTE *a)
{
	return a != NULL ? text_of_octets(a->pValue, a->ulValueLen) : strdup("");
}

int list_row_start(struct list_row *row, struct token *t, const struct object *o, bool all_seen)
{
	hsmime_key *k = &row->key;
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID), *label = object_get(o, CKA_LABEL);

	k->has_private_key = all_seen ? 0 : -1;
	k->not_before = k->not_after = INT64_MIN;
	k->type = "unknown";
	k->label = text_of(label);
	k->token_label = strdup(t->label);
	k->token_serial = strdup(t->serial);
	k->id = malloc(id != NULL ? id->ulValueLen : 1);
	if (k->id != NULL && id != NULL) {
		memcpy(k->id, id->pValue, id->ulValueLen);
		k->id_len = id->ulValueLen;
	}
	if (k->label == NULL || k->token_label == NULL || k->token_serial == NULL ||
	    k->id == NULL || uri_format(&k->uri, t, id, label, CK_UNAVAILABLE_INFORMATION) < 0)
		return HSMIME_ENOMEM;
	return 0;
}

static const char *type_name(CK_ULONG type)
{
	static const struct {
		CK_ULONG type;
		const char *name;
	} names[] = { { CKK_RSA, "RSA" }, { CKK_DSA, "DSA" }, { CKK_DH, "DH" }, { CKK_EC, "EC" },
		{ CKK_EC_EDWARDS, "EdDSA" }, { CKK_EC_MONTGOMERY, "XDH" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return "other";
}

/* "RSA" or "EC"; NULL where it is of another kind, or not known. */
static const char *type_of_key(const EVP_PKEY *key)
{
	if (key != NULL && EVP_PKEY_is_a(key, "RSA"))
		return "RSA";
	return key != NULL && EVP_PKEY_is_a(key, "EC") ? "EC" : NULL;
}

static bool has(const void *octets, size_t len, const CK_ATTRIBUTE *a)
{
	return a != NULL && a->ulValueLen == len && memcmp(a->pValue, octets, len) == 0;
}

static bool same_type(const hsmime_key *k, const struct object *o, const EVP_PKEY *key)
{
	CK_ULONG type = object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	const char *name = type != CK_UNAVAILABLE_INFORMATION ? type_name(type) : type_of_key(key);

	return name == NULL || strcmp(k->type, "unknown") == 0 || strcmp(k->type, name) == 0;
}

/* 1, 0, or -1 where too little shows. */
static int same_key(const struct list_row *row, const EVP_PKEY *key)
{
	if (key == NULL)
		return -1;
	if (row->public_key != NULL)
		return EVP_PKEY_eq(key, row->public_key) == 1;
	return row->private.count > 0 ? public_key_compare(&row->private, key) : -1;
}

enum list_match list_row_match(
    const struct list_row *row, const struct object *o, const EVP_PKEY *key)
{
	const CK_ATTRIBUTE *id = object_get(o, CKA_ID);
	const hsmime_key *k = &row->key;
	bool same_id = has(k->id, k->id_len, id);
	int same = same_key(row, key);

	if (same == 1 && same_id)
		return LIST_PROVEN;
	if (same == 1 && (id == NULL || k->id_len == 0))
		return LIST_BY_KEY;
	if (same >= 0 || !same_id || !same_type(k, o, key))
		return LIST_OTHER;
	return has(k->label, strlen(k->label), object_get(o, CKA_LABEL)) ? LIST_BY_LABEL
									 : LIST_MAY_BE;
}

static void describe_public(struct list_row *row, EVP_PKEY *key)
{
	hsmime_key *k = &row->key;
	const char *type = type_of_key(key);

	if (key == NULL || row->public_key != NULL)
		return;
	EVP_PKEY_up_ref(key);
	row->public_key = key;
	k->bits = (unsigned)EVP_PKEY_get_bits(key);
	k->curve = public_key_curve(key);
	if (strcmp(k->type, "unknown") == 0)
		k->type = type != NULL ? type : "other";
}

int list_row_key(struct list_row *row, const struct object *o, CK_OBJECT_CLASS object_class)
{
	EVP_PKEY *key = public_key_of_object(o);
	hsmime_key *k = &row->key;

	k->type = type_name(object_ulong(o, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION));
	describe_public(row, key);
	EVP_PKEY_free(key);
	if (object_class != CKO_PRIVATE_KEY)
		return 0;
	k->has_private_key = 1;
	k->usage = object_usage(o);
	k->always_authenticate = object_bool(o, CKA_ALWAYS_AUTHENTICATE, false);
	return object_copy(&row->private, o) ? 0 : HSMIME_ENOMEM;
}

static void certificate_clear(hsmime_key *k)
{
	for (size_t i = 0; k->emails != NULL && k->emails[i] != NULL; i++)
		free(k->emails[i]);
	free(k->emails);
	free(k->subject);
	free(k->issuer);
	free(k->serial_number);
	X509_free(k->certificate);
	k->emails = NULL;
}

int list_row_certificate(struct list_row *row, X509 *cert)
{
	hsmime_key *k = &row->key;
	EVP_PKEY *key = NULL;

	if (k->certificate != NULL && !certificate_better(cert, k->certificate))
		return 0;
	certificate_clear(k);
	X509_up_ref(cert);
	k->certificate = cert;
	k->subject = name_text(X509_get_subject_name(cert));
	k->issuer = name_text(X509_get_issuer_name(cert));
	k->serial_number = serial_text(X509_get0_serialNumber(cert));
	k->not_before = certificate_time(X509_get0_notBefore(cert));
	k->not_after = certificate_time(X509_get0_notAfter(cert));
	key = public_key_of_certificate(cert);
	describe_public(row, key);
	EVP_PKEY_free(key);
	if (k->subject == NULL || k->issuer == NULL || k->serial_number == NULL)
		return HSMIME_ENOMEM;
	return certificate_emails(&k->emails, cert);
}

void list_key_free(hsmime_key *k)
{
	certificate_clear(k);
	free(k->uri);
	free(k->label);
	free(k->token_label);
	free(k->token_serial);
	free(k->id);
}

void list_row_free(struct list_row *row)
{
	list_key_free(&row->key);
	EVP_PKEY_free(row->public_key);
	object_free(&row->private);
}
