/*
 * subject: a certificate's subject against what a person writes of it.
 */
#ifndef ENGINE_SUBJECT_H
#define ENGINE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

/*
 * subject_readable(text): it is a common name, or attributes as RFC 4514 section 3 writes them,
 * of types that OpenSSL knows by name or that are OIDs.
 */
bool subject_readable(const char *text);

/*
 * subject_has(whole, name, text):
 * Whether name has every attribute of text, each as often, or where text has none ("=") that
 * common name. Without case (ASCII); blanks around "," and "=" don't count. *whole: name has no other.
 */
bool subject_has(bool *whole, const X509_NAME *name, const char *text);

#endif
