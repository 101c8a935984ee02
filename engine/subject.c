#include "engine/subject.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include "util/error.h"

#define VALUE_ROOM 1024 /* octets of an attribute's value */
#define TYPE_ROOM 64
#define ATTRIBUTES_MAX 32

/* One attribute as it was written, without its escapes. */
struct attribute {
	ASN1_OBJECT *type;
	char value[VALUE_ROOM];
};

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " ");
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* RFC 4514 section 2.4: behind a backslash are two hexadecimal digits, or the character itself. */
static bool unescape(char *out, const char **p)
{
	int high = hex_digit((*p)[1]), low = high >= 0 ? hex_digit((*p)[2]) : -1;

	if ((*p)[1] == '\0')
		return false;
	*out = low >= 0 ? (char)(high * 16 + low) : (*p)[1];
	*p += low >= 0 ? 3 : 2;
	return *out != '\0';
}

/* RFC 4514 section 2: types are compared without case, where OpenSSL makes a difference. */
static ASN1_OBJECT *find_type(const char *text)
{
	static const char *const names[] = { "CN", "O", "OU", "C", "L", "ST", "STREET", "DC", "UID",
		"SN", "GN", "title", "serialNumber", "emailAddress" };
	ASN1_OBJECT *type = NULL;

	if (strcasecmp(text, "E") == 0)
		text = "emailAddress";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(text, names[i]) == 0)
			text = names[i];
	type = OBJ_txt2obj(text, 0);
	error_forget();
	return type;
}

/* The type before "=", at *p, which is moved behind it. */
static bool read_type(struct attribute *a, const char **p)
{
	char type[TYPE_ROOM];
	size_t len;

	*p = skip_blanks(*p);
	len = strcspn(*p, " =,+");
	if (len == 0 || len >= sizeof(type))
		return false;
	memcpy(type, *p, len);
	type[len] = '\0';
	*p = skip_blanks(*p + len);
	if (**p != '=')
		return false;
	*p = skip_blanks(*p + 1);
	a->type = find_type(type);
	return a->type != NULL;
}

static bool read_value(struct attribute *a, const char **p)
{
	size_t len = 0, kept = 0;

	while (**p != '\0' && **p != ',' && **p != '+') {
		bool escaped = **p == '\\';

		if (len == sizeof(a->value) - 1 || (escaped && !unescape(&a->value[len], p)))
			return false;
		if (!escaped)
			a->value[len] = *(*p)++;
		len++;
		if (escaped || a->value[len - 1] != ' ')
			kept = len;
	}
	a->value[kept] = '\0';
	return kept > 0;
}

/* The attribute at *p, which is moved behind it and its separator; free a->type, also after false. */
static bool read_attribute(struct attribute *a, const char **p)
{
	a->type = NULL;
	if (!read_type(a, p) || !read_value(a, p))
		return false;
	if (**p == '\0')
		return true;
	*p += 1;
	return *skip_blanks(*p) != '\0';
}

static bool is_common_name(const char *text)
{
	return strchr(text, '=') == NULL;
}

bool subject_readable(const char *text)
{
	struct attribute a;
	size_t count = 0;
	bool good = true;

	if (is_common_name(text))
		return *skip_blanks(text) != '\0';
	while (good && *text != '\0') {
		good = read_attribute(&a, &text) && ++count <= ATTRIBUTES_MAX;
		ASN1_OBJECT_free(a.type);
	}
	return good;
}

static bool same_value(const X509_NAME_ENTRY *entry, const char *value)
{
	unsigned char *utf8 = NULL;
	int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	bool same = len >= 0 && strlen(value) == (size_t)len &&
		    strncasecmp((const char *)utf8, value, (size_t)len) == 0;

	OPENSSL_free(utf8);
	error_forget();
	return same;
}

/* An entry that no attribute before took, as bits of taken. */
static bool take(unsigned *taken, const X509_NAME *name, const struct attribute *a)
{
	for (int i = 0; i < X509_NAME_entry_count(name) && i < ATTRIBUTES_MAX; i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);

		if ((*taken & 1U << i) != 0 ||
		    OBJ_cmp(X509_NAME_ENTRY_get_object(entry), a->type) != 0 ||
		    !same_value(entry, a->value))
			continue;
		*taken |= 1U << i;
		return true;
	}
	return false;
}

static bool has_common_name(const X509_NAME *name, const char *text)
{
	for (int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1); i >= 0;
	     i = X509_NAME_get_index_by_NID(name, NID_commonName, i))
		if (same_value(X509_NAME_get_entry(name, i), text))
			return true;
	return false;
}

bool subject_has(bool *whole, const X509_NAME *name, const char *text)
{
	struct attribute a;
	unsigned taken = 0;
	int count = 0;
	bool has = true;

	*whole = is_common_name(text);
	if (*whole)
		return has_common_name(name, text);
	for (; has && *text != '\0'; count++) {
		has = read_attribute(&a, &text) && take(&taken, name, &a);
		ASN1_OBJECT_free(a.type);
	}
	*whole = has && count == X509_NAME_entry_count(name);
	return has;
}
