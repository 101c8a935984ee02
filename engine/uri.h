/*
 * uri: RFC 7512 URIs: parsed and matched by p11-kit, refused where their author
 * could make us run something or see a PIN.
 */
#ifndef ENGINE_URI_H
#define ENGINE_URI_H

#include <stdbool.h>
#include <stddef.h>

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include "util/error.h"

struct module;
struct token;

/* A URI that was parsed; free with uri_free. */
struct uri {
	P11KitUri *p11;         /* NULL: matches everything */
	const char *pin_source; /* or NULL; belongs to p11 */
};

/*
 * uri_parse(u, text, m, err):
 * Parse text (NULL: matches everything). Returns 0, HSMIME_EUSAGE (malformed,
 * unknown or repeated attributes), HSMIME_ENOMEM, or HSMIME_EPOLICY: pin-value, which would
 * show the PIN to others; a pin-source that is a command; a module-path or
 * module-name other than m's or, for p11-kit's proxy, the configured modules' (m NULL: any will do).
 */
int uri_parse(struct uri *u, const char *text, const struct module *m, struct error *err);

/* uri_free(u): NULL or zeroed is allowed. */
void uri_free(struct uri *u);

/* uri_matches_token(u, t): by token, serial, manufacturer, model and slot. */
bool uri_matches_token(const struct uri *u, const struct token *t);

/* uri_names_token(u): by label or serial number. */
bool uri_names_token(const struct uri *u);

/* uri_attribute(u, type): CKA_ID or CKA_LABEL or CKA_CLASS of the URI, or NULL. */
const CK_ATTRIBUTE *uri_attribute(const struct uri *u, CK_ATTRIBUTE_TYPE type);

/*
 * uri_id_in_digits(u): the ID's octets are hexadecimal digits: perhaps one that was to be hexadecimal
 * and lacks its percent signs.
 */
bool uri_id_in_digits(const struct uri *u);

/*
 * uri_format(out, t, id, label, object_class):
 * A new URI of an object on t, or of t itself where id and label are NULL or
 * empty and object_class is CK_UNAVAILABLE_INFORMATION. Free with free.
 * Returns 0 or HSMIME_ENOMEM.
 */
int uri_format(char **out, const struct token *t, const CK_ATTRIBUTE *id, const CK_ATTRIBUTE *label,
    CK_OBJECT_CLASS object_class);

/*
 * uri_format_brief(out, t, serial, id, label): the same with the token's label, with serial its
 * serial number, and what a person needs to choose.
 */
int uri_format_brief(char **out, const struct token *t, bool serial, const CK_ATTRIBUTE *id,
    const CK_ATTRIBUTE *label);

#endif
