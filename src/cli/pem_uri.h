/*
 * pem_uri: a key's pkcs11: URI as a PEM file, for programs that take keys from files only. The
 * provider reads it (docs/PROVIDER.md), and the pkcs11-provider project's does, whose format it is.
 * The template is the reader's too (engine/provider/uri_pem.c), which is no part of the library that the
 * tool is built on; tests/token/provider-pem.bats reads what is written here.
 */
#ifndef CLI_PEM_URI_H
#define CLI_PEM_URI_H

#include <stdio.h>

#define PEM_URI_MAX 2048 /* octets of the URI, the provider's limit */

/*
 * pem_uri_write(out, uri, query):
 * The URI of a private key, with query (from '?' on, or "") behind it. Returns 0, HSMIME_EUSAGE (longer than
 * PEM_URI_MAX), HSMIME_EIO or HSMIME_ENOMEM.
 */
int pem_uri_write(FILE *out, const char *uri, const char *query);

#endif
