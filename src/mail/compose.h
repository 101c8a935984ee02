/*
 * compose: the S/MIME entities that hsmime writes (RFC 8551 section 3).
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdbool.h>

#include <hsmime/stream.h>

enum compose_cms { COMPOSE_SIGNED, COMPOSE_ENVELOPED, COMPOSE_AUTH_ENVELOPED };

#define COMPOSE_BOUNDARY_SIZE 64

/*
 * compose_boundary(boundary):
 * A random boundary (RFC 2046; 128 random bits, so that no content holds it),
 * NUL-terminated. 0 or HSMIME_EINTERNAL.
 */
int compose_boundary(char boundary[COMPOSE_BOUNDARY_SIZE]);

/* compose_signed_start(sink, boundary, micalg, crlf): MIME-Version, Content-Type, preamble, first boundary line. */
int compose_signed_start(
    const hsmime_sink *sink, const char *boundary, const char *micalg, bool crlf);

/* compose_signed_middle(...): the boundary behind the content, and the signature part's header; base64 follows. */
int compose_signed_middle(const hsmime_sink *sink, const char *boundary, bool crlf);

/* compose_signed_end(...): the closing boundary. */
int compose_signed_end(const hsmime_sink *sink, const char *boundary, bool crlf);

/* compose_cms_header(sink, what, mime_version, crlf): application/pkcs7-mime with its smime-type, and the empty line; base64 follows. */
int compose_cms_header(
    const hsmime_sink *sink, enum compose_cms what, bool mime_version, bool crlf);

#endif
