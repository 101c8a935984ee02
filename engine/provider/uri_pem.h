/*
 * uri_pem: a pkcs11: URI in the place of a private key, for programs that take keys from PEM files
 * only. The format is the pkcs11-provider project's, so that a file works with either:
 *
 *     -----BEGIN PKCS#11 PROVIDER URI-----
 *     SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String uri }
 */
#ifndef ENGINE_PROVIDER_URI_PEM_H
#define ENGINE_PROVIDER_URI_PEM_H

#include <stddef.h>

#define URI_PEM_STRUCTURE "pk11-uri"           /* OpenSSL's "structure" of the DER in it */
#define URI_PEM_URI_MAX 2048                   /* octets of the URI */
#define URI_PEM_DER_MAX (URI_PEM_URI_MAX + 64) /* octets of the DER */

enum uri_pem {
	URI_PEM_OTHER, /* something else: another kind of key */
	URI_PEM_BAD,   /* this format, without a sound URI in it */
	URI_PEM_URI
};

/* The next line of the file, as BIO_gets(3) gives it. */
typedef int uri_pem_line(void *arg, char *line, int size);

/*
 * uri_pem_read(der, len, next, arg):
 * The first PEM block from next, where it is of this kind: URI_PEM_URI, and its octets are der[0..*len).
 * What a sound one never has, longer lines and more octets, headers, other characters, is
 * URI_PEM_BAD. No line behind the block's end is read.
 */
enum uri_pem uri_pem_read(
    unsigned char der[URI_PEM_DER_MAX], size_t *len, uri_pem_line *next, void *arg);

/*
 * uri_pem_decode(uri, der, len):
 * Read len octets of DER, and nothing behind them. With URI_PEM_URI *uri is the URI, which
 * is printable ASCII and begins with pkcs11: (nothing else of it is looked at); free it with free. Else it is NULL.
 */
enum uri_pem uri_pem_decode(char **uri, const unsigned char *der, size_t len);

#endif
