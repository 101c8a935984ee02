#include "engine/uri.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

#include "engine/configured.h"
#include "engine/module.h"
#include "engine/slot.h"
#include "engine/slot_ask.h"
#include "engine/uri_names.h"
#include "engine/watch.h"

static int malformed(struct error *err, const char *why)
{
	error_set(err, HSMIME_EUSAGE, "malformed pkcs11: URI (%s)", why);
	return error_hint(err, "for example pkcs11:token=LABEL;id=%%01 (RFC 7512); "
			       "'hsmime keys' lists the URIs of all keys");
}

static int check_repeated(const char *text, struct error *err)
{
	const char *name = uri_names_repeated(text);
	char why[64];

	if (name == NULL)
		return 0;
	snprintf(why, sizeof(why), "%s is there more than once", name);
	return malformed(err, why);
}

/* The file's name as module-name means it: without directory, "lib" and what follows a dot. */
static bool names_file(const char *name, const char *file)
{
	const char *base = strrchr(file, '/');
	size_t len = strlen(name);

	base = base != NULL ? base + 1 : file;
	if (strncmp(base, name, len) == 0 && (base[len] == '.' || base[len] == '\0'))
		return true;
	return strncmp(base, "lib", 3) == 0 && strncmp(base + 3, name, len) == 0 &&
	       (base[3 + len] == '.' || base[3 + len] == '\0');
}

static bool same_file(const char *a, const char *b)
{
	char *x = realpath(a, NULL), *y = realpath(b, NULL);
	bool same = strcmp(a, b) == 0 || (x != NULL && y != NULL && strcmp(x, y) == 0);

	free(x);
	free(y);
	return same;
}

static bool module_fits(const char *path, const char *name, const char *file)
{
	return (path == NULL || same_file(path, file)) && (name == NULL || names_file(name, file));
}

/* Which modules p11-kit is configured with; behind its proxy they are all open already. */
static bool configured(const char *path, const char *name)
{
	CK_FUNCTION_LIST **list = configured_load();
	bool found = false;

	for (size_t i = 0; list != NULL && list[i] != NULL && !found; i++) {
		char *file = p11_kit_module_get_filename(list[i]);

		found = file != NULL && module_fits(path, name, file);
		free(file);
	}
	configured_release(list);
	return found;
}

static int check_module(P11KitUri *p11, const struct module *m, struct error *err)
{
	const char *path = p11_kit_uri_get_module_path(p11);
	const char *name = p11_kit_uri_get_module_name(p11);

	if (m == NULL || (path == NULL && name == NULL) || module_fits(path, name, m->file))
		return 0;
	if (m->proxy && configured(path, name))
		return 0;
	if (m->proxy && configured_stuck())
		return watch_stuck(err, NULL);
	error_set(err, HSMIME_EPOLICY,
	    "the URI names a PKCS#11 module that is not configured, and loading it would run its "
	    "code");
	return error_hint(err, "choose the module with HSMIME_MODULE, hsmime's --module or in "
			       "p11-kit's configuration");
}

static int check_policy(struct uri *u, const struct module *m, struct error *err)
{
	u->pin_source = p11_kit_uri_get_pin_source(u->p11);
	if (p11_kit_uri_get_pin_value(u->p11) != NULL) {
		error_set(err, HSMIME_EPOLICY,
		    "the URI holds a PIN (pin-value), which other programs and logs can see");
		return error_hint(err, "take it out; put the PIN in a file and name that by "
				       "pin-source=file:/PATH, or be asked for it");
	}
	if (u->pin_source != NULL && u->pin_source[0] == '|') {
		error_set(
		    err, HSMIME_EPOLICY, "the URI's pin-source is a command, which is never run");
		return error_hint(err, "a URI may name a file only (pin-source=file:/PATH); use "
				       "HSMIME_PIN_SOURCE=command:COMMAND, or hsmime's "
				       "--pin-source");
	}
	return check_module(u->p11, m, err);
}

int uri_parse(struct uri *u, const char *text, const struct module *m, struct error *err)
{
	int code, r;

	memset(u, 0, sizeof(*u));
	if (text == NULL)
		return 0;
	u->p11 = p11_kit_uri_new();
	if (u->p11 == NULL)
		return error_nomem(err);
	code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, u->p11);
	/* P11_KIT_URI_NO_MEMORY is this number too, but superfluous semicolons are likelier. */
	if (code == P11_KIT_URI_UNEXPECTED)
		r = malformed(err, "an attribute is empty");
	else if (code != P11_KIT_URI_OK)
		r = malformed(err, p11_kit_uri_message(code));
	else if (p11_kit_uri_any_unrecognized(u->p11))
		r = malformed(err, "it has an attribute that is not known");
	else
		r = check_repeated(text, err);
	if (r == 0)
		r = check_policy(u, m, err);
	if (r < 0)
		uri_free(u);
	return r;
}

void uri_free(struct uri *u)
{
	if (u == NULL)
		return;
	p11_kit_uri_free(u->p11);
	memset(u, 0, sizeof(*u));
}

/* Slots are seldom named, and cost a call. */
static bool matches_slot(P11KitUri *p11, const struct token *t)
{
	const CK_SLOT_INFO *named = p11_kit_uri_get_slot_info(p11);
	CK_SLOT_ID id = p11_kit_uri_get_slot_id(p11);
	CK_SLOT_INFO slot;

	if (id != (CK_SLOT_ID)-1 && id != atomic_load(&t->slot))
		return false;
	if (named->slotDescription[0] == '\0' && named->manufacturerID[0] == '\0')
		return true;
	return token_slot_info(&slot, t) == CKR_OK && p11_kit_uri_match_slot_info(p11, &slot) == 1;
}

bool uri_matches_token(const struct uri *u, const struct token *t)
{
	CK_TOKEN_INFO token;

	if (u->p11 == NULL)
		return true;
	token_info(&token, t);
	return p11_kit_uri_match_token_info(u->p11, &token) == 1 && matches_slot(u->p11, t);
}

bool uri_names_token(const struct uri *u)
{
	const CK_TOKEN_INFO *t = u->p11 != NULL ? p11_kit_uri_get_token_info(u->p11) : NULL;

	return t != NULL && (t->label[0] != '\0' || t->serialNumber[0] != '\0');
}

const CK_ATTRIBUTE *uri_attribute(const struct uri *u, CK_ATTRIBUTE_TYPE type)
{
	return u->p11 != NULL ? p11_kit_uri_get_attribute(u->p11, type) : NULL;
}

bool uri_id_in_digits(const struct uri *u)
{
	const CK_ATTRIBUTE *id = uri_attribute(u, CKA_ID);

	if (id == NULL || id->ulValueLen == 0)
		return false;
	for (CK_ULONG i = 0; i < id->ulValueLen; i++)
		if (!isxdigit(((const unsigned char *)id->pValue)[i]))
			return false;
	return true;
}

static int set(P11KitUri *p11, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	CK_ATTRIBUTE a = { type, (void *)value, len };

	return len > 0 ? p11_kit_uri_set_attribute(p11, &a) : P11_KIT_URI_OK;
}

static int fill(
    P11KitUri *p11, const CK_ATTRIBUTE *id, const CK_ATTRIBUTE *label, CK_OBJECT_CLASS object_class)
{
	int code = P11_KIT_URI_OK;

	if (id != NULL)
		code = set(p11, CKA_ID, id->pValue, id->ulValueLen);
	if (code == P11_KIT_URI_OK && label != NULL)
		code = set(p11, CKA_LABEL, label->pValue, label->ulValueLen);
	if (code == P11_KIT_URI_OK && object_class != CK_UNAVAILABLE_INFORMATION)
		code = set(p11, CKA_CLASS, &object_class, sizeof(object_class));
	return code;
}

static int format(char **out, P11KitUri *p11, const CK_ATTRIBUTE *id, const CK_ATTRIBUTE *label,
    CK_OBJECT_CLASS object_class)
{
	int code = fill(p11, id, label, object_class);

	*out = NULL;
	if (code == P11_KIT_URI_OK)
		code = p11_kit_uri_format(p11, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, out);
	p11_kit_uri_free(p11);
	return code == P11_KIT_URI_OK ? 0 : HSMIME_ENOMEM;
}

int uri_format(char **out, const struct token *t, const CK_ATTRIBUTE *id, const CK_ATTRIBUTE *label,
    CK_OBJECT_CLASS object_class)
{
	P11KitUri *p11 = p11_kit_uri_new();

	*out = NULL;
	if (p11 == NULL)
		return HSMIME_ENOMEM;
	token_info(p11_kit_uri_get_token_info(p11), t);
	return format(out, p11, id, label, object_class);
}

int uri_format_brief(char **out, const struct token *t, bool serial, const CK_ATTRIBUTE *id,
    const CK_ATTRIBUTE *label)
{
	P11KitUri *p11 = p11_kit_uri_new();
	CK_TOKEN_INFO *info = NULL;
	CK_TOKEN_INFO whole;

	*out = NULL;
	if (p11 == NULL)
		return HSMIME_ENOMEM;
	token_info(&whole, t);
	info = p11_kit_uri_get_token_info(p11);
	memcpy(info->label, whole.label, sizeof(info->label));
	if (serial)
		memcpy(info->serialNumber, whole.serialNumber, sizeof(info->serialNumber));
	return format(out, p11, id, id != NULL ? NULL : label, CK_UNAVAILABLE_INFORMATION);
}
