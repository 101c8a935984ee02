#include "engine/selector.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/certificate.h"
#include "engine/subject.h"

#define SERIAL_DIGITS_MAX 128 /* RFC 5280 section 4.1.2.2 has 40 */

static int refuse(struct error *err, const char *why, const char *hint)
{
	error_set(err, HSMIME_EUSAGE, "%s", why);
	return error_hint(err, "%s", hint);
}

/* Digits without "0x", colons and blanks; -1 where there is anything else. */
static int copy_digits(char digits[SERIAL_DIGITS_MAX + 1], const char *text)
{
	size_t len = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (; *text != '\0'; text++) {
		if (*text == ':' || *text == ' ')
			continue;
		if (!isxdigit((unsigned char)*text) || len == SERIAL_DIGITS_MAX)
			return -1;
		digits[len++] = *text;
	}
	digits[len] = '\0';
	return len > 0 ? 0 : -1;
}

static int parse_serial(struct selector *s, struct error *err)
{
	char digits[SERIAL_DIGITS_MAX + 1];

	if (copy_digits(digits, s->value) != 0)
		return refuse(err, "malformed serial number: it is not hexadecimal",
		    "for example serial=4F:0A:11, as 'hsmime keys' shows it");
	return BN_hex2bn(&s->serial, digits) > 0 ? 0 : error_nomem(err);
}

static int parse_subject(struct selector *s, struct error *err)
{
	if (subject_readable(s->value))
		return 0;
	return refuse(err, "malformed subject: it is neither a common name nor TYPE=VALUE,…",
	    "for example \"subject=CN=Alice,O=Example\" or \"subject=Alice\"; a comma, plus sign "
	    "or "
	    "backslash in a value takes a backslash before it");
}

static bool is_address(const char *text)
{
	const char *at = strrchr(text, '@');

	return at != NULL && at != text && at[1] != '\0' && strpbrk(text, " <>\t;") == NULL;
}

int selector_parse(struct selector *s, const char *text, struct error *err)
{
	static const struct {
		const char *prefix;
		enum selector_kind kind;
		int (*parse)(struct selector *s, struct error *err);
	} rows[] = {
		{ "subject=", SELECTOR_SUBJECT, parse_subject },
		{ "serial=", SELECTOR_SERIAL, parse_serial },
	};

	*s = (struct selector){ .kind = SELECTOR_URI, .text = text, .value = text };
	if (text == NULL || strncasecmp(text, "pkcs11:", 7) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].prefix);

		if (strncasecmp(text, rows[i].prefix, len) != 0)
			continue;
		s->kind = rows[i].kind;
		s->value = text + len;
		return rows[i].parse(s, err);
	}
	s->kind = SELECTOR_EMAIL;
	if (is_address(text))
		return 0;
	return refuse(err,
	    "malformed name of a key: it is no pkcs11: URI, e-mail address, subject= or serial=",
	    "for example pkcs11:token=LABEL;id=%01 (RFC 7512), alice@example.org, subject=Alice or "
	    "serial=4F0A11; 'hsmime keys' lists what there is");
}

void selector_free(struct selector *s)
{
	if (s == NULL)
		return;
	BN_free(s->serial);
	s->serial = NULL;
}

static enum selector_grade grade_email(const struct selector *s, X509 *cert)
{
	return certificate_names_email(cert, s->value) ? SELECTOR_WHOLE : SELECTOR_OTHER;
}

static enum selector_grade grade_subject(const struct selector *s, X509 *cert)
{
	bool whole = false;

	if (!subject_has(&whole, X509_get_subject_name(cert), s->value))
		return SELECTOR_OTHER;
	return whole ? SELECTOR_WHOLE : SELECTOR_PART;
}

static enum selector_grade grade_serial(const struct selector *s, X509 *cert)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	bool same = serial != NULL && BN_cmp(serial, s->serial) == 0;

	BN_free(serial);
	return same ? SELECTOR_WHOLE : SELECTOR_OTHER;
}

enum selector_grade selector_grade(const struct selector *s, X509 *cert)
{
	static enum selector_grade (*const grades[])(const struct selector *s, X509 *cert) = {
		[SELECTOR_EMAIL] = grade_email,
		[SELECTOR_SUBJECT] = grade_subject,
		[SELECTOR_SERIAL] = grade_serial,
	};

	return s->kind == SELECTOR_URI ? SELECTOR_OTHER : grades[s->kind](s, cert);
}
