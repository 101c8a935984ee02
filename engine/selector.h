/*
 * selector: how a person names a key: by its pkcs11: URI, or by what its
 * certificate says: an e-mail address, the subject, the serial number.
 */
#ifndef ENGINE_SELECTOR_H
#define ENGINE_SELECTOR_H

#include <openssl/bn.h>
#include <openssl/x509.h>

#include "util/error.h"

enum selector_kind { SELECTOR_URI, SELECTOR_EMAIL, SELECTOR_SUBJECT, SELECTOR_SERIAL };

/* How well a certificate is what was named; the best grade that there is counts. */
enum selector_grade { SELECTOR_OTHER, SELECTOR_PART, SELECTOR_WHOLE };

/* A name of a key that was read; free with selector_free. */
struct selector {
	enum selector_kind kind;
	const char *text;  /* as it was given, the caller's; NULL (a URI): any key */
	const char *value; /* text behind "subject=" or "serial=", else text */
	BIGNUM *serial;
};

/*
 * selector_parse(s, text, err):
 * Read one of
 *	pkcs11:…       or NULL: an RFC 7512 URI; engine/uri.h looks at the rest
 *	USER@HOST      an e-mail address of the certificate
 *	subject=NAME   the certificate's subject as RFC 4514 writes it, some of its attributes
 *	               (CN=…,O=…), or its common name alone
 *	serial=HEX     the certificate's serial number; "0x", colons and leading zeros are allowed
 * Returns 0, HSMIME_EUSAGE with a hint, or HSMIME_ENOMEM.
 */
int selector_parse(struct selector *s, const char *text, struct error *err);

/* selector_free(s): NULL or zeroed is allowed. */
void selector_free(struct selector *s);

/*
 * selector_grade(s, cert):
 * Whether s, which is no URI, names cert. Letters are compared without case. Of a subject
 * SELECTOR_WHOLE is all of it or its common name, SELECTOR_PART some of its attributes.
 */
enum selector_grade selector_grade(const struct selector *s, X509 *cert);

#endif
