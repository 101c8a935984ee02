/*
 * name: a distinguished name and a serial number as text, the same in reports, lists and errors.
 */
#ifndef UTIL_NAME_H
#define UTIL_NAME_H

#include <openssl/types.h>

/*
 * name_text(name):
 * RFC 4514, with UTF-8 as it stands, for example "CN=Legal,O=Example"; NULL where
 * name is NULL or memory is short. The caller frees it.
 */
char *name_text(const X509_NAME *name);

/* serial_text(serial): in hexadecimal; NULL where memory is short. The caller frees it. */
char *serial_text(const ASN1_INTEGER *serial);

#endif
